"""A trained model: images in, embeddings out."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from os import PathLike
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np

from ceil_jax.common.errors import DataError
from ceil_jax.common.progress import bar
from ceil_jax.embedding.embedder import unit_rows
from ceil_jax.evaluation.calibration import Calibration
from ceil_jax.model import engines, reading, same_person
from ceil_jax.model.collected import Collected, Embedded
from ceil_jax.model.engines import ENGINES, Engine, JaxRunner, OnnxRunner, Runner
from ceil_jax.model.info import MODALITIES, Info
from ceil_jax.model.reading import Pictures, Range
from ceil_jax.model.same_person import SamePerson

Modality = Literal["visible", "infrared"]
BATCH_SIZE = 32


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
        self._runners: dict[tuple[Engine, bool], Runner] = {}
        self._chosen: dict[tuple[str, bool], Engine] = {}

    def __repr__(self) -> str:
        """What `info` says."""
        return f"<Model {self.info}>"

    @overload
    def embed(
        self,
        images: Pictures,
        modality: Modality,
        *,
        batch_size: int = ...,
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
        batch_size: int = ...,
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
        batch_size: int = BATCH_SIZE,
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
            batch_size: Images embedded at once.
            value_range: (low, high): the values that become 0 and 255 in images of more
                than 8 bits; by default those of training or, where it had none, of all
                files that are given together.
            flip: Average with the mirror image's embedding: a little better, half as
                fast.
            engine: "jax", "onnxruntime", "openvino", or "auto": the fastest of those
                installed that agrees with JAX within 1e-5 on a batch of noise; it is
                told on stderr.
            progress: Whether long work may show a bar.

        Returns:
            (n, d) float32 unit rows in the order of the images; with on_error="skip" or
            with_quality an `Embedded`.

        Raises:
            DataError: An image cannot be read: its name and why.
            ValueError: An argument is none of these, an array is of another shape or
                type, or an embedding is not finite.
            MissingExtraError: The engine is not installed.
        """
        _check(modality, on_error, batch_size, engine)
        items, total = reading.listed(images)
        value_range = value_range or self._range_of(items, modality)
        runner = self._runner(engine, modality, flip)
        found = Collected(on_error, with_quality)
        with bar(
            total=total, desc=f"embedding {modality}", unit="img", shown=progress
        ) as shown:
            read = reading.read_all(items, self.info.image_size, value_range)
            with closing(read):
                batches = found.batches(read, batch_size)
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
        sizes: list[int] = []

        def walk() -> Iterator[reading.Picture]:
            for number, track in enumerate(tracks):
                items, _ = reading.listed(track)
                sizes.append(0)
                for item in items:
                    sizes[-1] += 1
                    yield item
                if not sizes[-1]:
                    raise ValueError(f"track {number} has no image")

        options["with_quality"] = True
        got: Any = self.embed(walk(), modality, **options)
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
        **options: Any,
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
            **options: Those of `embed`.

        Returns:
            The answer, which a condition takes as yes or no, with similarity, threshold
            and what is known of the rates.

        Raises:
            UserError: The model carries no thresholds.
            DataError: An image cannot be read.
            ValueError: There is no threshold of these modalities at this rate.
        """
        found = same_person.calibration_of(
            calibration, self.info.calibration, self.info.source
        )
        found.threshold(modalities, far, cautious=cautious)  # before the work
        first, second = (
            self.embed(image, modality, **options)[0]
            for image, modality in zip((a, b), modalities, strict=True)
        )
        return same_person.decide(
            (first, second), modalities, found, far=far, cautious=cautious
        )

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
        """The range for images of more than 8 bits."""
        if modality in self.info.value_ranges:
            return self.info.value_ranges[modality]
        return reading.range_of(items) if isinstance(items, Sequence) else None

    def _runner(
        self, engine: Engine | Literal["auto"], modality: str, flip: bool
    ) -> Runner:
        """The engine with this model in it, made at its first use."""
        if engine == "auto":
            engine = self._fastest(modality, flip)
        if (engine, flip) not in self._runners:
            if engine == "jax":
                made: Runner = JaxRunner(self.variables, flip=flip)
            else:
                made = OnnxRunner(
                    self.variables, self.info.image_size, engine, flip=flip
                )
            self._runners[engine, flip] = made
        return self._runners[engine, flip]

    def _fastest(self, modality: str, flip: bool) -> Engine:
        """The fastest engine that is installed and agrees, chosen once."""
        if (modality, flip) not in self._chosen:
            runners: dict[Engine, Runner] = {
                e: self._runner(e, modality, flip) for e in engines.installed()
            }
            seen = engines.probe(runners, self.info.image_size, modality)
            self._chosen[modality, flip] = seen[0].engine
            said = ", ".join(
                f"{each.engine} {1000 * each.seconds:.1f} ms, off {each.off:.0e}"
                for each in seen
            )
            print(f"engine {seen[0].engine} for {modality} ({said})", file=sys.stderr)
        return self._chosen[modality, flip]


def _check(modality: str, on_error: str, batch_size: int, engine: str) -> None:
    """Refuse arguments that are none of the possible ones."""
    for name, value, possible in (
        ("modality", modality, MODALITIES),
        ("on_error", on_error, ("raise", "skip")),
        ("engine", engine, (*ENGINES, "auto")),
    ):
        if value not in possible:
            raise ValueError(f"{name}={value!r} must be one of {', '.join(possible)}")
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"{batch_size=} must be at least 1")
