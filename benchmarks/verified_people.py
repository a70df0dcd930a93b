"""Generated people whose pairs of images are verified, and when each was seen."""

from typing import NamedTuple

import numpy as np

from benchmarks import people

IN_FRAME = 5  # people before a camera at one moment


class Rows(NamedTuple):
    """Arguments of `calibrate`, in its order."""

    features: np.ndarray
    identities: np.ndarray
    cameras: np.ndarray
    modalities: np.ndarray

    def of(self, identities: np.ndarray) -> "Rows":
        """The images of some people."""
        chosen = np.isin(self.identities, identities)
        return Rows(*(part[chosen] for part in self))


def rows_of(sides: dict[str, people.Side], *, demo: bool = True) -> Rows:
    """Both modalities as one set.

    Args:
        sides: Embeddings of a seed's people.
        demo: Only the images that the demo tests on.

    Returns:
        The rows.
    """
    most = {"visible": 4, "infrared": 8} if demo else {}
    parts = []
    for name, side in sides.items():
        kept = side.take(side.numbers <= most.get(name, people.IMAGES_PER_CAMERA))
        kinds = np.full(len(kept.features), name)
        parts.append((kept.features, kept.identities, kept.cameras, kinds))
    return Rows(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def moments(rows: Rows, rng: np.random.Generator) -> tuple[Rows, np.ndarray]:
    """Let people of a set stand before each camera together.

    Args:
        rows: Images.
        rng: Decides who stands beside whom.

    Returns:
        The images that found a place, and the time of each in seconds.
    """
    order, times, clock = [], [], 0.0
    for camera in np.unique(rows.cameras):
        left = rng.permutation(np.flatnonzero(rows.cameras == camera)).tolist()
        while left:
            frame: list[int] = []
            for row in left:
                shown = rows.identities[frame]
                if len(frame) < IN_FRAME and rows.identities[row] not in shown:
                    frame.append(row)
            left = [row for row in left if row not in frame]
            order += frame
            times += [clock] * len(frame)
            clock += 10.0
    return Rows(*(part[order] for part in rows)), np.array(times)
