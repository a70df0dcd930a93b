"""MLflow: a run in its local file store, or wherever `MLFLOW_TRACKING_URI` points."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ceil_jax.experiment.trackers.tracker import Start

# Read when it is imported: no usage data are sent. The file store is kept for runs
# without a database, and must be asked for.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")

from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

FOLDER = "mlruns"
_EXPERIMENT = "ceil-jax"
_TAG = "ceil_jax.run"
_LONGEST_PARAM = 500


class MLflow:
    """A run in `WORKDIR/mlruns`."""

    def __init__(self, start: Start) -> None:
        """Begin or continue the run.

        Args:
            start: The run.

        Raises:
            Exception: Whatever MLflow raises.
        """
        own = (start.workdir / FOLDER).resolve().as_uri()
        self._client = MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or own)
        found = self._client.get_experiment_by_name(_EXPERIMENT)
        experiment = (
            found.experiment_id
            if found is not None
            else self._client.create_experiment(_EXPERIMENT)
        )
        runs = self._client.search_runs(
            [experiment], f"tags.`{_TAG}` = '{start.identity}'", max_results=1
        )
        if runs:
            self._id = runs[0].info.run_id
            self._client.update_run(self._id, status="RUNNING")
            return
        run = self._client.create_run(
            experiment, run_name=start.workdir.name, tags={_TAG: start.identity}
        )
        self._id = run.info.run_id
        params = [
            Param(name, str(value)[:_LONGEST_PARAM])
            for name, value in _flat(start.settings).items()
        ]
        self._client.log_batch(self._id, params=params)

    def add(self, values: Mapping[str, float], epoch: int) -> None:
        """Add a point to each of some curves, see `Tracker.add`.

        Args:
            values: Heights by the curves' names.
            epoch: Their place, counted from 1.
        """
        metrics = [
            Metric(name, value, _milliseconds(), epoch)
            for name, value in values.items()
        ]
        self._client.log_batch(self._id, metrics=metrics)

    def add_picture(self, name: str, path: Path, epoch: int) -> None:
        """Show a picture, see `Tracker.add_picture`.

        Args:
            name: What it is called.
            path: A PNG.
            epoch: The epoch of the model that it shows.
        """
        self._client.log_artifact(self._id, str(path), name)

    def close(self) -> None:
        """Finish the run."""
        self._client.set_terminated(self._id)


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings by their whole names, as in `rerank.k1`."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found
