"""What a run writes as it goes: one line per epoch for people, and for programs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ceil_jax.common.files import write_whole
from ceil_jax.experiment import damaged
from ceil_jax.experiment.announce import warn
from ceil_jax.experiment.trackers.names import TENSORBOARD
from ceil_jax.experiment.trackers.several import Trackers
from ceil_jax.experiment.trackers.tracker import Start


class EpochLog:
    """`metrics.jsonl` and the curves of a run; a context manager."""

    def __init__(
        self,
        workdir: Path,
        *,
        epochs_done: int,
        trackers: Sequence[str] = (TENSORBOARD,),
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Open the log, without the epochs that a resumed run will do again.

        Args:
            workdir: The run's folder.
            epochs_done: Epochs of the checkpoint that the run starts from; 0 for none.
            trackers: Who gets the curves, of `trackers.names.NAMES`.
            settings: The run's configuration as plain values, for them.
        """
        self._path = workdir / "metrics.jsonl"
        kept: list[str] = []
        is_told = False
        if self._path.exists():
            lines, is_told = _lines(self._path)
            kept = [line for epoch, line in lines if epoch <= epochs_done]
            write_whole(self._path, "".join(f"{line}\n" for line in kept))
        lost = epochs_done - len(kept)
        if lost > 0 and not is_told:
            warn(f"{self._path} lacks {lost} of the {epochs_done} epochs that are done")
        start = Start(workdir, epochs_done + 1, settings or {})
        self._trackers = Trackers(trackers, start)

    def __enter__(self) -> "EpochLog":
        """Return itself."""
        return self

    def __exit__(self, *unused: object) -> None:
        """Finish the curves."""
        self._trackers.close()

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one epoch.

        Args:
            record: The epoch's object; "epoch" is its step in the curves.
        """
        with self._path.open("a") as file:
            file.write(json.dumps(record) + "\n")
        self._trackers.add(_points(record), record["epoch"])

    def write_scores(self, scores: Mapping[str, float], epoch: int) -> None:
        """Add an evaluation to the curves.

        Args:
            scores: Figures by name, in percent.
            epoch: The epoch after which they were measured.
        """
        values = {f"evaluation/{name}": value for name, value in scores.items()}
        self._trackers.add(values, epoch)

    def add_picture(self, path: Path, epoch: int) -> None:
        """Show a picture beside the curves.

        Args:
            path: A PNG; one that is not there is left out.
            epoch: The epoch of the model that it shows.
        """
        if path.is_file():
            self._trackers.add_picture(f"evaluation/{path.stem}", path, epoch)


def _points(record: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """The numbers of an epoch by the names of their curves."""
    found: dict[str, float] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            found |= _points(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and name not in ("epoch", "stage"):
            found[f"{prefix or 'training/'}{name}"] = value
    return found


def _lines(path: Path) -> tuple[list[tuple[int, str]], bool]:
    """The lines of a log with their epochs, and whether something was said of others.

    The file is set aside as it was, unless only its end is missing: a line that a kill
    cut short is of an epoch that will be done again.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        damaged.set_aside(path, damaged.reason(error), "a new one is begun")
        return [], True
    lines = content.splitlines(keepends=True)
    found = [(_epoch(line), line) for line in lines]
    num_wrong = sum(epoch is None for epoch, _ in found)
    if num_wrong == 1 and found[-1][0] is None and not lines[-1].endswith(b"\n"):
        warn(f"{path}: the last line was cut short and is dropped")
    elif num_wrong:
        why = f"{num_wrong} of {len(lines)} lines are no epochs"
        damaged.set_aside(path, why, "the other lines are kept")
    right = [(epoch, line) for epoch, line in found if epoch is not None]
    return [(epoch, line.decode().strip()) for epoch, line in right], bool(num_wrong)


def _epoch(line: bytes) -> int | None:
    """The epoch that a line is about; None if it is about none."""
    try:
        epoch = json.loads(line.decode())["epoch"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None
    return epoch if type(epoch) is int and epoch >= 1 else None


def epoch_line(record: Mapping[str, Any], num_epochs: int, left: str = "") -> str:
    """One readable line about an epoch.

    Args:
        record: The epoch's object of `metrics.jsonl`.
        num_epochs: Epochs of the whole training.
        left: How long the others will take, in words; "" where it is not known.

    Returns:
        Clusters, proxies and kept images of both modalities, the losses, the rate and
        the seconds of every part.
    """
    losses = " ".join(
        f"{name} {record[name]:.3f}"
        for name in record
        if name.startswith(("cdl", "id_", "cross", "mmd"))
    )
    sides = ", ".join(
        f"{name} {c['clusters']} clusters {c['proxies']} proxies "
        f"{c['kept']}/{c['images']} kept"
        for name in ("visible", "infrared")
        if name in record
        for c in (record[name],)
    )
    matched = record.get("right_matches")
    seconds = " ".join(f"{k} {v:.1f}" for k, v in record["seconds"].items())
    return (
        f"epoch {record['epoch']}/{num_epochs} stage {record['stage']} | {sides}"
        + (f" | {matched:.0%} of matches right" if matched is not None else "")
        + f" | loss {record['loss']:.3f} ({losses})"
        + f" | rate {record['learning_rate']:.2e}"
        + f" | s: {seconds}"
        + (f" | {left}" if left else "")
    )
