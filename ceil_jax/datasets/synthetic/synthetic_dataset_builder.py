"""TFDS builder of the generated pedestrians."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ceil_jax.datasets.builder import PersonBuilder, Splits
from ceil_jax.datasets.modalities import INFRARED, VISIBLE
from ceil_jax.datasets.schema import Example, PersonConfig
from ceil_jax.datasets.synthetic.generator import SPLITS, generate, identities_of
from ceil_jax.datasets.synthetic.names import image_name
from ceil_jax.datasets.synthetic.parameters import (
    INFRARED_CAMERAS,
    VISIBLE_CAMERAS,
    Parameters,
)

METADATA = "metadata.json"  # TFDS's own, beside the data
NO_TRIALS = np.zeros(0, dtype=bool)


@dataclasses.dataclass(eq=False, kw_only=True)
class SyntheticConfig(PersonConfig):
    """Configuration that holds the generator's parameters."""

    parameters: Parameters


def synthetic_config(parameters: Parameters, *, progress: bool) -> SyntheticConfig:
    """The configuration of a generated data set.

    Its name changes with every parameter and with the generator's own code, so that
    images of another recipe are never taken for these.

    Args:
        parameters: The generator's parameters.
        progress: Whether preparation may show a bar.

    Returns:
        The configuration.
    """
    digest = hashlib.sha256(parameters.fingerprint().encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    size = parameters.height, parameters.width
    return SyntheticConfig(
        name=f"{size[0]}x{size[1]}-{digest.hexdigest()[:12]}",
        image_size=size,
        progress=progress,
        parameters=parameters,
    )


class Builder(PersonBuilder):
    """Splits `train` and `test`, with the cameras and names of SYSU-MM01."""

    BUILDER_CONFIGS: ClassVar[list[SyntheticConfig]] = [
        synthetic_config(Parameters(), progress=True)
    ]

    def superseded(self) -> list[Path]:
        """Data of the same size and parameters that other code of ours has made.

        The first versions did not note the parameters: theirs are all named.
        """
        config = self.person_config
        assert isinstance(config, SyntheticConfig)
        place = Path(self.data_path)
        size = config.name.partition("-")[0]
        found = []
        for other in sorted(place.parents[1].glob(f"{size}-*/*/{METADATA}")):
            parameters = _noted(other).get("parameters")
            if other.parent != place and parameters in (
                None,
                config.parameters.fingerprint(),
            ):
                found.append(other.parent)
        return found

    def splits(self, dl_manager: Any) -> Splits:
        """The number of images and the examples of each split, by its name.

        Args:
            dl_manager: Not used.

        Returns:
            The splits.
        """
        del dl_manager
        config = self.person_config
        assert isinstance(config, SyntheticConfig)
        parameters = config.parameters
        metadata: Any = self.info.metadata
        metadata.update(parameters=parameters.fingerprint())
        each = (
            len(VISIBLE_CAMERAS) * parameters.images_per_visible_camera
            + len(INFRARED_CAMERAS) * parameters.images_per_infrared_camera
        )
        return {
            split: (
                each * len(identities_of(parameters, split)),
                examples(parameters, split),
            )
            for split in SPLITS
        }


def _noted(path: Path) -> dict[str, Any]:
    """What is noted beside prepared data; nothing where it cannot be read."""
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def examples(parameters: Parameters, split: str) -> Iterator[Example]:
    """Generate a split's examples.

    Args:
        parameters: The generator's parameters.
        split: "train" or "test".

    Yields:
        The examples, person by person.
    """
    for batch in generate(parameters, split):
        for image, camera, number in zip(
            batch.images, batch.cameras.tolist(), batch.numbers.tolist(), strict=True
        ):
            yield Example(
                image=image,
                identity=batch.identity,
                camera=camera,
                modality=INFRARED if batch.infrared else VISIBLE,
                name=image_name(camera, batch.identity, number),
                train_trials=NO_TRIALS,
                test_trials=NO_TRIALS,
            )
