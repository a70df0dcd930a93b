"""What RegDB's folder holds: its lists of images, and whether they are whole."""

import re
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from data.errors import DataError
from data.schema import INFRARED, VISIBLE

NUM_TRIALS = 10
NUM_IDENTITIES = 412
IDENTITIES_PER_SPLIT = 206
IMAGES_PER_LIST = 2060
FOLDERS = {VISIBLE: "Visible", INFRARED: "Thermal"}
LISTS = {VISIBLE: "visible", INFRARED: "thermal"}
SPLITS = ("train", "test")


class Listing(NamedTuple):
    """Every image that the lists of the ten trials name, sorted by path.

    Attributes:
        names: (n,) paths below the data folder.
        identities: (n,) int, the number of the person's folder.
        modalities: (n,) int.
        train_trials: (n, 10) bool, whether a trial trains on the image.
        test_trials: (n, 10) bool, whether a trial tests on it.
    """

    names: list[str]
    identities: np.ndarray
    modalities: np.ndarray
    train_trials: np.ndarray
    test_trials: np.ndarray


def read_listing(root: Path) -> Listing:
    """Read the forty lists of images.

    Args:
        root: RegDB's folder, which holds `Visible`, `Thermal` and `idx`.

    Returns:
        The images.

    Raises:
        DataError: A folder or list is missing, a line cannot be read, or a trial tests
            on a person that it trains on.
    """
    if not root.is_dir():
        raise DataError(f"no such data folder: {root}")
    for folder in (*FOLDERS.values(), "idx"):
        if not (root / folder).is_dir():
            raise DataError(
                f"{root} has no folder {folder}: RegDB as distributed holds Visible, "
                "Thermal and idx"
            )
    used: dict[str, np.ndarray] = {}  # (train or test, trial)
    modalities: dict[str, int] = {}
    for modality in (VISIBLE, INFRARED):
        for row, split in enumerate(SPLITS):
            for trial in range(NUM_TRIALS):
                path = root / "idx" / f"{split}_{LISTS[modality]}_{trial + 1}.txt"
                for name in _read_list(path, FOLDERS[modality]):
                    slots = used.setdefault(name, np.zeros((2, NUM_TRIALS), dtype=bool))
                    slots[row, trial] = True
                    modalities[name] = modality
    names = sorted(used)
    trials = np.array([used[name] for name in names])
    listing = Listing(
        names=names,
        identities=np.array([identity_of(name) for name in names]),
        modalities=np.array([modalities[name] for name in names]),
        train_trials=trials[:, 0],
        test_trials=trials[:, 1],
    )
    _refuse_overlap(root, listing)
    return listing


def identity_of(name: str) -> int:
    """The person's number, from the folder that the image lies in."""
    return int(PurePosixPath(name).parent.name)


def _read_list(path: Path, folder: str) -> list[str]:
    """Names of the images of one list, e.g. `Visible/285/back_v_05528_285.bmp 0`."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise DataError(f"missing list of images: {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read list of images {path}: {error}") from error
    names = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name = line.strip().rpartition(" ")[0].strip().replace("\\", "/")
        parts = PurePosixPath(name).parts
        if not re.fullmatch(rf"{folder}/\d+/[^/]+", name) or ".." in parts:
            raise DataError(
                f"{path}, line {number}: expected '{folder}/<identity>/<image> <label>'"
                f", found {line.strip()!r}"
            )
        names.append(name)
    if not names:
        raise DataError(f"list of images is empty: {path}")
    return names


def _refuse_overlap(root: Path, listing: Listing) -> None:
    """Stop where a trial would test on people that it was trained on."""
    for trial in range(NUM_TRIALS):
        train = listing.identities[listing.train_trials[:, trial]]
        test = listing.identities[listing.test_trials[:, trial]]
        both = np.intersect1d(train, test)
        if both.size:
            raise DataError(
                f"{root / 'idx'}: trial {trial + 1} lists {both.size} identities for "
                f"training and for testing, the first one {both[0]}"
            )


def deviations(listing: Listing) -> list[str]:
    """Figures of a listing that are not RegDB's.

    Args:
        listing: The images.

    Returns:
        A phrase for each wrong figure; none for the whole data set.
    """
    found = []
    total = len(np.unique(listing.identities))
    if total != NUM_IDENTITIES:
        found.append(f"{total} identities instead of {NUM_IDENTITIES}")
    for modality, word in LISTS.items():
        for split, slots in zip(
            SPLITS, (listing.train_trials, listing.test_trials), strict=True
        ):
            for trial in range(NUM_TRIALS):
                rows = slots[:, trial] & (listing.modalities == modality)
                people = len(np.unique(listing.identities[rows]))
                images = int(rows.sum())
                if (people, images) != (IDENTITIES_PER_SPLIT, IMAGES_PER_LIST):
                    found.append(
                        f"{split}_{word}_{trial + 1}: {people} identities and {images} "
                        f"images instead of {IDENTITIES_PER_SPLIT} and "
                        f"{IMAGES_PER_LIST}"
                    )
    return found
