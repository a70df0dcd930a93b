"""Where a training goes on: at the newest whole checkpoint, or at the beginning."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ceil_jax.checkpoints.folder import Checkpoints
from ceil_jax.common import digest
from ceil_jax.common.errors import UserError
from ceil_jax.experiment import engine
from ceil_jax.experiment.announce import warn
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.record import (
    check_fingerprint,
    check_resumable,
    check_same_data,
    record_of,
)
from ceil_jax.experiment.run import warn_of_start
from ceil_jax.experiment.trained_on import TrainedOn
from ceil_jax.training.state import TrainState, variables_of
from ceil_jax.training.within import Within, from_saved


class Start(NamedTuple):
    """Where a training goes on.

    Attributes:
        state: The training state.
        done: Epochs finished.
        within: Where the epoch after them was interrupted; None at its beginning.
        record: That of every checkpoint.
        is_saved: Whether the end of epoch `done` is kept as a checkpoint.
    """

    state: TrainState
    done: int
    within: Within | None
    record: dict[str, Any]
    is_saved: bool


def resume(
    config: Config,
    saved: Checkpoints,
    state: TrainState,
    trained: TrainedOn,
    value_ranges: Mapping[str, tuple[float, float]],
) -> Start:
    """Where to go on: at the newest whole checkpoint, or at the beginning.

    Args:
        config: The whole configuration, as it fits the images.
        saved: The run's checkpoints, to be written.
        state: The state before the first step.
        trained: The training images.
        value_ranges: See `record_of`.

    Returns:
        Where to go on.

    Raises:
        UserError: No checkpoint is whole, or settings or images have changed.
    """
    start = digest.of_arrays(variables_of(state)) if config.init_from else ""
    now = record_of(
        config,
        fingerprint=trained.fingerprint,
        init_digest=start,
        value_ranges=value_ranges,
    )
    now |= {"trained_by": engine.trainer(config), "warnings": []}
    if not saved.places:
        warn_of_start(config)
        return Start(state, 0, None, now, is_saved=False)
    got = saved.open()
    record, done = got.record, got.place.done
    begun = done + 1 if got.within is not None else done
    check_same_data(config, record)
    check_fingerprint(record, trained.fingerprint, config.data_dir)
    check_resumable(config, record, begun, init_digest=start)
    if begun > config.num_epochs:
        raise UserError(
            f"the checkpoint is of epoch {begun}, after the last of "
            f"{config.num_epochs} epochs: give another --workdir"
        )
    told = (*got.skipped, *engine.changes(record, now, done))
    for text in told:
        warn(text)
    within = None
    if got.within is not None:
        within = from_saved(got.within, record["within"])
    print(f"resumed from the checkpoint of {got.place}", flush=True)
    now["init_from"] = record["init_from"]
    now["warnings"] = [*record.get("warnings", []), *told]
    return Start(got.state(state), done, within, now, is_saved=got.place.step is None)
