"""Images made fit to look at; no model ever sees them so."""

import numpy as np

DARKEST, BRIGHTEST = 1.0, 99.0
"""Percentiles of an image's values that become black and white."""
NOTE = "infrared images: contrast stretched for showing only"
"""What a picture of such images says of them."""


def stretched(images: np.ndarray) -> np.ndarray:
    """Stretch the contrast of each image, such as an infrared one that is nearly black.

    With a and b the 1st and the 99th percentile of its values, a value v becomes
    255 (v - a) / (b - a), cut to [0, 255].

    Args:
        images: (n, H, W, 3) uint8.

    Returns:
        Likewise; an image of which a and b are equal stays as it is.
    """
    made = images.copy()
    for image in made:
        low, high = np.percentile(image, (DARKEST, BRIGHTEST))
        if low < high:
            values = (image - low) * (255 / (high - low))
            image[:] = np.clip(np.round(values), 0, 255)
    return made
