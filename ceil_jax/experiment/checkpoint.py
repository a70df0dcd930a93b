"""Checkpoints of a run, by Orbax: training state, epoch and what belongs to them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import (
    AnyPreservationPolicy,
    CustomSteps,
    LatestN,
)

from ceil_jax.common.errors import UserError
from ceil_jax.training.state import TrainState
from ceil_jax.training.steps import check_same_shapes


class Saved(NamedTuple):
    """What a checkpoint holds.

    Attributes:
        state: The training state at the end of `epoch`.
        epoch: Epochs finished.
        record: Seed, data and what else training notes, plain values.
    """

    state: TrainState
    epoch: int
    record: dict[str, Any]


class _Best:
    """Orbax's policy that the best checkpoint stays, as known when one is saved."""

    def __init__(self, epoch: Callable[[], int | None]) -> None:
        self._epoch = epoch

    def should_preserve(
        self, checkpoints: Sequence[Any], *, context: Any
    ) -> Sequence[bool]:
        """Whether each checkpoint is the best."""
        del context
        best = self._epoch()
        return [info.step == best for info in checkpoints]


class Checkpoints:
    """The checkpoints of one run's folder; a context manager.

    The last two are kept, those of the epochs in `keep_epochs`, and the best. Each is
    saved before it is scored, so the best is known from elsewhere, when the next is.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keep_epochs: tuple[int, ...] = (),
        best: Callable[[], int | None] = lambda: None,
    ) -> None:
        """Open the folder, which need not exist yet.

        Args:
            folder: The run's `checkpoints` folder.
            keep_epochs: Epochs whose checkpoints are never removed.
            best: The epoch that is the best so far, if any.
        """
        keep = [LatestN(2), _Best(best)]
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
            record: Plain values.
        """
        if epoch in self._manager.all_steps():
            return
        self._manager.save(
            epoch,
            args=ocp.args.Composite(
                state=ocp.args.StandardSave(_to_host(state)),
                record=ocp.args.JsonSave(dict(record)),
            ),
        )

    def record(self, epoch: int | None = None) -> dict[str, Any]:
        """Read what training noted in a checkpoint, without its arrays.

        Args:
            epoch: Which; None for the newest.

        Returns:
            The record.

        Raises:
            UserError: There is none.
        """
        epoch = self._existing(epoch)
        got = self._manager.restore(
            epoch, args=ocp.args.Composite(record=ocp.args.JsonRestore())
        )
        return dict(got["record"])

    def _existing(self, epoch: int | None) -> int:
        """The epoch of a checkpoint that is there; None stands for the newest."""
        folder = self._manager.directory
        if epoch is None:
            epoch = self.latest_epoch
        if epoch is None:
            raise UserError(f"{folder}: no checkpoint here; train first")
        if epoch not in self.epochs:
            raise UserError(f"{folder}: no checkpoint of epoch {epoch}; {self.epochs=}")
        return epoch

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
        epoch = self._existing(epoch)
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


def _to_host(state: TrainState) -> TrainState:
    return jax.tree.map(np.asarray, jax.device_get(state))
