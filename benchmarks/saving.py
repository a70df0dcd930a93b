"""What saving costs at the paper's size: the pause, the background, digest and reading.

A state of CLIP's ResNet-50 with Adam's moments, random numbers, and an interruption
within an epoch of 2,048 proxies and clusters in both modalities.

    python -m benchmarks.saving --repeats=5
"""

import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl import app, flags
from tabulate import tabulate

from benchmarks import flagged
from ceil_jax.checkpoints.folder import Checkpoints
from ceil_jax.common import digest
from ceil_jax.encoder import Encoder
from ceil_jax.training import optim, steps
from ceil_jax.training.state import TrainState

_FLAGS = flagged.own(__name__)
_REPEATS = flags.DEFINE_integer(
    "repeats", 5, "How often each part is measured.", flag_values=_FLAGS
)
_FOLDER = flags.DEFINE_string(
    "folder", None, "Where to save; by default in /tmp.", flag_values=_FLAGS
)
ROWS = 2048  # of each memory


def make_state() -> tuple[TrainState, dict[str, Any]]:
    """The state, and what an epoch needs besides.

    Returns:
        Both, on the device and on the host.
    """
    state = steps.init_state(Encoder(), optim.adam(), (288, 144), seed=0)
    rng = np.random.default_rng(0)
    state = jax.tree.map(
        lambda x: (
            rng.normal(size=x.shape).astype(x.dtype) if x.dtype == np.float32 else x
        ),
        state,
    )
    within = {
        modality: {"memory": {level: rng.normal(size=(ROWS, 2048)) for level in "pc"}}
        for modality in ("visible", "infrared")
    }
    within = jax.tree.map(lambda x: x.astype(np.float32), within)
    return jax.device_put(state), within


def measure(folder: Path, repeats: int) -> list[tuple[str, float, float]]:
    """Seconds of every part.

    Args:
        folder: Where to save.
        repeats: How often.

    Returns:
        Part, median and worst.
    """
    state, within = make_state()
    host = jax.device_get(state)
    arrays = {"params": host.params, "batch_stats": host.batch_stats}
    arrays |= {"mu": host.opt_state[1].mu, "nu": host.opt_state[1].nu}
    seconds: dict[str, list[float]] = {}

    def clocked(name: str, work: Any) -> Any:
        begin = time.perf_counter()
        result = work()
        seconds.setdefault(name, []).append(time.perf_counter() - begin)
        return result

    with Checkpoints(folder, guard=lambda: None) as saved:
        for epoch in range(1, repeats + 1):
            clocked(
                "pause of the training, end of an epoch",
                lambda epoch=epoch: saved.save(state, epoch, {}),
            )
            clocked("written behind it", saved.wait)
            clocked(
                "pause of the training, within an epoch",
                lambda epoch=epoch: saved.save(state, epoch, {}, step=1, within=within),
            )
            clocked("written behind it, with memories", saved.wait)
            clocked("digest of the state", lambda: digest.of_arrays(arrays))
            clocked("read and proven", lambda epoch=epoch: saved.open(epoch))
    return [(k, statistics.median(v), max(v)) for k, v in seconds.items()]


def main(argv: list[str]) -> None:
    """Measure, and print a table.

    Args:
        argv: Program name.
    """
    del argv
    folder = Path(tempfile.mkdtemp(dir=_FOLDER.value, prefix="saving_"))
    try:
        rows = measure(folder / "checkpoints", _REPEATS.value)
        files = [p for p in (folder / "checkpoints").rglob("*") if p.is_file()]
        size = sum(p.stat().st_size for p in files) / len(
            list((folder / "checkpoints").iterdir())
        )
    finally:
        shutil.rmtree(folder)
    print(tabulate(rows, ("part", "median, s", "worst, s"), floatfmt=".3f"))
    print(f"{size / 1e6:.0f} MB for each checkpoint")


if __name__ == "__main__":
    app.run(main)
