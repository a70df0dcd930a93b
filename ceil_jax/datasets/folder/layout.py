"""A folder of one's own cameras: unlabelled for training, labelled for evaluation."""

import difflib
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ceil_jax.common.errors import DataError
from ceil_jax.datasets.files import (
    EXTENSIONS,
    Walk,
    folders_in,
    images_in,
    is_image,
    need_root,
)
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
            person, a folder cannot be read, is part of two of the four, or has a name
            that is none of them, or only one of query and gallery is there.
    """
    need_root(root)
    _refuse_strangers(root)
    others: Counter[str] = Counter()
    walk = Walk(root)
    found = [image for part in PARTS for image in _images(root, part, walk, others)]
    if not found:
        raise DataError(
            f"{root} holds no image: put them into {root / 'visible'}/<camera>/ and "
            f"{root / 'infrared'}/<camera>/{_not_read(others)}"
        )
    _refuse_shared(root, walk)
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
        notes=_notes(root, found, walk, others),
        camera_names={number: name for name, number in cameras.items()},
        identity_names={number: name for name, number in identities.items()},
    )


def _numbers(names: set[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(sorted(names), start=1)}


def _images(root: Path, part: str, walk: Walk, others: Counter[str]) -> Iterator[Found]:
    """The images of one of the four folders; other files are counted by extension."""
    paths = []
    for path in walk.files(part):
        name = path.rpartition("/")[2]
        if is_image(name):
            paths.append(path)
        elif name.lower() not in JUNK:
            others[Path(name).suffix.lower() or "none"] += 1
    direct = [path for path in paths if "/" not in path]
    for path in paths:
        name, parts = f"{part}/{path}", path.split("/")
        if part in ROLES:
            if len(parts) != 4 or parts[0] not in MODALITIES:
                raise DataError(
                    f"{root / name}: expected {part}/<visible or infrared>/<camera>/"
                    "<identity>/<image>"
                )
            yield Found(name, MODALITIES.index(parts[0]), parts[1], parts[2])
        else:
            if direct and len(direct) < len(paths):
                raise DataError(
                    f"{root / part / direct[0]} lies in no camera's folder: expected "
                    f"{part}/<camera>/<image>"
                )
            camera = part if direct else parts[0]
            yield Found(name, MODALITIES.index(part), camera, None)


def _not_read(others: Counter[str]) -> str:
    """What there is instead of images, in brackets."""
    if not others:
        return ""
    return f" ({_kinds(others)}; images end in {', '.join(EXTENSIONS)})"


def _kinds(others: Counter[str]) -> str:
    num, counts = sum(others.values()), sorted(others.items())
    files = "1 file is no image" if num == 1 else f"{num} files are no images"
    return f"{files} by name: {', '.join(f'{n} {kind}' for kind, n in counts)}"


def _refuse_shared(root: Path, walk: Walk) -> None:
    """Stop where one folder is linked from two parts: its images cannot be of both."""
    for one, other in walk.same:
        if one.split("/")[0] != other.split("/")[0]:
            raise DataError(
                f"{root / one} and {root / other} are the same folder: an image is for "
                "training or for evaluation, visible or infrared, a query or in the "
                "gallery; remove one of the links"
            )


def _refuse_strangers(root: Path) -> None:
    """Stop at images outside the four folders: a mistyped name would hide them."""
    folders = folders_in(root)
    for name in sorted({*folders, *images_in(root)} - {*PARTS}):
        inside = Walk(root).files(name) if name in folders else [name]
        if any(is_image(path.rpartition("/")[2]) for path in inside):
            close = difflib.get_close_matches(name.lower(), PARTS, n=1)
            hint = f"did you mean {close[0]}? " if close else ""
            raise DataError(
                f"{root / name} would not be read: {hint}images lie in "
                f"{', '.join(PARTS)} (lower case); rename it or move it away"
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


def _notes(
    root: Path, found: list[Found], walk: Walk, others: Counter[str]
) -> Iterator[str]:
    """What does no harm but may surprise."""
    filled = {image.name.split("/")[0] + "/" + image.camera for image in found}
    for modality in MODALITIES:
        direct = [i for i in found if os.path.dirname(i.name) == modality]
        if direct:
            yield (
                f"{len(direct)} images lie directly in {modality} and count as those "
                f"of one camera: in folders {modality}/<camera> the people's clusters "
                "would be split into proxies by camera, and the views of one camera "
                "told from those of another"
            )
        for camera in folders_in(root / modality):
            if f"{modality}/{camera}" not in filled:
                yield f"{modality}/{camera} holds no image"
    for one, other in walk.same:
        yield f"{other} is the same folder as {one}: its images are read once, as {one}"
    if others:
        yield _kinds(others)


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
