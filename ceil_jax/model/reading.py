"""Images as people have them, to the pixels that the encoder takes.

Everything goes through `datasets.images`, as in training: one decision for each kind of
picture, and the same pixels for the same file.
"""

import itertools
import math
import os
import threading
from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from PIL import Image

from ceil_jax.common.errors import DataError
from ceil_jax.common.files import user_path
from ceil_jax.common.threads import num_cores
from ceil_jax.datasets import images as reader
from ceil_jax.datasets.files import Walk, is_image
from ceil_jax.datasets.parallel import ordered_map

Picture: TypeAlias = str | os.PathLike[str] | Image.Image | np.ndarray
"""One image: a path, a picture of Pillow's, an array (H, W, 3), (H, W, 4) or (H, W)."""
Pictures: TypeAlias = Picture | Iterable[Picture]
"""One, several, a folder, or an array (N, H, W, 3)."""

Range: TypeAlias = tuple[float, float]
_PILLOW = threading.Lock()
"""A picture of Pillow's reads its file at first use, one thread at a time."""
_NO_RANGE = (
    "has more than 8 bits a pixel and this model was trained on none of that kind: "
    "give value_range=(low, high), the values that become 0 and 255; it must be the "
    "same for all images that are compared"
)


class Pixels(NamedTuple):
    """An image that was read.

    Attributes:
        image: (height, width, 3) uint8 of the model's size.
        size: (height, width) before resizing.
        name: Its path, or "image 7".
    """

    image: np.ndarray
    size: tuple[int, int]
    name: str = ""


class Unreadable(NamedTuple):
    """An image that was not.

    Attributes:
        place: Its place among those that were given, from 0.
        name: Its path, or "image 7".
        reason: Why, one line.
    """

    place: int
    name: str
    reason: str


def image_files(folder: str | os.PathLike[str]) -> list[Path]:
    """The image files below a folder, in the order in which `embed` takes them.

    Args:
        folder: The folder.

    Returns:
        Their paths, sorted folder by folder; hidden files and folders are left out.

    Raises:
        DataError: There is none, or a folder cannot be read.
    """
    root = Path(os.path.abspath(user_path(os.fspath(folder))))
    walk = Walk(root.parent, dead_links=True)  # such a link is an unreadable image
    found = [root / name for name in walk.files(root.name)]
    files = [path for path in found if is_image(path.name)]
    if not files:
        raise DataError(f"{root}: there is no image in this folder")
    return files


def listed(pictures: Pictures) -> tuple[Iterable[Picture], int | None]:
    """Single images of whatever was given.

    Args:
        pictures: One or several.

    Returns:
        The images, those of folders in their places, and how many; None for a
        generator, which is not walked through.

    Raises:
        DataError: A folder holds no image.
        ValueError: It is nothing of that kind, or an empty path.
    """
    if isinstance(pictures, str | os.PathLike) and not os.fspath(pictures):
        raise ValueError("images='' is an empty path")
    if is_single(pictures):
        if isinstance(pictures, str | os.PathLike):
            path = user_path(os.fspath(pictures))
            if not os.path.lexists(path):
                raise DataError(f"{path}: no such file or folder")
            pictures = image_files(path) if path.is_dir() else [path]
            return pictures, len(pictures)
        return [pictures], 1  # type: ignore[list-item]
    if not isinstance(pictures, Iterable):
        raise ValueError(
            f"images of the type {type(pictures).__name__} must be paths, a folder, "
            "pictures of Pillow's or uint8 arrays, one or several"
        )
    if isinstance(pictures, np.ndarray) and pictures.ndim == 4:
        return pictures, len(pictures)
    if is_held(pictures):
        found = list(_of_folders(pictures))
        return found, len(found)
    length = len(pictures) if hasattr(pictures, "__len__") else None  # type: ignore[arg-type]
    return map(_held, _of_folders(pictures)), length


def is_single(pictures: object) -> bool:
    """Whether something is one picture, or one folder.

    Args:
        pictures: What `Pictures` allows.
    """
    if isinstance(pictures, np.ndarray):
        return pictures.ndim in (2, 3) and pictures.dtype.kind not in "OSU"
    return isinstance(pictures, str | os.PathLike | Image.Image)


def check_one(name: str, picture: object) -> None:
    """Refuse what is not one image.

    Args:
        name: Of the argument.
        picture: What was given.

    Raises:
        ValueError: It is a folder, several images, or nothing of that kind.
    """
    is_path = isinstance(picture, str | os.PathLike)
    if is_path and not os.fspath(picture):
        raise ValueError(f"{name}='' is an empty path")
    if is_path and user_path(os.fspath(picture)).is_dir():
        raise ValueError(f"{name}={picture} is a folder, not one image")
    if not is_single(picture):
        raise ValueError(f"{name} is a {type(picture).__name__}, not one image")


def is_held(pictures: object) -> bool:
    """Whether several pictures lie in a collection, and not pass by once.

    Args:
        pictures: What `Pictures` allows.
    """
    return isinstance(pictures, Collection | np.ndarray)


def _of_folders(pictures: Iterable[Picture]) -> Iterator[Picture]:
    """Pictures, and those of folders in the place of the folder.

    What is called like an image is one: a look at each of a million takes its time.
    """
    for picture in pictures:
        if isinstance(picture, str | os.PathLike):
            name = os.fspath(picture)
            is_called_image = is_image(os.path.basename(name))
            if name and not is_called_image and user_path(name).is_dir():
                yield from image_files(name)
                continue
        yield picture


