"""Features of any program, scored by the names of their images.

Grey pixels of generated people stand for a model of yours: replace `feature_of`.

    python examples/score_features.py
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from ceil_jax.datasets.synthetic.generator import generate
from ceil_jax.datasets.synthetic.parameters import Parameters


def write_images(root: Path) -> None:
    """Six people: infrared images ask, visible ones are searched."""
    for batch in generate(Parameters(num_test_identities=6), "test"):
        part = "query/infrared" if batch.infrared else "gallery/visible"
        for number, (pixels, camera) in enumerate(
            zip(batch.images, batch.cameras, strict=True)
        ):
            place = root / part / f"camera {camera}" / f"person {batch.identity}"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(place / f"{number}.png")


def feature_of(path: Path) -> np.ndarray:
    """A row of numbers for an image; its length does not matter."""
    with Image.open(path) as image:
        grey = np.asarray(image.convert("L").resize((16, 32)), np.float32)
    return (grey - grey.mean()).ravel()


def main() -> None:
    """Write images, features and figures below a folder, and print the figures."""
    folder = Path(sys.argv[1] if sys.argv[1:] else tempfile.mkdtemp())
    images = folder / "images"
    write_images(images)
    paths = sorted(images.rglob("*.png"))
    features = np.stack([feature_of(path) for path in paths])
    np.savez(folder / "features.npz", features=features, name=np.array(paths, str))
    words = [f"--features={folder / 'features.npz'}", f"--workdir={folder / 'scored'}"]
    words += ["--config=folder", f"--config.data_dir={images}"]
    command = [sys.executable, "-m", "ceil_jax", "--mode=score", *words]
    sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
