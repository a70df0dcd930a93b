"""The generated people's images as one's own cameras: sorted by camera names."""

from pathlib import Path

from PIL import Image

from ceil_jax.datasets.synthetic import generator
from ceil_jax.datasets.synthetic.parameters import Parameters

PEOPLE = Parameters(
    num_train_identities=8, num_test_identities=6, images_per_infrared_camera=4
)
# Cameras of the generated people that ask; the others are searched.
QUERY_CAMERAS = (3, 6)


def write(root: Path) -> Path:
    """Write training, query and gallery images below a folder, and return it."""
    for split in ("train", "test"):
        for batch in generator.generate(PEOPLE, split):
            modality = "infrared" if batch.infrared else "visible"
            for number, (pixels, camera) in enumerate(
                zip(batch.images, batch.cameras, strict=True)
            ):
                place = root / modality / f"door {camera}"
                if split == "test":
                    role = "query" if camera in QUERY_CAMERAS else "gallery"
                    place = root / role / modality / f"door {camera}"
                    place /= f"person {batch.identity}"
                place.mkdir(parents=True, exist_ok=True)
                name = f"{split}_{batch.identity}_{number}.png"
                Image.fromarray(pixels).save(place / name)
    return root
