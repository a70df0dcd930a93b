"""LLCM's folder: training lists, test cameras, and whether they are whole."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from ceil_jax.datasets.files import (
    images_in,
    need_folder,
    numbered_folders,
    read_identities,
    read_image_list,
    refuse_overlap,
    split_missing,
)
from ceil_jax.datasets.listing import Layout, Listing, Row, listing_of
from ceil_jax.datasets.modalities import INFRARED, MODALITIES, VISIBLE

TITLE = "LLCM"
CONTENTS = "vis, nir, test_vis, test_nir and idx"
WORDS = {VISIBLE: "vis", INFRARED: "nir"}
CAMERAS = {VISIBLE: (1, 2, 3, 4, 5, 6, 7, 8, 9), INFRARED: (1, 2, 4, 5, 6, 7, 8, 9)}
# Per part: identities, visible images, infrared images.
COUNTS = {"training": (713, (16946, 13975)), "test": (351, (8680, 7166))}


def read_listing(root: Path) -> Listing:
    """List the images of the two training lists and of the test people's folders.

    A training image's person is the number of its folder, its camera the number after
    `_c` in its own name. A test image's camera is the number of the folder `cam{k}` two
    above it, its person that of the folder above it.

    Args:
        root: LLCM's folder, which holds `vis`, `nir`, `test_vis`, `test_nir` and `idx`.

    Returns:
        The images.

    Raises:
        DataError: A list is missing or cannot be read, or a person is for training and
            for testing.
    """
    need_folder(root, "idx", TITLE, CONTENTS)
    rows: list[Row] = []
    missing: list[str] = []
    details: list[str] = []
    for modality in (VISIBLE, INFRARED):
        names, absent, each = split_missing(root, _listed(root, modality))
        rows += [_train_row(name, modality) for name in names]
        missing += absent
        details += each
    people = read_identities(root / "idx" / "test_id.txt")
    tested = [row for m in (VISIBLE, INFRARED) for row in _test_rows(root, m, people)]
    absent_people = sorted(set(people) - {row.identity for row in tested})
    if absent_people:
        missing.append(
            f"no image of {len(absent_people)} of the {len(people)} identities in "
            f"{root / 'idx' / 'test_id.txt'}, the first {absent_people[0]}"
        )
        details += [f"no image of identity {person}" for person in absent_people]
    listing = listing_of(rows + tested, missing=missing, details=details)
    refuse_overlap(
        root / "idx",
        listing.identities[listing.train[:, 0]],
        np.array(people),
        "the lists name",
    )
    return listing


def _listed(root: Path, modality: int) -> list[str]:
    word = WORDS[modality]
    return sorted(
        set(
            read_image_list(
                root / "idx" / f"train_{word}.txt",
                rf"{word}/[0-9]+/[^/]*_c[0-9]+_[^/]*",
                f"{word}/<identity>/<identity>_c<camera>_...",
            )
        )
    )


def _train_row(name: str, modality: int) -> Row:
    path = PurePosixPath(name)
    camera = re.search(r"_c([0-9]+)_", path.name)
    assert camera is not None  # by the pattern of the list
    return Row(name, int(path.parent.name), int(camera[1]), modality, (True,), (False,))


def _test_rows(root: Path, modality: int, people: list[int]) -> Iterator[Row]:
    wanted = set(people)
    for camera in range(1, 10):
        place = root / f"test_{WORDS[modality]}" / f"cam{camera}"
        for identity, folder in numbered_folders(place).items():
            if identity not in wanted:
                continue
            for file in images_in(place / folder):
                name = f"test_{WORDS[modality]}/cam{camera}/{folder}/{file}"
                yield Row(name, identity, camera, modality, (False,), (True,))


def deviations(listing: Listing) -> list[str]:
    """Figures of a listing that are not LLCM's.

    Args:
        listing: The images.

    Returns:
        A phrase for each wrong figure; none for the whole data set.
    """
    found = []
    for part, member in (("training", listing.train), ("test", listing.test)):
        rows = member[:, 0]
        num_identities, num_images = COUNTS[part]
        people = len(np.unique(listing.identities[rows]))
        if people != num_identities:
            found.append(f"{people} {part} identities instead of {num_identities}")
        for modality, word in enumerate(MODALITIES):
            here = rows & (listing.modalities == modality)
            images = int(here.sum())
            if images != num_images[modality]:
                found.append(
                    f"{images} {word} {part} images instead of {num_images[modality]}"
                )
            cameras = tuple(np.unique(listing.cameras[here]).tolist())
            known = CAMERAS[modality]
            # The counts above find a camera that training lacks.
            if cameras != known if part == "test" else set(cameras) - set(known):
                found.append(
                    f"{word} {part} cameras {_numbers(cameras)} instead of "
                    f"{_numbers(known)}"
                )
    return found


def _numbers(cameras: tuple[int, ...]) -> str:
    return ", ".join(map(str, cameras)) or "none"


LAYOUT = Layout(TITLE, 1, read_listing, deviations)
