"""RegDB's folder: its lists of images, and whether they are whole."""

from pathlib import Path, PurePosixPath

import numpy as np

from ceil_jax.datasets.files import (
    need_folder,
    read_image_list,
    refuse_overlap,
    split_missing,
)
from ceil_jax.datasets.listing import Layout, Listing, Row, listing_of
from ceil_jax.datasets.modalities import INFRARED, VISIBLE

TITLE = "RegDB"
CONTENTS = "Visible, Thermal and idx"
NUM_TRIALS = 10
NUM_IDENTITIES = 412
IDENTITIES_PER_SPLIT = 206
IMAGES_PER_LIST = 2060
FOLDERS = {VISIBLE: "Visible", INFRARED: "Thermal"}
LISTS = {VISIBLE: "visible", INFRARED: "thermal"}
CAMERAS = {VISIBLE: 1, INFRARED: 2}
SPLITS = ("train", "test")


def read_listing(root: Path) -> Listing:
    """List the images that the forty lists name.

    Args:
        root: RegDB's folder, which holds `Visible`, `Thermal` and `idx`.

    Returns:
        The images, with the trials that train and test on each.

    Raises:
        DataError: A list is missing, a line cannot be read, or a trial tests on a
            person that it trains on.
    """
    need_folder(root, "idx", TITLE, CONTENTS)
    rows: list[Row] = []
    missing: list[str] = []
    details: list[str] = []
    for modality in (VISIBLE, INFRARED):
        used = _trials(root, modality)
        names, absent, each = split_missing(root, sorted(used))
        rows += [_row(name, modality, used[name]) for name in names]
        missing += absent
        details += each
    listing = listing_of(rows, num_trials=NUM_TRIALS, missing=missing, details=details)
    for trial in range(NUM_TRIALS):
        refuse_overlap(
            root / "idx",
            listing.identities[listing.train[:, trial]],
            listing.identities[listing.test[:, trial]],
            f"trial {trial + 1} lists",
        )
    return listing


def _trials(root: Path, modality: int) -> dict[str, np.ndarray]:
    """Of each listed image, (2, 10) bool: which trials train and test on it."""
    used: dict[str, np.ndarray] = {}
    folder = FOLDERS[modality]
    for row, split in enumerate(SPLITS):
        for trial in range(NUM_TRIALS):
            path = root / "idx" / f"{split}_{LISTS[modality]}_{trial + 1}.txt"
            pattern = rf"{folder}/[0-9]+/[^/]+"
            for name in read_image_list(path, pattern, f"{folder}/<identity>/<image>"):
                used.setdefault(name, np.zeros((2, NUM_TRIALS), bool))[row, trial] = (
                    True
                )
    return used


def _row(name: str, modality: int, trials: np.ndarray) -> Row:
    train, test = (tuple(row.tolist()) for row in trials)
    return Row(name, identity_of(name), CAMERAS[modality], modality, train, test)


def identity_of(name: str) -> int:
    """The person's number, from the folder that the image lies in."""
    return int(PurePosixPath(name).parent.name)


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
        for split, slots in zip(SPLITS, (listing.train, listing.test), strict=True):
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


LAYOUT = Layout(TITLE, NUM_TRIALS, read_listing, deviations)
