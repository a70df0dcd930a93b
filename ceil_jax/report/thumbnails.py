"""Small pictures of images, each stored once."""

import io
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from ceil_jax.report.contents import Thumbnails
from ceil_jax.report.contrast import stretched

SIZES = ((64, 128), (48, 96), (32, 64))
"""Width and height in pixels, from which the largest is taken that fits."""
MOST_BYTES = 2_600_000
"""Of all pictures of a page; coded as text they are a third longer."""
_QUALITY = 75
_BATCH = 256


def thumbnails(
    names: Sequence[str],
    take: Callable[[Sequence[str]], np.ndarray],
    infrared: Sequence[bool],
) -> Thumbnails | None:
    """Pictures of some images; smaller ones where they would be too many bytes.

    Args:
        names: Paths of the images relative to the data folder.
        take: Given some of them, gives the images, (n, H, W, 3) uint8.
        infrared: Whether each is infrared: its contrast is stretched, for showing only.

    Returns:
        WebP files; None of no image.
    """
    if not names:
        return None
    files, size = [], SIZES[0]
    for size in SIZES:
        files = []
        for start in range(0, len(names), _BATCH):
            some = slice(start, start + _BATCH)
            images, flags = take(names[some]), np.array(infrared[some], bool)
            if flags.any():
                images[flags] = stretched(images[flags])
            files += [_webp(image, size) for image in images]
        if sum(map(len, files)) <= MOST_BYTES:
            break
    return Thumbnails(
        np.array(names, np.str_),
        np.cumsum([len(file) for file in files]).astype(np.int64),
        np.frombuffer(b"".join(files), np.uint8),
        np.array(size, np.int32),
        np.array(infrared, bool),
    )


def _webp(image: np.ndarray, size: tuple[int, int]) -> bytes:
    picture = Image.fromarray(image)
    # An image that is smaller stays so: the page enlarges it.
    if picture.width > size[0] or picture.height > size[1]:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=_QUALITY, method=4)
    return out.getvalue()
