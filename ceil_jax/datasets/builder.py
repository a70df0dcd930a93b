"""The builder that all data sets share: what it writes, and how it is read."""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from ceil_jax.common import manifest
from ceil_jax.common.errors import DataError
from ceil_jax.common.progress import bar
from ceil_jax.datasets.index import (
    Index,
    checksum_of,
    make_index,
    read_index,
    write_index,
)
from ceil_jax.datasets.schema import Example, PersonConfig, features
from ceil_jax.datasets.whole import fault
from ceil_jax.datasets.writing import PlainRecordWriter, room_for, write_split

Splits = Mapping[str, tuple[int, Iterable[Example]]]


class PersonBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Base of the data sets' builders; they say which splits there are and fill them.

    Examples are written one after another in the order in which they come. TFDS's own
    writer would shuffle them, for which it keeps a gigabyte in memory and, where that
    is not enough, needs TensorFlow.

    A subclass defines `BUILDER_CONFIGS` and `splits`.
    """

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"2.0.0": "In order, not compressed."}
    NUM_TRIALS: ClassVar[int] = 0

    def __init__(self, *, file_format: Any = None, **kwargs: Any) -> None:
        """Make a builder; nothing is read or written yet.

        Args:
            file_format: Format of the files, array_record unless told otherwise: it is
                read without TensorFlow.
            **kwargs: `data_dir`, `config` and `version`, as of every TFDS builder.
        """
        file_format = file_format or "array_record"
        try:
            super().__init__(file_format=file_format, **kwargs)
        except Exception:
            # TFDS trusts what it finds beside data; `preparation.prepare` does not.
            if "_data_dir" not in vars(self) or self.fault() is None:
                raise
            self.info.set_file_format(file_format)

    @property
    def person_config(self) -> PersonConfig:
        """The configuration, typed."""
        config = self.builder_config
        assert isinstance(config, PersonConfig)
        return config

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the data and was allowed, a line each."""
        return tuple(self._metadata("warnings", []))

    @property
    def camera_names(self) -> dict[int, str]:
        """The user's names of the cameras by number, where there are any."""
        return {int(k): name for k, name in self._metadata("camera_names", {}).items()}

    @property
    def identity_names(self) -> dict[int, str]:
        """The user's names of the people by number, where there are any."""
        stored = self._metadata("identity_names", {})
        return {int(k): name for k, name in stored.items()}

    @property
    def source(self) -> str:
        """What the data are prepared from and how, as their manifest says it."""
        return f"{self.name}/{self.person_config.name}/{self.version}"

    def fault(self) -> str | None:
        """Why the folder of the prepared data does not hold them; None if it does."""
        return fault(Path(self.data_path), self.source)

    def download_and_prepare(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, *, download_config: Any = None, **kwargs: Any
    ) -> None:
        """As every TFDS builder's; data that are there must be whole to stay.

        Args:
            download_config: TFDS's own options; `overwrite_dataset` is among them.
            **kwargs: TFDS's other arguments.

        Raises:
            DataError: The folder of the prepared data holds something else.
        """
        mode = (download_config or tfds.download.DownloadConfig()).download_mode
        place = Path(self.data_path)
        if place.exists() and not mode.overwrite_dataset:
            found = self.fault()
            if found is not None:
                raise DataError(
                    f"prepared data in {place} cannot be used ({found}): delete that "
                    "folder"
                )
        super().download_and_prepare(download_config=download_config, **kwargs)

    def superseded(self) -> list[Path]:
        """Folders of earlier data that this builder's are made in the stead of."""
        return []

    def splits(self, dl_manager: Any) -> Splits:
        """The number of images and the examples of each split, by its name.

        Args:
            dl_manager: TFDS's, which knows the folder that the user named.

        Returns:
            The splits; those without an image are not stored.
        """
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

    def index(self) -> Index:
        """The index of prepared data.

        Raises:
            DataError: It is missing or damaged.
        """
        return read_index(Path(self.data_path))

    def _metadata(self, key: str, default: Any) -> Any:
        metadata: Any = self.info.metadata
        return metadata.get(key, default)

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=features(self.person_config.image_size, self.NUM_TRIALS),
            metadata=tfds.core.MetadataDict(),
            disable_shuffling=True,
        )

    def _split_generators(
        self, dl_manager: Any
    ) -> dict[str, Iterator[tuple[str, dict[str, Any]]]]:
        return {
            name: self._generate_examples(name, total, examples)
            for name, (total, examples) in self.splits(dl_manager).items()
            if total
        }

    def _generate_splits(
        self, dl_manager: Any, download_config: Any
    ) -> Sequence[tfds.core.SplitInfo]:
        """Write every split, and the index of them all, in TFDS's stead."""
        known: dict[str, list[dict[str, Any]]] = {}
        written = []
        limit = download_config.max_examples_per_split
        image_bytes = math.prod(self.person_config.image_size) * 3
        splits = self.splits(dl_manager)
        folder = Path(self.data_path)
        counts = {
            name: total if limit is None else min(total, limit)
            for name, (total, _) in splits.items()
        }
        with room_for(folder, sum(counts.values()) * image_bytes):
            for name, num_examples in counts.items():
                if not num_examples:
                    continue
                known[name] = []
                generated = self._generate_examples(name, num_examples, splits[name][1])
                written.append(
                    write_split(
                        name,
                        _noted(itertools.islice(generated, num_examples), known[name]),
                        num_examples,
                        image_bytes=image_bytes,
                        features=features(
                            self.person_config.image_size, self.NUM_TRIALS
                        ),
                        template=self._get_filename_template(name),
                        example_writer=self._example_writer(),
                        shards=download_config.get_shard_config(),
                    )
                )
            write_index(make_index(known), folder)
        return written

    def _post_download_and_prepare_hook(self) -> None:
        """Write the manifest, once TFDS has written and moved all else."""
        manifest.write(Path(self.data_path), self.source)

    def _example_writer(self) -> PlainRecordWriter:
        file_format = self.info.file_format
        assert file_format is not None  # __init__ sees to it
        return PlainRecordWriter(file_format)

    def _generate_examples(
        self, split: str, total: int, examples: Iterable[Example]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        shown = self.person_config.progress
        what = f"preparing {self.name} {split}"
        with bar(examples, total=total, desc=what, unit="image", shown=shown) as seen:
            for example in seen:
                fields = {
                    field.name: getattr(example, field.name)
                    for field in dataclasses.fields(example)
                }
                if not self.NUM_TRIALS:
                    del fields["train_trials"], fields["test_trials"]
                yield example.name, fields

    def _create_builder_config(self, builder_config: Any, version: Any) -> Any:
        """Take an object as it is: TFDS would print all of it as a warning."""
        if isinstance(builder_config, PersonConfig):
            return builder_config
        return super()._create_builder_config(builder_config, version)

    def _log_download_bytes(self) -> None:
        """Say nothing: TFDS would print to stdout, and nothing is downloaded."""

    def _log_download_done(self) -> None:
        """Say nothing, likewise."""


def _noted(
    examples: Iterable[tuple[str, dict[str, Any]]], notes: list[dict[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The same examples; of each image `notes` keep the checksum, and all else."""
    for key, fields in examples:
        others = {name: fields[name] for name in fields if name != "image"}
        notes.append({**others, "checksum": checksum_of(fields["image"])})
        yield key, fields
