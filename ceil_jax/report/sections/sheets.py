"""Clusters of images without labels: sheets, cameras, borderline members, sizes."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ceil_jax.report.contents import Pictures
from ceil_jax.report.sections import words

_LARGE = 4  # times the median: several people in one cluster, perhaps


def sheets(pictures: Pictures, names: Mapping[str, str]) -> dict[str, Any]:
    """What the template `sections/sheets.html.j2` takes.

    Args:
        pictures: With sheets.
        names: The name of the definition of each image's picture.

    Returns:
        Values by name.
    """
    return {
        "says": list(_says(pictures)),
        "sheets": [
            {
                "title": f"{sheet.modality.capitalize()} cluster {sheet.number}",
                "modality": sheet.modality,
                "size": words.plural("image", sheet.size),
                "cameras": words.cameras(
                    [pictures.names.camera(camera) for camera in sheet.cameras]
                ),
                "borderline": sheet.num_borderline,
                "images": [
                    {
                        "picture": names.get(str(name), ""),
                        "name": str(name),
                        "camera": pictures.names.camera(camera),
                        "short_camera": pictures.names.short_camera(camera),
                        "borderline": bool(is_borderline),
                    }
                    for name, camera, is_borderline in zip(
                        sheet.names,
                        sheet.image_cameras,
                        sheet.borderline,
                        strict=True,
                    )
                ],
            }
            for sheet in pictures.sheets
        ],
        "num_clusters": sum(map(len, pictures.sizes.values())),
    }


def _says(pictures: Pictures) -> Iterator[str]:
    """What the sizes say."""
    for modality, sizes in pictures.sizes.items():
        if not len(sizes):
            yield f"{modality.capitalize()}: no clusters."
            continue
        middle = float(np.median(sizes))
        text = (
            f"{modality.capitalize()}: {words.plural('cluster', len(sizes))} of "
            f"{sizes.min():,} to {sizes.max():,} images, half of them of {middle:g} or "
            "fewer."
        )
        large = int((sizes > _LARGE * middle).sum())
        if large:
            verb = "holds" if large == 1 else "hold"
            text += (
                f" {large:,} {verb} more than {_LARGE} times as many as that: look "
                "whether several people are in one."
            )
        yield text
