"""Small data folders of the real layouts, made for a test."""

from pathlib import Path

import numpy as np
from PIL import Image

NUM_TRIALS = 10


def write_regdb(root: Path, *, num_identities: int = 4, images: int = 2) -> Path:
    """A folder like RegDB: each trial trains on another half of the people.

    Every image is one flat colour that tells who and what it shows:
    (10 x identity, 50 x modality, number).
    """
    people = list(range(1, num_identities + 1))
    names: dict[tuple[str, int], list[str]] = {}
    for kind, (folder, letter) in enumerate((("Visible", "v"), ("Thermal", "t"))):
        for identity in people:
            place = root / folder / str(identity)
            place.mkdir(parents=True)
            for number in range(images):
                name = f"male_back_{letter}_{number:05d}_{identity}.bmp"
                colour = (10 * identity, 50 * kind, number)
                Image.new("RGB", (6, 12), colour).save(place / name)
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
