"""Small data folders of the real layouts, made for a test.

Every image is one flat colour that tells what it shows:
(10 x identity, 20 x camera + 10 x modality, number).
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from ceil_jax.datasets.listing import Listing

NUM_TRIALS = 10
VISIBLE, INFRARED = 0, 1


def write_image(
    path: Path, identity: int, camera: int, modality: int, number: int = 0
) -> None:
    """Write a flat image of 6 x 12 pixels and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = (10 * identity, 20 * camera + 10 * modality, number)
    image = Image.new("RGB", (6, 12), colour)
    if path.suffix == ".jpg":
        image.save(path, quality=100, subsampling=0)
    else:
        image.save(path)


def keep(listing: Listing, kept: np.ndarray) -> Listing:
    """The images of a listing where `kept` is true."""
    return Listing(
        names=[name for name, k in zip(listing.names, kept, strict=True) if k],
        identities=listing.identities[kept],
        cameras=listing.cameras[kept],
        modalities=listing.modalities[kept],
        train=listing.train[kept],
        test=listing.test[kept],
    )


def write_regdb(root: Path, *, num_identities: int = 4, images: int = 2) -> Path:
    """A folder like RegDB: each trial trains on another half of the people."""
    people = list(range(1, num_identities + 1))
    names: dict[tuple[str, int], list[str]] = {}
    for kind, (folder, letter) in enumerate((("Visible", "v"), ("Thermal", "t"))):
        for identity in people:
            for number in range(images):
                name = f"male_back_{letter}_{number:05d}_{identity}.bmp"
                place = root / folder / str(identity) / name
                write_image(place, identity, 1 + kind, kind, number)
                names.setdefault((folder, identity), []).append(
                    f"{folder}/{identity}/{name}"
                )
    (root / "idx").mkdir()
    for trial in range(1, NUM_TRIALS + 1):
        order = np.random.RandomState(trial).permutation(people).tolist()
        half = num_identities // 2
        for split, chosen in (("train", order[:half]), ("test", order[half:])):
            for folder in ("Visible", "Thermal"):
                lines = [
                    f"{name} {label}\n"
                    for label, identity in enumerate(chosen)
                    for name in names[folder, identity]
                ]
                path = root / "idx" / f"{split}_{folder.lower()}_{trial}.txt"
                path.write_text("".join(lines))
    return root


def write_sysu(root: Path, *, images: int = 2) -> Path:
    """A folder like SYSU-MM01: 1 and 2 train, 3 in the list val, 4 and 11 test.

    Person 9 is in no list, and person 2 was not seen by camera 1.
    """
    for camera in range(1, 7):
        kind = INFRARED if camera in (3, 6) else VISIBLE
        for identity in (1, 2, 3, 4, 9, 11):
            if (camera, identity) == (1, 2):
                continue
            for number in range(1, images + 1):
                path = root / f"cam{camera}" / f"{identity:04d}" / f"{number:04d}.jpg"
                write_image(path, identity, camera, kind, number)
    (root / "exp").mkdir()
    (root / "exp" / "train_id.txt").write_text("1,2\n")
    (root / "exp" / "val_id.txt").write_text("3")
    (root / "exp" / "test_id.txt").write_text("4,11\n")
    return root


def write_llcm(root: Path, *, images: int = 2) -> Path:
    """A folder like LLCM: 1 and 2 train, 4 and 11 test; person 9 is in no list."""
    for kind, word in enumerate(("vis", "nir")):
        lines = []
        for camera in (1, 2, 3, 4, 5, 6, 7, 8, 9):
            if word == "nir" and camera == 3:
                (root / "test_nir" / "cam3").mkdir(parents=True)
                continue
            for identity in (1, 2, 4, 9, 11):
                for number in range(images):
                    name = (
                        f"{identity:04d}/{identity:04d}_c{camera:02d}_s000003_"
                        f"f{number}_{word}.jpg"
                    )
                    place = word if identity in (1, 2) else f"test_{word}/cam{camera}"
                    write_image(root / place / name, identity, camera, kind, number)
                    if identity in (1, 2):
                        lines.append(f"{place}/{name} {identity - 1}\n")
        (root / "idx").mkdir(exist_ok=True)
        (root / "idx" / f"train_{word}.txt").write_text("".join(lines))
    (root / "idx" / "test_id.txt").write_text("4,11\n")
    return root


def write_folder(root: Path, *, images: int = 2) -> Path:
    """A folder of one's own: cameras door (1), hall (2) and roof (3), people x and y.

    The roof has no infrared camera, the door none for training.
    Nothing shows who is in the images for training: they are coloured as person 0.
    """
    for kind, word in enumerate(("visible", "infrared")):
        for camera in (2, 3) if kind == VISIBLE else (2,):
            place = root / word / ("door", "hall", "roof")[camera - 1] / "2024" / "may"
            for number in range(images):
                write_image(place / f"{number}.jpg", 0, camera, kind, number)
        for role, camera in (("query", 1), ("gallery", 2)):
            for identity, person in ((1, "x"), (2, "y")):
                place = root / role / word / ("door", "hall")[camera - 1] / person
                for number in range(images):
                    write_image(place / f"{number}.png", identity, camera, kind, number)
    return root


class Tree(NamedTuple):
    """What a test must know of a data set to spoil its folder.

    Attributes:
        write: Makes a folder at a path.
        title: The data set's name in messages.
        first: A visible training image of person 1, camera 1 where it has one.
        other: An infrared image.
        lists: Files that list people or images.
    """

    write: Callable[[Path], Path]
    title: str
    first: str
    other: str
    lists: tuple[str, ...]


TREES = {
    "regdb": Tree(
        write_regdb,
        "RegDB",
        "Visible/1/male_back_v_00000_1.bmp",
        "Thermal/2/male_back_t_00001_2.bmp",
        ("idx/train_visible_3.txt", "idx/test_thermal_10.txt"),
    ),
    "sysu_mm01": Tree(
        write_sysu,
        "SYSU-MM01",
        "cam1/0001/0001.jpg",
        "cam6/0011/0002.jpg",
        ("exp/train_id.txt", "exp/val_id.txt", "exp/test_id.txt"),
    ),
    "llcm": Tree(
        write_llcm,
        "LLCM",
        "vis/0001/0001_c01_s000003_f0_vis.jpg",
        "test_nir/cam9/0011/0011_c09_s000003_f1_nir.jpg",
        ("idx/train_vis.txt", "idx/train_nir.txt", "idx/test_id.txt"),
    ),
    "folder": Tree(
        write_folder,
        "folder",
        "visible/hall/2024/may/0.jpg",
        "query/infrared/door/y/1.png",
        (),
    ),
}
