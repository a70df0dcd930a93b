"""A state within an epoch: all that its remaining steps need, to the same bits."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from ceil_jax.clustering import ProxyTables
from ceil_jax.training.pseudo_labels import PseudoLabels
from ceil_jax.training.state import BothTables, Memories, Memory, Tables

MODALITIES = ("visible", "infrared")


class Within(NamedTuple):
    """What an epoch has come to after some of its steps, beside the training state.

    Images and labels of the remaining batches, and every random draw, follow from the
    seed, the epoch and the step.

    Attributes:
        epoch: Counted from 1.
        step: Steps taken of it.
        memories: The memories after them.
        tables: The epoch's tables.
        labels: The pseudo-labels of both modalities; None for one that is not there.
        sums: Every loss, summed over the steps.
        figures: What else the epoch's log has so far, plain values.
    """

    epoch: int
    step: int
    memories: Memories
    tables: BothTables
    labels: tuple[PseudoLabels | None, PseudoLabels | None]
    sums: dict[str, float]
    figures: dict[str, Any]

    def arrays(self) -> dict[str, Any]:
        """The arrays by name, for a checkpoint.

        Returns:
            NumPy or JAX arrays in nested mappings.
        """
        sides = zip(MODALITIES, self.memories, self.tables, self.labels, strict=True)
        return {
            name: {
                "memory": memory._asdict(),
                "tables": tables._asdict(),
                "labels": _arrays_of(labels),
            }
            for name, memory, tables, labels in sides
            if labels is not None
        }

    def facts(self) -> dict[str, Any]:
        """The plain values, for a checkpoint's record.

        Returns:
            Values that JSON keeps exactly.
        """
        return {
            "epoch": self.epoch,
            "step": self.step,
            "sums": self.sums,
            "figures": self.figures,
        }


def from_saved(arrays: Mapping[str, Any], facts: Mapping[str, Any]) -> Within:
    """Undo `Within.arrays` and `Within.facts`.

    Args:
        arrays: NumPy arrays in nested mappings.
        facts: The plain values.

    Returns:
        The state within the epoch, on the host.
    """
    sides = [arrays.get(name) for name in MODALITIES]
    first, second = (
        None if side is None else _labels_of(side["labels"]) for side in sides
    )
    return Within(
        facts["epoch"],
        facts["step"],
        Memories(
            *(None if side is None else Memory(**side["memory"]) for side in sides)
        ),
        BothTables(
            *(None if side is None else Tables(**side["tables"]) for side in sides)
        ),
        (first, second),
        dict(facts["sums"]),
        dict(facts["figures"]),
    )


def _arrays_of(labels: PseudoLabels) -> dict[str, Any]:
    tree = labels._asdict() | {"tables": labels.tables._asdict()}
    return jax.tree.map(np.asarray, tree)


def _labels_of(tree: Mapping[str, Any]) -> PseudoLabels:
    return PseudoLabels(
        tree["kept"],
        tree["clusters"],
        tree["proxies"],
        ProxyTables(**tree["tables"]),
        int(tree["num_images"]),
    )
