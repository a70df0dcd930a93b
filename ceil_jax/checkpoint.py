"""Checkpoints of a run, by Orbax: training state, epoch and best figures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import (
    AnyPreservationPolicy,
    BestN,
    CustomSteps,
    LatestN,
)

from ceil_jax.errors import UserError
from ceil_jax.state import TrainState
from ceil_jax.steps import check_same_shapes

SCORE = "score"


class Saved(NamedTuple):
    """What a checkpoint holds.

    Attributes:
        state: The training state at the end of `epoch`.
        epoch: Epochs finished.
        record: Seed, best figures and what else training notes, plain values.
    """

    state: TrainState
    epoch: int
    record: dict[str, Any]


class Checkpoints:
    """The checkpoints of one run's folder; a context manager.

    The last two are kept, those of the epochs in `keep_epochs`, and the best by the
    score that evaluations report.
    """

    def __init__(self, folder: Path, *, keep_epochs: tuple[int, ...] = ()) -> None:
        """Open the folder, which need not exist yet.

        Args:
            folder: The run's `checkpoints` folder.
            keep_epochs: Epochs whose checkpoints are never removed.
        """
        keep = [
            LatestN(2),
            BestN(get_metric_fn=_score, n=1, keep_checkpoints_without_metrics=False),
        ]
        if keep_epochs:
            keep.append(CustomSteps(steps=list(keep_epochs)))
        self._manager = ocp.CheckpointManager(
            folder.resolve(),
            options=ocp.CheckpointManagerOptions(
                preservation_policy=AnyPreservationPolicy(keep),
                cleanup_tmp_directories=True,
            ),
            # Named here, a later process can read the shapes before it restores.
            item_handlers={
                "state": ocp.StandardCheckpointHandler(),
                "record": ocp.JsonCheckpointHandler(),
            },
        )

    def __enter__(self) -> "Checkpoints":
        """Return itself."""
        return self

    def __exit__(self, *unused: object) -> None:
        """Wait for what is being written, and close."""
        self._manager.wait_until_finished()
        self._manager.close()

    @property
    def latest_epoch(self) -> int | None:
        """Epoch of the newest checkpoint; None where there is none."""
        return self._manager.latest_step()

    @property
    def epochs(self) -> list[int]:
        """Epochs of all checkpoints, ascending."""
        return sorted(self._manager.all_steps())

    def save(self, state: TrainState, epoch: int, record: Mapping[str, Any]) -> None:
        """Save in the background.

        Args:
            state: The training state; it is copied to the host first, so that it may
                be donated at once and be restored on any number of devices.
            epoch: Epochs finished.
            record: Plain values; its "score", if any, decides which is the best.
        """
        if epoch in self._manager.all_steps():
            return
        score = record.get(SCORE)
        self._manager.save(
            epoch,
            args=ocp.args.Composite(
                state=ocp.args.StandardSave(_to_host(state)),
                record=ocp.args.JsonSave(dict(record)),
            ),
            metrics={SCORE: score} if score is not None else None,
        )

    def restore(self, like: TrainState, epoch: int | None = None) -> Saved:
        """Read a checkpoint.

        Args:
            like: A state of the architecture that is expected.
            epoch: Which; None for the newest.

        Returns:
            What it holds, on the host.

        Raises:
            UserError: There is none, or it is of another architecture.
        """
        folder = self._manager.directory
        if epoch is None:
            epoch = self.latest_epoch
        if epoch is None:
            raise UserError(f"{folder}: no checkpoint here; train first")
        if epoch not in self.epochs:
            raise UserError(f"{folder}: no checkpoint of epoch {epoch}; {self.epochs=}")
        self._check_architecture(like, epoch)
        got = self._manager.restore(
            epoch,
            args=ocp.args.Composite(
                state=ocp.args.StandardRestore(_to_host(like)),
                record=ocp.args.JsonRestore(),
            ),
        )
        return Saved(got["state"], epoch, dict(got["record"]))

    def _check_architecture(self, like: TrainState, epoch: int) -> None:
        # A wrong shape would come back silently padded or cut.
        metadata = self._manager.item_metadata(epoch)["state"]
        tree = getattr(metadata, "tree", metadata)
        stored = {"params": tree["params"], "batch_stats": tree["batch_stats"]}
        want = {"params": like.params, "batch_stats": like.batch_stats}
        try:
            check_same_shapes(stored, want)
        except ValueError as error:
            folder = self._manager.directory
            raise UserError(
                f"{folder}: the checkpoint of epoch {epoch} is of another architecture "
                f"than the configuration ({error})"
            ) from error


def _score(metrics: Mapping[str, float] | None) -> float:
    return metrics[SCORE] if metrics else float("-inf")


def _to_host(state: TrainState) -> TrainState:
    return jax.tree.map(np.asarray, jax.device_get(state))
