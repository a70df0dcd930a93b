"""What a person re-identification system must beat: features without learning."""

import numpy as np

# ITU-R BT.601 luma.
_GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)


def grey_pixels(images: np.ndarray) -> np.ndarray:
    """The grey values of an image as its feature vector.

    With y the luma of the pixels, the row is (y - mean(y)) / |y - mean(y)|, so that the
    inner product of two rows is the correlation of two grey images.

    Args:
        images: (N, H, W, 3) uint8 RGB.

    Returns:
        (N, H * W) float32 unit rows; zero for an image of one grey value.

    Raises:
        ValueError: `images` has another shape or type.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8:
        raise ValueError(
            f"images are {images.dtype} of shape {images.shape}, must be uint8 of "
            "shape (N, H, W, 3)"
        )
    grey = images.reshape(len(images), -1, 3) @ _GREY_WEIGHTS
    grey -= grey.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(grey, axis=1, keepdims=True)
    # Rounding leaves a flat image a little above 0: a grey step is 1 or about 0.1.
    return np.where(norms > 1e-2, grey / np.maximum(norms, 1e-2), np.float32(0))
