"""The one form in which every data set stores its images, and the builder that does."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from data.progress import counted, images_bar

MODALITIES = ("visible", "infrared")
VISIBLE, INFRARED = 0, 1


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """One image and what is known of it.

    Attributes:
        image: (H, W, 3) uint8.
        identity: The data set's number of the person, -1 where unknown.
        camera: The data set's number of the camera, from 1.
        modality: `VISIBLE` or `INFRARED`.
        name: Path below the data folder, with forward slashes.
        index: Rank of the name among all of its split; the order on disk is hashed.
        train_trials: (t,) bool, the trials in which the image is for training; with no
            entry where the split itself says what the image is for.
        test_trials: (t,) bool, the trials in which it is for testing.
    """

    image: np.ndarray
    identity: int
    camera: int
    modality: int
    name: str
    index: int
    train_trials: np.ndarray
    test_trials: np.ndarray


@dataclasses.dataclass(eq=False, kw_only=True)
class PersonConfig(tfds.core.BuilderConfig):
    """What decides the stored form of a data set.

    Attributes:
        image_size: (height, width) of the stored images.
        num_trials: Length of the examples' trial vectors, 0 for data sets with a fixed
            training split.
        progress: Whether preparation may show a bar.
        warnings: What is wrong with the data and was allowed, a line each.
    """

    image_size: tuple[int, int]
    num_trials: int = 0
    progress: bool = True
    warnings: tuple[str, ...] = ()


def features(config: PersonConfig) -> tfds.features.FeaturesDict:
    """The TFDS features of `Example`.

    Images are stored as bytes: they are read 3 to 10 times faster than PNG or JPEG.

    Args:
        config: Size of the images and number of trials.

    Returns:
        The features.
    """
    trials = tfds.features.Tensor(shape=(config.num_trials,), dtype=np.bool_)
    return tfds.features.FeaturesDict(
        {
            "image": tfds.features.Tensor(
                shape=(*config.image_size, 3),
                dtype=np.uint8,
                encoding=tfds.features.Encoding.BYTES,
            ),
            "identity": np.int32,
            "camera": np.int32,
            "modality": tfds.features.ClassLabel(names=list(MODALITIES)),
            "name": tfds.features.Text(),
            "index": np.int64,
            **(
                {"train_trials": trials, "test_trials": trials}
                if config.num_trials
                else {}
            ),
        }
    )


class PersonBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Base of the data sets' builders; they say which splits there are and fill them.

    A subclass defines `splits` and is constructed with a `PersonConfig`.
    """

    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, *, data_dir: str, config: PersonConfig) -> None:
        """Make a builder; nothing is read or written yet.

        Args:
            data_dir: Home of the prepared data.
            config: The configuration.
        """
        super().__init__(data_dir=data_dir, config=config, file_format="array_record")

    @property
    def person_config(self) -> PersonConfig:
        """The configuration, typed."""
        config = self.builder_config
        assert isinstance(config, PersonConfig)
        return config

    def splits(self) -> dict[str, tuple[int, Iterable[Example]]]:
        """The number of images and the examples of each split, by its name."""
        raise NotImplementedError

    def records(self, split: str, *, decode_images: bool = True) -> Sequence[Any]:
        """Random access to the stored examples of a split, in the order on disk.

        Args:
            split: The TFDS split.
            decode_images: Whether `image` is an array; else it stays bytes.

        Returns:
            The examples, each a dict of the fields of `Example`.
        """
        decoders = None if decode_images else {"image": tfds.decode.SkipDecoding()}
        as_data_source: Any = self.as_data_source  # TFDS hides its signature
        return as_data_source(split, decoders=decoders)

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(features=features(self.person_config))

    def _split_generators(
        self, dl_manager: Any
    ) -> dict[str, Iterator[tuple[str, dict[str, Any]]]]:
        del dl_manager  # nothing is downloaded
        return {
            name: self._generate_examples(name, total, examples)
            for name, (total, examples) in self.splits().items()
        }

    def _generate_examples(
        self, split: str, total: int, examples: Iterable[Example]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        shown = self.person_config.progress
        with images_bar(total, f"preparing {self.name} {split}", shown=shown) as bar:
            for example in counted(examples, bar):
                fields = {
                    field.name: getattr(example, field.name)
                    for field in dataclasses.fields(example)
                }
                if not self.person_config.num_trials:
                    del fields["train_trials"], fields["test_trials"]
                yield example.name, fields

    def _create_builder_config(self, builder_config: Any, version: Any) -> Any:
        """Take the configuration as it is: TFDS would print all of it as a warning."""
        del version
        return builder_config

    def _log_download_bytes(self) -> None:
        """Say nothing: TFDS would print to stdout, and nothing is downloaded."""

    def _log_download_done(self) -> None:
        """Say nothing, likewise."""
