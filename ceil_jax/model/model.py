"""A trained model: images in, embeddings out."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from os import PathLike
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np

from ceil_jax.common import checks
from ceil_jax.common.errors import DataError
from ceil_jax.common.progress import bar
from ceil_jax.embedding.embedder import unit_rows
from ceil_jax.evaluation.calibration import Calibration
from ceil_jax.model import explained, reading, same_person
from ceil_jax.model.collected import Collected, Embedded, UnreadableError
from ceil_jax.model.engines import ENGINES, Engine, Engines
from ceil_jax.model.explained import Explained
from ceil_jax.model.info import MODALITIES, Info
from ceil_jax.model.reading import Pictures, Range
from ceil_jax.model.same_person import SamePerson

Modality = Literal["visible", "infrared"]


class Model:
    """A trained encoder with what it does to images; `ceil_jax.load` makes it.

    Attributes:
        variables: `{"params": ..., "batch_stats": ...}`, NumPy arrays.
        info: What is known of it.
    """

    def __init__(self, variables: Mapping[str, Any], info: Info) -> None:
        """Nothing is compiled yet.

        Args:
            variables: `{"params": ..., "batch_stats": ...}`.
            info: What is known of them.
        """
        self.variables, self.info = variables, info
        self._engines = Engines(variables, info.image_size)

    def __repr__(self) -> str:
        """What `info` says."""
        return f"<Model {self.info}>"

    @overload
    def embed(
        self,
        images: Pictures,
        modality: Modality,
        *,
        batch_size: int | None = ...,
        value_range: Range | None = ...,
        flip: bool = ...,
        engine: Engine | Literal["auto"] = ...,
        progress: bool = ...,
    ) -> np.ndarray: ...

    @overload
    def embed(
        self,
        images: Pictures,
        modality: Modality,
        *,
        on_error: Literal["raise", "skip"] = ...,
        with_quality: bool = ...,
        with_names: bool = ...,
        batch_size: int | None = ...,
        value_range: Range | None = ...,
        flip: bool = ...,
        engine: Engine | Literal["auto"] = ...,
        progress: bool = ...,
    ) -> Any: ...

    def embed(
        self,
        images: Pictures,
        modality: Modality,
        *,
        on_error: Literal["raise", "skip"] = "raise",
        with_quality: bool = False,
        with_names: bool = False,
        batch_size: int | None = None,
        value_range: Range | None = None,
        flip: bool = False,
        engine: Engine | Literal["auto"] = "jax",
        progress: bool = True,
    ) -> np.ndarray | Embedded:
        """Embed images: similarities are inner products of the rows.

        Images are read in threads, turned upright as their EXIF tag says, made RGB and
        resized as in training: greys become three equal channels, palettes and CMYK
        become colours, transparency is dropped, more than 8 bits become 0 to 255 over
        one range. Arrays are RGB, not OpenCV's BGR.

        Args:
            images: A path, a folder (see `image_files` for the order), a picture of
                Pillow's, a uint8 array (H, W, 3), (H, W) or (N, H, W, 3), or several of
                these, also of different sizes; a generator is walked through once, for
                sets that do not fit into memory.
            modality: "visible" or "infrared": each has its own first layers.
            on_error: "raise" stops at the first image that cannot be read; "skip"
                leaves such images out and names them.
            with_quality: Whether to measure size, blur and emptiness of each image.
            with_names: Whether to return the names of the images beside their rows.
            batch_size: Images embedded at once; None for what suits the engine: 8 on a
                CPU, 128 where JAX has a GPU. Rows depend on it by rounding alone.
            value_range: (low, high): the values that become 0 and 255 in images of more
                than 8 bits; by default those of training or, where it had none, of all
                files that are given together, which are told on stderr: give them for
                all images that are compared with these.
            flip: Average with the mirror image's embedding: a little better, half as
                fast.
            engine: "jax", "onnxruntime", "openvino", or "auto": the fastest of those
                installed that agrees with JAX within 1e-5 on a batch of noise; it is
                told on stderr.
            progress: Whether long work may show a bar.

        Returns:
            (n, d) float32 unit rows in the order of the images; with on_error="skip",
            with_quality or with_names an `Embedded`, which holds them.

        Raises:
            DataError: An image cannot be read: its name and why.
            ValueError: An argument is none of these, an array is of another shape or
                type, or an embedding is not finite.
            MissingExtraError: The engine is not installed.
        """
        _check(modality, on_error, engine)
        if batch_size is not None:
            (batch_size,) = checks.at_least(1, batch_size=batch_size)
        value_range = reading.check_range(value_range)
        items, total = reading.listed(images)
        value_range = value_range or self._range_of(items, modality)
        name = self._engines.named(engine, modality, flip=flip)
        runner = self._engines.runner(name, flip=flip)
        found = Collected(on_error, with_quality, with_names)
        with bar(
            total=total, desc=f"embedding {modality}", unit="img", shown=progress
        ) as shown:
            read = reading.read_all(items, self.info.image_size, value_range)
            with closing(read):
                batches = found.batches(read, batch_size or runner.batch_size)
                for number, rows in runner.stream(batches, modality):
                    found.features.append(rows[:number])
                    shown.update(number)
        return found.result(self.info.embedding_size, flip=flip)

    def embed_tracks(
        self, tracks: Iterable[Pictures], modality: Modality, **options: Any
    ) -> np.ndarray:
        """Embed tracks: several images of one person each.

        The row of a track is the direction of its images' embeddings, summed with their
        quality (`Quality.score`) as weights: small, blurred and empty ones count less.

        Args:
            tracks: The images of each track, at least one.
            modality: "visible" or "infrared".
            **options: Those of `embed`; with on_error="skip" a track keeps the images
                that can be read.

        Returns:
            (t, d) float32 unit rows, one for each track.

        Raises:
            DataError: An image cannot be read or, with on_error="skip", none of a
                track.
            ValueError: As of `embed`, or a track has no image.
        """
        if reading.is_single(tracks):
            raise ValueError("tracks must be several: the images of one person each")
        sizes: list[int] = []

        def walk(tracks: Iterable[Pictures]) -> Iterator[reading.Picture]:
            for number, track in enumerate(tracks):
                items, _ = reading.listed(track)
                sizes.append(0)
                for item in items:
                    sizes[-1] += 1
                    yield item
                if not sizes[-1]:
                    raise ValueError(f"track {number} has no image")

        options["with_quality"] = True
        images: Iterable[reading.Picture] = walk(tracks)
        if reading.is_held(tracks) and all(
            reading.is_single(track) or reading.is_held(track) for track in tracks
        ):
            images = list(images)
        got: Any = self.embed(images, modality, **options)
        of_image = np.repeat(np.arange(len(sizes)), sizes)[got.places]
        pooled = np.zeros((len(sizes), self.info.embedding_size), np.float32)
        np.add.at(pooled, of_image, got.features * got.quality.score[:, None])
        empty = np.setdiff1d(np.arange(len(sizes)), of_image)
        if empty.size:
            raise DataError(f"track {empty[0]}: none of its images can be read")
        return unit_rows(pooled)

    def same_person(
        self,
        a: reading.Picture,
        b: reading.Picture,
        modalities: tuple[Modality, Modality] = ("visible", "infrared"),
        *,
        far: float = 1e-3,
        cautious: bool = False,
        calibration: Calibration | None = None,
        value_range: Range | None = None,
        flip: bool | None = None,
        engine: Engine | Literal["auto"] = "jax",
    ) -> SamePerson:
        """Whether two images show the same person.

        The threshold is that of the pair of modalities: within a modality similarities
        are higher than across. It was measured on the test people of the run, and holds
        for cameras and people like these.

        Args:
            a: An image.
            b: Another one.
            modalities: Theirs; visible and infrared unless told otherwise.
            far: False accept rate: the share of pairs of two people that may be taken
                for one; one of those of the calibration (1e-1 to 1e-4).
            cautious: Take the upper end of the threshold's interval: fewer false
                accepts, and fewer right ones.
            calibration: Thresholds of your own cameras, by
                `ceil_jax.evaluation.verification.calibrate`; None for the model's.
            value_range: As of `embed`; by default two images of a modality use one.
            flip: As of `embed`; None for what the thresholds were measured with: the
                model's own as its run was evaluated, others without it.
            engine: As of `embed`.

        Returns:
            The answer, which a condition takes as yes or no, with similarity, threshold
            and what is known of the rates.

        Raises:
            UserError: The model carries no thresholds.
            DataError: An image cannot be read.
            ValueError: There is no threshold of these modalities at this rate, or a or
                b is not one image.
        """
        ranges = self._ranges_of_pair((a, b), modalities, value_range)
        found = same_person.calibration_of(
            calibration, self.info.calibration, self.info.source
        )
        found.threshold(modalities, far, cautious=cautious)  # before the work
        if flip is None:
            flip = calibration is None and self.info.calibrated_with_flip
        try:
            first, second = (
                self.embed([one], each, value_range=span, flip=flip, engine=engine)[0]
                for one, each, span in zip((a, b), modalities, ranges, strict=True)
            )
        except UnreadableError as error:
            raise DataError(error.reason) from error
        return same_person.decide(
            (first, second), modalities, found, far=far, cautious=cautious
        )

    def explain(
        self,
        a: reading.Picture,
        b: reading.Picture,
        modalities: tuple[Modality, Modality] = ("visible", "infrared"),
        *,
        value_range: Range | None = None,
    ) -> Explained:
        """Which parts of two images made them similar.

        Args:
            a: An image.
            b: Another one.
            modalities: Theirs; visible and infrared unless told otherwise.
            value_range: As of `embed`.

        Returns:
            The similarity, divided exactly among the places of each image;
            `pictures()` shows it.

        Raises:
            DataError: An image cannot be read.
            ValueError: An argument is none of these.
        """
        ranges = self._ranges_of_pair((a, b), modalities, value_range)
        first, second = (
            self._pixels(item, each) for item, each in zip((a, b), ranges, strict=True)
        )
        return explained.explain(self.variables, (first, second), modalities)

    def save(self, folder: str | PathLike[str]) -> Path:
        """Write a model folder: weights, configuration, model card.

        Args:
            folder: Where; it must not exist, or be empty.

        Returns:
            The folder.

        Raises:
            UserError: It cannot be written, or holds something.
        """
        from ceil_jax.model import folder as folders

        return folders.write(folder, self.variables, self.info)

    def _range_of(
        self, items: Iterable[reading.Picture], modality: str
    ) -> Range | None:
        """The range for images of more than 8 bits; told where it is theirs alone."""
        if modality in self.info.value_ranges:
            return self.info.value_ranges[modality]
        found = reading.range_of(items) if reading.is_held(items) else None
        if found is not None:
            low, high = (f"{value:.9g}" for value in found)
            print(
                f"images of more than 8 bits: {low} to {high} became 0 to 255; for all "
                f"that are compared with them give value_range=({low}, {high}), to "
                f"--mode embed --value-range={low},{high}",
                file=sys.stderr,
            )
        return found

    def _ranges_of_pair(
        self,
        pair: tuple[reading.Picture, reading.Picture],
        modalities: tuple[Modality, Modality],
        value_range: Range | None,
    ) -> tuple[Range | None, Range | None]:
        """The range of each of two images: one for both where their modality is one."""
        if isinstance(modalities, str) or len(modalities) != 2:
            raise ValueError(f"{modalities=} must be two, such as visible and infrared")
        for name, image in zip("ab", pair, strict=True):
            reading.check_one(name, image)
        for modality in modalities:
            _check(modality, "raise", "jax")
        given = reading.check_range(value_range)
        if given is not None:
            return given, given
        if modalities[0] == modalities[1]:
            both = self._range_of(list(pair), modalities[0])
            return both, both
        first, second = (
            self._range_of([image], modality)
            for image, modality in zip(pair, modalities, strict=True)
        )
        return first, second

    def _pixels(self, picture: reading.Picture, value_range: Range | None) -> Any:
        """One image at the model's size; a mistake names it."""
        [got] = reading.read_all([picture], self.info.image_size, value_range)
        if isinstance(got, reading.Unreadable):
            raise DataError(got.reason)
        return got.image


def _check(modality: str, on_error: str, engine: str) -> None:
    """Refuse arguments that are none of the possible ones."""
    for name, value, possible in (
        ("modality", modality, MODALITIES),
        ("on_error", on_error, ("raise", "skip")),
        ("engine", engine, (*ENGINES, "auto")),
    ):
        if value not in possible:
            raise ValueError(f"{name}={value!r} must be one of {', '.join(possible)}")
