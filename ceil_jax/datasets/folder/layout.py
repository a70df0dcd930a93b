"""A folder of one's own cameras: unlabelled for training, labelled for evaluation."""

import difflib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ceil_jax.common.errors import DataError
from ceil_jax.datasets.files import files_below, folders_in, is_image
from ceil_jax.datasets.listing import Layout, Listing, Row, listing_of
from ceil_jax.datasets.modalities import MODALITIES

TITLE = "folder"
ROLES = ("query", "gallery")
PARTS = (*MODALITIES, *ROLES)
JUNK = ("thumbs.db", "desktop.ini")  # besides hidden files


class Found(NamedTuple):
    """One image and the folders that say what it is.

    Attributes:
        name: Path below the root.
        modality: Number of the modality.
        camera: Name of the camera's folder.
        identity: Name of the person's folder, None for training images.
    """

    name: str
    modality: int
    camera: str
    identity: str | None


def read_listing(root: Path) -> Listing:
    """List the images for training and, where there are any, for evaluation.

    Training images are `{visible,infrared}/{camera}/**`, test images
    `{query,gallery}/{visible,infrared}/{camera}/{identity}/*`. Cameras and identities
    have any names; each gets the number, from 1, of its name among all the sorted ones.
    A camera's name stands for the same place in either modality and in each part.

    Args:
        root: The folder.

    Returns:
        The images, with the names of cameras and people by number.

    Raises:
        DataError: There is no image, an image lies where it belongs to no camera or
            person, a folder's name is none of the four, or only one of query and
            gallery is there.
    """
    if not root.is_dir():
        raise DataError(f"no such data folder: {root}")
    _refuse_strangers(root)
    others: Counter[str] = Counter()
    found = [image for part in PARTS for image in _images(root, part, others)]
    if not found:
        raise DataError(
            f"{root} holds no image: put them into {root / 'visible'}/<camera>/ and "
            f"{root / 'infrared'}/<camera>/"
        )
    _need_both_roles(root, found)
    cameras = _numbers({image.camera for image in found})
    identities = _numbers({i.identity for i in found if i.identity is not None})
    rows = [
        Row(
            name=image.name,
            identity=-1 if image.identity is None else identities[image.identity],
            camera=cameras[image.camera],
            modality=image.modality,
            train=(image.identity is None,),
            test=(image.identity is not None,),
        )
        for image in found
    ]
    return listing_of(
        rows,
        notes=_notes(root, found, others),
        camera_names={number: name for name, number in cameras.items()},
        identity_names={number: name for name, number in identities.items()},
    )


def _numbers(names: set[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(sorted(names), start=1)}


def _images(root: Path, part: str, others: Counter[str]) -> Iterator[Found]:
    """The images of one of the four folders; other files are counted by extension."""
    for path in files_below(root / part):
        name, parts = f"{part}/{path}", path.split("/")
        if not is_image(parts[-1]):
            if not parts[-1].startswith(".") and parts[-1].lower() not in JUNK:
                others[Path(name).suffix.lower() or "none"] += 1
        elif part in ROLES:
            if len(parts) != 4 or parts[0] not in MODALITIES:
                raise DataError(
                    f"{root / name}: expected {part}/<visible or infrared>/<camera>/"
                    "<identity>/<image>"
                )
            yield Found(name, MODALITIES.index(parts[0]), parts[1], parts[2])
        else:
            if len(parts) < 2:
                raise DataError(
                    f"{root / name} lies in no camera's folder: expected "
                    f"{part}/<camera>/<image>"
                )
            yield Found(name, MODALITIES.index(part), parts[0], None)


def _refuse_strangers(root: Path) -> None:
    """Stop at images outside the four folders: a mistyped name would hide them."""
    for entry in sorted(root.iterdir()):
        if entry.name in PARTS or entry.name.startswith("."):
            continue
        inside = files_below(entry) if entry.is_dir() else [entry.name]
        if any(is_image(path.rpartition("/")[2]) for path in inside):
            close = difflib.get_close_matches(entry.name.lower(), PARTS, n=1)
            hint = f"did you mean {close[0]}? " if close else ""
            raise DataError(
                f"{entry} would not be read: {hint}images lie in {', '.join(PARTS)} "
                "(lower case); rename it or move it away"
            )


def _need_both_roles(root: Path, found: list[Found]) -> None:
    counts = {
        role: sum(image.name.startswith(f"{role}/") for image in found)
        for role in ROLES
    }
    if any(counts.values()) and not all(counts.values()):
        raise DataError(
            f"{root}: query holds {counts['query']} images and gallery "
            f"{counts['gallery']}; evaluation needs both, training needs neither"
        )


def _notes(root: Path, found: list[Found], others: Counter[str]) -> Iterator[str]:
    """What does no harm but may surprise."""
    filled = {image.name.split("/")[0] + "/" + image.camera for image in found}
    for modality in MODALITIES:
        for camera in folders_in(root / modality):
            if f"{modality}/{camera}" not in filled:
                yield f"{modality}/{camera} holds no image"
    if others:
        kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(others.items()))
        yield f"{sum(others.values())} files are no images by their names ({kinds})"


def deviations(listing: Listing) -> list[str]:
    """None: a folder of one's own has no figures to compare with.

    Args:
        listing: The images.

    Returns:
        Nothing.
    """
    del listing
    return []


LAYOUT = Layout(TITLE, 1, read_listing, deviations)
