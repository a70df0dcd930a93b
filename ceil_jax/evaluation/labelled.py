"""What is known of the images of one modality."""

from typing import Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class Labelled(Protocol):
    """Labels of the test images of one modality, one entry per image."""

    @property
    def identities(self) -> np.ndarray:
        """Identity of each image, (N,) integers; -1 = unknown."""
        ...

    @property
    def cameras(self) -> np.ndarray:
        """Camera of each image, (N,) integers; the data set's own numbers, from 1."""
        ...

    @property
    def names(self) -> np.ndarray:
        """Path of each image relative to the data folder, (N,) str."""
        ...
