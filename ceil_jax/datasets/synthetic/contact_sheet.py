"""Draw a contact sheet: people in columns, the six cameras in rows.

python -m ceil_jax.datasets.synthetic.contact_sheet --output docs/images/synthetic.png
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ceil_jax.datasets.synthetic.generator import generate
from ceil_jax.datasets.synthetic.parameters import (
    INFRARED_CAMERAS,
    VISIBLE_CAMERAS,
    Parameters,
)

CAMERAS = (*VISIBLE_CAMERAS, *INFRARED_CAMERAS)
MARGIN, GAP, HEADING = 96, 4, 22  # pixels


def contact_sheet(parameters: Parameters, *, scale: int = 2) -> Image.Image:
    """The first image of every person in every camera, enlarged and labelled.

    Args:
        parameters: The generator's parameters; the sheet shows its training people.
        scale: How many pixels of the sheet an image's pixel becomes.

    Returns:
        The sheet.
    """
    height, width = parameters.height * scale, parameters.width * scale
    people = parameters.num_train_identities
    size = (
        MARGIN + people * (width + GAP),
        HEADING + len(CAMERAS) * (height + GAP),
    )
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=13)
    for column in range(people):
        middle = MARGIN + column * (width + GAP) + width // 2
        pen.text((middle, 4), str(column + 1), "black", font, anchor="ma")
    for row, camera in enumerate(CAMERAS):
        kind = "infrared" if camera in INFRARED_CAMERAS else "visible"
        at = HEADING + row * (height + GAP) + height // 2
        pen.text((8, at - 16), f"camera {camera}", "black", font)
        pen.text((8, at + 1), kind, "gray", font)
    for batch in generate(parameters, "train"):
        for camera in np.unique(batch.cameras).tolist():
            first = batch.images[np.flatnonzero(batch.cameras == camera)[0]]
            tile = Image.fromarray(first).resize((width, height), Image.Resampling.BOX)
            left = MARGIN + (batch.identity - 1) * (width + GAP)
            sheet.paste(tile, (left, HEADING + CAMERAS.index(camera) * (height + GAP)))
    return sheet


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the sheet that the command line asks for.

    Args:
        arguments: The command line without the program's name; None for the real one.
    """
    parser = argparse.ArgumentParser(description="Draw a contact sheet.")
    parser.add_argument("--output", type=Path, required=True, help="a PNG file")
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    parameters = Parameters(num_train_identities=chosen.people, seed=chosen.seed)
    sheet = contact_sheet(parameters, scale=chosen.scale)
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(chosen.output, optimize=True)


if __name__ == "__main__":
    main()
