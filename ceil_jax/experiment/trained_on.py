"""Whom a model was trained on, so that nobody is tested on the same people unawares."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from ceil_jax.common import digest
from ceil_jax.common.errors import UserError
from ceil_jax.common.files import whole
from ceil_jax.common.progress import bar
from ceil_jax.datasets.imageset import ImageSet
from ceil_jax.experiment import damaged
from ceil_jax.experiment.config import Config

FILE_NAME = "trained_on.npz"
_READ = 256  # images read at a time
UNKNOWN = (
    "overlap of people unknown: nobody can tell whether the people of these images "
)
UNKNOWN += "are among those that the model was trained on"


@dataclass(frozen=True)
class TrainedOn:
    """The training images of a run.

    Attributes:
        hashes: (n,) uint64, of the prepared pixels of each image.
        identities: (n,) int64, -1 where unknown.
        fingerprint: Of all, see `digest.of_data`: the folder may lie elsewhere.
    """

    hashes: np.ndarray
    identities: np.ndarray
    fingerprint: str

    def save(self, workdir: Path) -> None:
        """Write `trained_on.npz` into a run's folder, whole or not at all.

        A damaged file of that name is set aside.

        Args:
            workdir: The folder, which exists.
        """
        path = workdir / FILE_NAME
        try:
            read(workdir)
        except UserError:
            damaged.set_aside(path, "not readable", "it is made anew from the images")
        with whole(path) as file:
            np.savez(
                file,
                hashes=self.hashes,
                identities=self.identities,
                fingerprint=self.fingerprint,
            )


def read(workdir: Path) -> TrainedOn | None:
    """What a run's folder tells of its training images.

    Args:
        workdir: The run's folder.

    Returns:
        The images; None for a run that is older than the file.

    Raises:
        UserError: The file cannot be read.
    """
    path = workdir / FILE_NAME
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file) as found:
            return _checked(found["hashes"], found["identities"], found["fingerprint"])
    except Exception as error:  # archives and arrays are damaged in many ways
        raise UserError(
            f"{path}: not readable: {damaged.reason(error)}. It tells whom the model "
            f"was trained on; --mode train --workdir {workdir} makes it again, of a "
            "finished training, too"
        ) from error


def _checked(hashes: Any, identities: Any, fingerprint: Any) -> TrainedOn:
    """The content of a file; ValueError if it is another one."""
    for name, array, kind in (
        ("hashes", hashes, "u8"),
        ("identities", identities, "i8"),
    ):
        if array.dtype != np.dtype(kind) or array.shape != (len(hashes),):
            raise ValueError(f"{name} are {array.dtype} of shape {array.shape}")
    if fingerprint.shape != () or fingerprint.dtype.kind != "U":
        raise ValueError("the fingerprint is no text")
    return TrainedOn(hashes, identities, str(fingerprint))


def of_images(sets: Sequence[ImageSet]) -> TrainedOn:
    """Look at every training image.

    Args:
        sets: The image sets that are trained on.

    Returns:
        Their hashes, people and fingerprint.
    """
    hashes = [hashes_of(images, "checking") for images in sets]
    contents = [
        digest.Content(str(name), int(np.prod(images.images.image_size)) * 3, f"{n:x}")
        for images, numbers in zip(sets, hashes, strict=True)
        for name, n in zip(images.names.tolist(), numbers.tolist(), strict=True)
    ]
    return TrainedOn(
        np.concatenate(hashes),
        np.concatenate([np.asarray(s.identities, np.int64) for s in sets]),
        digest.of_data(contents),
    )


def hashes_of(images: ImageSet, what: str) -> np.ndarray:
    """A number for the pixels of each image.

    Args:
        images: The images, as prepared.
        what: What is done, for the progress bar.

    Returns:
        (n,) uint64.
    """
    found = np.empty(len(images), np.uint64)
    with bar(total=len(images), desc=f"{what} images", unit="img") as shown:
        for start in range(0, len(images), _READ):
            rows = np.arange(start, min(start + _READ, len(images)))
            for row, pixels in zip(rows, images.images.take(rows), strict=True):
                code = blake2b(np.ascontiguousarray(pixels).data, digest_size=8)
                found[row] = int.from_bytes(code.digest(), "little")
            shown.update(len(rows))
    return found


def check_overlap(
    trained: TrainedOn, tested: Sequence[ImageSet], *, same_people: bool
) -> None:
    """Refuse to test on people that a model was trained on, where that is proven.

    Labels prove it where training and test images are numbered alike; else equal
    images do.

    Args:
        trained: The training images.
        tested: The test images.
        same_people: Whether equal identity numbers are the same person.

    Raises:
        UserError: Names how many test images it concerns, and the first.
    """
    known = np.unique(trained.identities[trained.identities >= 0])
    by_labels = same_people and len(known) > 0
    for images in tested:
        if not len(images):
            continue
        if by_labels:
            seen, why = np.isin(images.identities, known), "show people"
        else:
            seen, why = np.isin(hashes_of(images, "comparing"), trained.hashes), "are"
        if seen.any():
            first = images.names[np.flatnonzero(seen)[0]]
            what = "that the model was trained on"
            noun = "" if why != "are" else "images "
            raise UserError(
                f"{int(seen.sum())} of {len(images)} test images {why} {noun}{what}, "
                f"the first is {first}: the figures would be too high. Test on other "
                "people"
            )


def unknown_people(config: Config, what: str = "weights") -> str:
    """What a file of weights or features leaves open: whom the model was trained on.

    Args:
        config: The whole configuration.
        what: What is scored, in the plural.

    Returns:
        The warning, a line.
    """
    text = f"the {what} do not tell which people they were trained on: if any is among "
    if config.dataset == "regdb" and not config.evaluation.protocol:
        return (
            f"{text}the test images of split {config.trial}, as in every other split "
            "than their own, the figures are too high"
        )
    return f"{text}the test images, the figures are too high"
