"""SYSU-MM01's folder: cameras, lists of people, and whether they are whole."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ceil_jax.datasets.files import (
    images_in,
    need_folder,
    numbered_folders,
    read_identities,
    refuse_overlap,
)
from ceil_jax.datasets.listing import Layout, Listing, Row, listing_of
from ceil_jax.datasets.modalities import INFRARED, VISIBLE

TITLE = "SYSU-MM01"
CONTENTS = "cam1 to cam6 and exp"
VISIBLE_CAMERAS, INFRARED_CAMERAS = (1, 2, 4, 5), (3, 6)
CAMERAS = (1, 2, 3, 4, 5, 6)
INDOOR_GALLERY = (1, 2)
SAME_ROOM = {3: 2}  # an infrared camera's queries do not count there
TRAIN_LISTS, TEST_LISTS = ("train_id.txt", "val_id.txt"), ("test_id.txt",)
# Per part: identities, and of each camera (identities, images).
COUNTS = {
    "training": (
        395,
        {
            1: (194, 4721),
            2: (195, 5753),
            3: (392, 7909),
            4: (382, 5811),
            5: (390, 5973),
            6: (200, 4000),
        },
    ),
    "test": (
        96,
        {
            1: (56, 1374),
            2: (56, 1565),
            3: (93, 1883),
            4: (94, 1918),
            5: (95, 1918),
            6: (96, 1920),
        },
    ),
}
NUM_INDOOR_QUERIES = 2208


def read_listing(root: Path) -> Listing:
    """List the images of the people that `exp` names.

    Those of `train_id.txt` and `val_id.txt` are for training, those of `test_id.txt`
    for testing; images of nobody in them are left out. The camera is the number in the
    name of the folder two above the image, the person that of the folder above it.

    Args:
        root: SYSU-MM01's folder, which holds `cam1` to `cam6` and `exp`.

    Returns:
        The images.

    Raises:
        DataError: A list is missing or cannot be read, or a person is for training and
            for testing.
    """
    need_folder(root, "exp", TITLE, CONTENTS)
    train, test = (
        [person for name in lists for person in read_identities(root / "exp" / name)]
        for lists in (TRAIN_LISTS, TEST_LISTS)
    )
    refuse_overlap(root / "exp", np.array(train), np.array(test), "the lists name")
    rows = list(_rows(root, set(train), set(test)))
    missing = [
        f"no folder {root / f'cam{camera}'}"
        for camera in CAMERAS
        if not (root / f"cam{camera}").is_dir()
    ]
    seen = {row.identity for row in rows}
    details: list[str] = []
    for lists, people in ((TRAIN_LISTS, train), (TEST_LISTS, test)):
        absent = sorted(set(people) - seen)
        if absent:
            names = f"{root / 'exp' / lists[0]}" + "".join(
                f" and {n}" for n in lists[1:]
            )
            missing.append(
                f"no image of {len(absent)} of the {len(set(people))} identities in "
                f"{names}, the first {absent[0]}"
            )
            details += [f"no image of identity {person}" for person in absent]
    return listing_of(rows, missing=missing, details=details)


def _rows(root: Path, train: set[int], test: set[int]) -> Iterator[Row]:
    for camera in CAMERAS:
        place = root / f"cam{camera}"
        for identity, folder in numbered_folders(place).items():
            if identity not in train and identity not in test:
                continue
            for file in images_in(place / folder):
                yield Row(
                    name=f"cam{camera}/{folder}/{file}",
                    identity=identity,
                    camera=camera,
                    modality=VISIBLE if camera in VISIBLE_CAMERAS else INFRARED,
                    train=(identity in train,),
                    test=(identity in test,),
                )


def deviations(listing: Listing) -> list[str]:
    """Figures of a listing that are not SYSU-MM01's.

    The single-shot galleries need no check of their own: they hold an image per camera
    and identity, so 56 + 56 + 94 + 95 = 301, and 112 indoors.

    Args:
        listing: The images.

    Returns:
        A phrase for each wrong figure; none for the whole data set.
    """
    found = []
    for part, member in (("training", listing.train), ("test", listing.test)):
        rows = member[:, 0]
        num_identities, cameras = COUNTS[part]
        people = len(np.unique(listing.identities[rows]))
        if people != num_identities:
            found.append(f"{people} {part} identities instead of {num_identities}")
        for camera, (num_people, num_images) in cameras.items():
            here = rows & (listing.cameras == camera)
            people, images = len(np.unique(listing.identities[here])), int(here.sum())
            if (people, images) != (num_people, num_images):
                found.append(
                    f"cam{camera} {part}: {people} identities and {images} images "
                    f"instead of {num_people} and {num_images}"
                )
    queries = num_indoor_queries(listing)
    if queries != NUM_INDOOR_QUERIES:
        found.append(
            f"{queries} queries that count in indoor search instead of "
            f"{NUM_INDOOR_QUERIES}"
        )
    return found


def num_indoor_queries(listing: Listing) -> int:
    """How many infrared test images show someone who is in their indoor gallery.

    Args:
        listing: The images.
    """
    tested = listing.test[:, 0]
    total = 0
    for camera in INFRARED_CAMERAS:
        others = [c for c in INDOOR_GALLERY if c != SAME_ROOM.get(camera)]
        gallery = listing.identities[tested & np.isin(listing.cameras, others)]
        queries = listing.identities[tested & (listing.cameras == camera)]
        total += int(np.isin(queries, gallery).sum())
    return total


LAYOUT = Layout(TITLE, 1, read_listing, deviations)
