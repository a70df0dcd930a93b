"""What a checkpoint of a run is: a place in its training, and what it holds.

The folder `12` is the state after epoch 12; `13.step340` is the state within epoch 13,
after its step 340, to go on from, and is removed once a later one is there.
"""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from flax import serialization

from ceil_jax.common.errors import UserError
from ceil_jax.common.shapes import check_same_shapes

STATE, WITHIN = "state", "within"
VARIABLES = ("params", "batch_stats")


class Place(NamedTuple):
    """How far a training has come.

    Attributes:
        done: Epochs finished.
        step: Steps taken of the epoch after them, for a state to go on from; None for
            the checkpoint of the last finished epoch.
    """

    done: int
    step: int | None = None

    @property
    def name(self) -> str:
        """The name of its folder."""
        if self.step is None:
            return str(self.done)
        return f"{self.done + 1}.step{self.step}"

    @property
    def order(self) -> tuple[int, int, bool]:
        """Greater for later places."""
        return self.done, self.step or 0, self.step is None

    def __str__(self) -> str:
        """In words."""
        if self.step:
            return f"epoch {self.done + 1}, step {self.step}"
        return f"epoch {self.done}"


def place_of(name: str) -> Place | None:
    """The place that a folder's name says.

    Args:
        name: The name of a folder.

    Returns:
        The place; None for what is no checkpoint.
    """
    if match := re.fullmatch(r"([1-9]\d*)(?:\.step(0|[1-9]\d*))?", name):
        if match[2] is None:
            return Place(int(match[1]))
        return Place(int(match[1]) - 1, int(match[2]))
    return None


@dataclasses.dataclass(frozen=True)
class Saved:
    """A checkpoint that has proven itself.

    Attributes:
        place: How far the training had come.
        record: Seed, data and what else training noted, plain values.
        arrays: NumPy arrays by item and name.
        folder: Where it was read from.
        skipped: Why newer ones were not taken, a line each.
    """

    place: Place
    record: dict[str, Any]
    arrays: Mapping[str, Any]
    folder: Path
    skipped: tuple[str, ...] = ()

    @property
    def epoch(self) -> int:
        """Epochs finished."""
        return self.place.done

    @property
    def within(self) -> dict[str, Any] | None:
        """Arrays of the epoch that was interrupted; None at the end of an epoch."""
        return self.arrays.get(WITHIN)

    @property
    def variables(self) -> dict[str, Any]:
        """`{"params": ..., "batch_stats": ...}`, NumPy arrays."""
        return {name: self.arrays[STATE][name] for name in VARIABLES}

    def state(self, like: Any) -> Any:
        """The training state.

        Args:
            like: A state of the architecture that is expected: a Flax dataclass.

        Returns:
            The state, likewise, on the host.

        Raises:
            UserError: It is of another architecture.
        """
        tree, want = self.arrays[STATE], serialization.to_state_dict(like)
        try:
            # Weights first: their names say more than those of the optimiser.
            for names in (VARIABLES, tuple(want)):
                check_same_shapes(
                    {name: tree[name] for name in names},
                    {name: want[name] for name in names},
                )
        except ValueError as error:
            raise UserError(
                f"{self.folder.parent}: the checkpoint of {self.place} is of another "
                f"architecture than the configuration ({error})"
            ) from error
        return serialization.from_state_dict(like, tree)