def _held(picture: Picture) -> Picture:
    """A picture that what passed it on may change or close: it is read later."""
    if isinstance(picture, np.ndarray):
        return picture.copy()
    if not isinstance(picture, Image.Image):
        return picture
    try:
        turned = picture.getexif()
        kept = picture.copy()
    except Exception as error:  # of Pillow's own, where its file is broken
        name = getattr(picture, "filename", "")
        return _Broken(name, error)  # type: ignore[return-value]
    if len(turned):
        kept.info["exif"] = turned.tobytes()
    kept.filename = getattr(picture, "filename", "")  # type: ignore[attr-defined]
    return kept


class _Broken(NamedTuple):
    """A picture whose file could not be read when it passed by."""

    filename: str
    error: Exception


def name_of(picture: object, place: int) -> str:
    """What an image is called in messages.

    Args:
        picture: The image.
        place: Its place among those that were given, from 0.
    """
    if isinstance(picture, str | os.PathLike):
        return os.fspath(picture)
    name = getattr(picture, "filename", "")
    return name if isinstance(name, str) and name else f"image {place}"


def range_of(pictures: Iterable[Picture]) -> Range | None:
    """The range that files of more than 8 bits use together, as in training.

    Args:
        pictures: Those of one modality; only paths are looked at.

    Returns:
        The values that become 0 and 255; None where no file that can be read has more
        than 8 bits.
    """

    def samples_of(path: Path) -> np.ndarray | None:
        try:
            return reader.samples_of(path)
        except DataError:
            return None  # `read` will say so

    paths = [
        user_path(os.fspath(p)) for p in pictures if isinstance(p, str | os.PathLike)
    ]
    deep = [path for path in paths if reader.may_be_deep(path)]
    found = ordered_map(samples_of, deep, num_workers=num_cores())
    samples = [each for each in found if each is not None]
    return reader.range_of(samples) if samples else None


def check_range(value_range: object) -> Range | None:
    """Check a range for images of more than 8 bits.

    Args:
        value_range: What was given.

    Returns:
        (low, high), or None.

    Raises:
        ValueError: It is not two finite numbers, the smaller first.
    """
    if value_range is None:
        return None
    try:
        low, high = map(float, value_range)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        low = high = math.nan
    if not -math.inf < low < high < math.inf:
        raise ValueError(
            f"{value_range=} must be (low, high): two numbers, the smaller first"
        )
    return low, high


def read(
    picture: Picture, image_size: tuple[int, int], value_range: Range | None
) -> Pixels:
    """One image at the model's size.

    Args:
        picture: The image.
        image_size: (height, width) in pixels.
        value_range: For images of more than 8 bits.

    Returns:
        Its pixels.

    Raises:
        DataError: A file is missing, empty, truncated, or no image.
        ValueError: An array is of another shape or type, or there is no range.
    """
    if isinstance(picture, str | os.PathLike):
        with reader.opened(user_path(os.fspath(picture))) as image:
            _check_range(image, value_range)
            colours = reader.in_colours(image, value_range)
    elif isinstance(picture, Image.Image):
        with _PILLOW:
            _check_range(picture, value_range)
            colours = reader.in_colours(picture, value_range)
    else:
        image = _picture(picture)
        _check_range(image, value_range)
        colours = reader.in_colours(image, value_range)
    width, height = colours.size
    return Pixels(reader.resized(colours, image_size), (height, width))


def _check_range(image: Image.Image, value_range: Range | None) -> None:
    if value_range is None and reader.is_deep(image):
        raise ValueError(_NO_RANGE)


def _picture(array: np.ndarray) -> Image.Image:
    """An array as a picture; ValueError says what is wrong with it."""
    if not isinstance(array, np.ndarray):
        raise ValueError(f"is a {type(array).__name__}, not a path, picture or array")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    is_grey = array.ndim == 2
    if not is_grey and (array.ndim != 3 or array.shape[2] not in (3, 4)):
        raise ValueError(
            f"has the shape {array.shape}, not (H, W, 3), (H, W, 4) or (H, W)"
        )
    if 0 in array.shape:
        raise ValueError(f"has the shape {array.shape}: it holds no pixel")
    if array.dtype == np.uint16 and is_grey:
        return Image.fromarray(array.astype(np.int32))
    if array.dtype != np.uint8:
        raise ValueError(
            f"is {array.dtype}, not uint8 (0 to 255), or uint16 with one channel"
        )
    return Image.fromarray(np.ascontiguousarray(array))


def read_all(
    pictures: Iterable[Picture],
    image_size: tuple[int, int],
    value_range: Range | None,
) -> Generator[Pixels | Unreadable, None, None]:
    """Images in their order, read in threads.

    Args:
        pictures: Single images; a generator is walked through in this thread.
        image_size: (height, width) in pixels.
        value_range: For images of more than 8 bits.

    Yields:
        The pixels of each, or why there are none.
    """

    def one(numbered: tuple[int, Picture]) -> Pixels | Unreadable:
        place, picture = numbered
        try:
            if isinstance(picture, _Broken):
                raise picture.error
            pixels = read(picture, image_size, value_range)
            return pixels._replace(name=name_of(picture, place))
        except DataError as error:
            return Unreadable(place, name_of(picture, place), str(error))
        except Exception as error:  # of Pillow's own, where a picture's file is broken
            name = name_of(picture, place)
            reason = " ".join(str(error).split()) or type(error).__name__
            return Unreadable(place, name, f"{name} {reason}")

    numbered = zip(itertools.count(), pictures)
    with closing(ordered_map(one, numbered, num_workers=num_cores())) as found:
        yield from found
