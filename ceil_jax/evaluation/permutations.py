"""The galleries that SYSU-MM01's authors drew once for all: `rand_perm_cam.mat`."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.io

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import user_path

NAME = "rand_perm_cam"
NUM_CAMERAS = 6


class Permutations(NamedTuple):
    """Orders of the images of each camera and identity, one per trial.

    Attributes:
        path: The file that they were read from.
        cameras: By camera (from 1, so entry 0 is camera 1) and identity (likewise): an
            array (trials, n) of ranks from 1 into the pair's n sorted files.
    """

    path: Path
    cameras: list[list[np.ndarray]]

    def first(
        self, identity: int, camera: int, *, num_files: int, num_trials: int, shots: int
    ) -> np.ndarray:
        """The images of one identity and camera that are in each trial's gallery.

        Args:
            identity: The data set's own number, from 1.
            camera: The data set's own number, from 1.
            num_files: Images of the pair that were found.
            num_trials: Galleries to draw.
            shots: Images of the pair in a gallery, or all if there are fewer.

        Returns:
            Positions in the pair's sorted files, from 0, (num_trials, at most shots).

        Raises:
            UserError: The file has no such camera, identity or trial, or permutes
                another number of images than were found.
        """
        if not 1 <= camera <= len(self.cameras):
            raise UserError(
                f"{self.path}: has cameras 1 to {len(self.cameras)}, the test images "
                f"are of camera {camera}, too"
            )
        identities = self.cameras[camera - 1]
        if not 1 <= identity <= len(identities):
            raise UserError(
                f"{self.path}: has identities 1 to {len(identities)} of camera "
                f"{camera}, the test images show identity {identity}, too"
            )
        ranks = identities[identity - 1]
        pair = f"identity {identity} of camera {camera}"
        if ranks.shape[1] != num_files:
            raise UserError(
                f"{self.path}: permutes {ranks.shape[1]} images of {pair}, but "
                f"{num_files} were found: the file or the images are of another data "
                'set, or not whole; sampling "ceil" needs no file'
            )
        if len(ranks) < num_trials:
            raise UserError(
                f"{self.path}: has {len(ranks)} trials of {pair}, "
                f"config.evaluation.num_trials={num_trials} asks for more"
            )
        return ranks[:num_trials, :shots].astype(np.int64) - 1


def read(path: str | Path) -> Permutations:
    """Read the file that comes with SYSU-MM01.

    Args:
        path: A MATLAB file (5.0 to 7.2) whose variable `rand_perm_cam` is a cell
            (6, 1) of cells (identities, 1) of matrices (trials, n).

    Returns:
        The permutations.

    Raises:
        UserError: The file is missing, unreadable or of another structure.

    References:
        Wu et al., ICCV 2017: the data set's `exp/rand_perm_cam.mat`.
    """
    path = user_path(path)
    if not path.is_file():
        raise UserError(
            f'{path}: no such file; sampling "official" needs SYSU-MM01\'s '
            "exp/rand_perm_cam.mat (config.evaluation.permutations names another place)"
        )
    try:
        content = scipy.io.loadmat(str(path))
    except Exception as error:  # of many kinds: the reader trusts what it reads
        kind = type(error).__name__
        raise UserError(f"{path}: no readable MATLAB file ({kind}: {error})") from error
    if NAME not in content:
        found = ", ".join(name for name in content if not name.startswith("__"))
        raise UserError(f"{path}: has no variable {NAME} (found: {found or 'none'})")
    cells = _cells(content[NAME], path, NAME)
    if len(cells) != NUM_CAMERAS:
        raise UserError(
            f"{path}: {NAME} has {len(cells)} cameras, must have {NUM_CAMERAS}"
        )
    cameras = [
        [
            _ranks(ranks, path, f"{NAME}{{{camera}}}{{{identity}}}")
            for identity, ranks in enumerate(
                _cells(cell, path, f"{NAME}{{{camera}}}"), 1
            )
        ]
        for camera, cell in enumerate(cells, 1)
    ]
    return Permutations(path, cameras)


def _cells(value: Any, path: Path, name: str) -> list[Any]:
    """The entries of a MATLAB cell of one column."""
    if not isinstance(value, np.ndarray) or value.dtype != object or value.ndim != 2:
        raise UserError(f"{path}: {name} is no cell of one column")
    if value.shape[1] != 1:
        raise UserError(f"{path}: {name} is a cell of {value.shape}, must be of (n, 1)")
    return list(value[:, 0])


def _ranks(value: Any, path: Path, name: str) -> np.ndarray:
    """A matrix whose rows are permutations of 1 to n; n is 0 without images."""
    is_matrix = isinstance(value, np.ndarray) and value.ndim == 2
    if not is_matrix or value.dtype.kind not in "uif":
        raise UserError(f"{path}: {name} is no matrix of numbers")
    if not (np.sort(value, axis=1) == np.arange(1, value.shape[1] + 1)).all():
        raise UserError(
            f"{path}: a row of {name} is no permutation of 1 to {value.shape[1]}"
        )
    return value
