"""The builder of data sets that are a folder of image files."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from absl import logging

from ceil_jax.common.files import user_path
from ceil_jax.common.threads import num_cores
from ceil_jax.datasets.builder import PersonBuilder, Splits
from ceil_jax.datasets.images import may_be_deep, range_of, read_image, samples_of
from ceil_jax.datasets.listing import Layout, Listing, open_folder
from ceil_jax.datasets.modalities import MODALITIES
from ceil_jax.datasets.parallel import ordered_map
from ceil_jax.datasets.schema import Example, PersonConfig

Ranges = dict[int, tuple[float, float]]  # of each modality that has one


@dataclasses.dataclass(eq=False, kw_only=True)
class ListedConfig(PersonConfig):
    """Which images to read, and how large to store them.

    Attributes:
        allow_partial: Go on where images or identities are missing.
        root: The data folder; None for the one that TFDS calls `manual_dir`.
        listing: Its images, where they were listed before.
        warnings: What was said of them.
    """

    allow_partial: bool = False
    root: Path | None = None
    listing: Listing | None = None
    warnings: tuple[str, ...] = ()


class ListedBuilder(PersonBuilder, skip_registration=True):
    """Reads and resizes the images of a folder, several at once.

    A subclass defines `LAYOUT`, `NUM_TRIALS` where there are several, and
    `MANUAL_DOWNLOAD_INSTRUCTIONS`.
    """

    LAYOUT: ClassVar[Layout]
    BUILDER_CONFIGS: ClassVar[list[ListedConfig]] = [
        ListedConfig(
            name="288x144",
            description="The size of CEIL's released code.",
            image_size=(288, 144),
        )
    ]

    @property
    def listed_config(self) -> ListedConfig:
        """The configuration, typed."""
        config = self.person_config
        assert isinstance(config, ListedConfig)
        return config

    @property
    def source(self) -> str:
        """As of every builder; with the fingerprint of the folder that was named."""
        if self.listed_config.root is None:
            return super().source
        return f"{Path(self._data_dir_root).name}/{super().source}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the data and was allowed, a line each."""
        config = self.listed_config
        said = super().warnings if config.listing is None else config.warnings
        return (*said, *self._metadata("range_notes", []))

    @property
    def value_ranges(self) -> dict[str, tuple[float, float]]:
        """The values that became 0 and 255, by modality, where images had over 8 bits.

        Images that are to be compared with the prepared ones are read with these.
        """
        stored = self._metadata("value_ranges", {})
        return {word: (low, high) for word, (low, high) in stored.items()}

    def splits(self, dl_manager: Any) -> Splits:
        """All images in one split `images`, or those of each in `train` and `test`.

        Args:
            dl_manager: TFDS's; asked for `manual_dir` where the configuration names no
                folder.

        Returns:
            Number and examples of each split.

        Raises:
            DataError: The folder cannot be used, or is not whole and must be.
        """
        config = self.listed_config
        root, listing, warnings = config.root, config.listing, config.warnings
        if root is None:
            root = user_path(dl_manager.manual_dir)
        if listing is None:
            listing, warnings = open_folder(
                self.LAYOUT, root, allow_partial=config.allow_partial
            )
        ranges, notes = value_ranges(root, listing)
        notes = tuple(f"{self.LAYOUT.title} at {root}: {note}" for note in notes)
        if config.listing is None:  # the program tells of them itself
            for warning in (*warnings, *notes):
                logging.warning("%s", warning)
        metadata: Any = self.info.metadata
        metadata.update(
            warnings=list(warnings),
            camera_names=dict(listing.camera_names),
            identity_names=dict(listing.identity_names),
            value_ranges={MODALITIES[m]: list(r) for m, r in ranges.items()},
            range_notes=list(notes),
        )
        chosen = {"train": listing.train[:, 0], "test": listing.test[:, 0]}
        if self.NUM_TRIALS:
            chosen = {"images": np.ones(len(listing.names), dtype=bool)}
        return {
            name: (
                int(member.sum()),
                examples(
                    root, listing, np.flatnonzero(member), config.image_size, ranges
                ),
            )
            for name, member in chosen.items()
        }

    def _create_builder_config(self, builder_config: Any, version: Any) -> Any:
        """Let TFDS check a user's own configuration, not the program's."""
        if isinstance(builder_config, ListedConfig) and builder_config.root is None:
            return super(PersonBuilder, self)._create_builder_config(
                builder_config, version
            )
        return super()._create_builder_config(builder_config, version)


def value_ranges(root: Path, listing: Listing) -> tuple[Ranges, tuple[str, ...]]:
    """The range that images of more than 8 bits use, of each modality for itself.

    Training and test images share it: they are compared with one another.

    Args:
        root: The data folder.
        listing: Its images.

    Returns:
        The values that become 0 and 255; and a phrase on each modality that has any.

    Raises:
        DataError: An image cannot be read.
    """
    paths = [root / name for name in listing.names]
    workers = num_cores()
    is_deep = np.array([*ordered_map(may_be_deep, paths, num_workers=workers)], bool)
    ranges, notes = {}, []
    for modality, word in enumerate(MODALITIES):
        rows = np.flatnonzero(is_deep & (listing.modalities == modality))
        chosen = [paths[row] for row in rows]
        found = [
            samples
            for samples in ordered_map(samples_of, chosen, num_workers=workers)
            if samples is not None
        ]
        if found:
            low, high = ranges[modality] = range_of(found)
            images = "1 image has" if len(found) == 1 else f"{len(found)} images have"
            notes.append(
                f"{images} more than 8 bits a pixel ({word}): values {low:g} to "
                f"{high:g}, which they use together, become 0 to 255"
            )
    return ranges, tuple(notes)


def examples(
    root: Path,
    listing: Listing,
    rows: np.ndarray,
    image_size: tuple[int, int],
    ranges: Ranges,
) -> Iterator[Example]:
    """Read and resize images, as many at once as there are cores.

    Args:
        root: The data folder.
        listing: Its images.
        rows: (n,) which of them.
        image_size: (height, width) of the result in pixels.
        ranges: What `value_ranges` gives.

    Yields:
        The examples, in the order of the rows.

    Raises:
        DataError: An image cannot be read.
    """

    def read(row: int) -> np.ndarray:
        value_range = ranges.get(int(listing.modalities[row]))
        return read_image(root / listing.names[row], image_size, value_range)

    chosen = rows.tolist()
    images = ordered_map(read, chosen, num_workers=num_cores())
    for row, image in zip(chosen, images, strict=True):
        yield Example(
            image=image,
            identity=int(listing.identities[row]),
            camera=int(listing.cameras[row]),
            modality=int(listing.modalities[row]),
            name=listing.names[row],
            train_trials=listing.train[row],
            test_trials=listing.test[row],
        )
