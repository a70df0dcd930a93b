"""The first embedding of a model folder in a fresh process, and the second.

A ResNet-50 with random weights is written as a model folder. Each measured process
starts Python, loads the folder and embeds one picture twice. JAX compiles at the first;
with a folder for compiled programs (JAX's own `JAX_COMPILATION_CACHE_DIR`) the next
process finds what was compiled there.

    python -m benchmarks.first_embedding --write
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from absl import app, flags

from benchmarks import engines, flagged, markdown
from benchmarks.measure import machine
from ceil_jax.model import Info, Model
from ceil_jax.model.info import digest_of
from ceil_jax.weights import architecture

_FLAGS = flagged.own(__name__)
_WRITE = flags.DEFINE_bool(
    "write", False, "Put the table into docs/model.md.", flag_values=_FLAGS
)
CACHE = "JAX_COMPILATION_CACHE_DIR"
PROGRAM = """
import json, sys, time
import numpy as np
times = [(0.0, time.process_time())]
begin = time.perf_counter()
def lap():
    times.append((time.perf_counter() - begin, time.process_time()))
import ceil_jax
model = ceil_jax.load(sys.argv[1])
lap()
image = np.zeros((*model.info.image_size, 3), np.uint8)
for _ in range(2):
    model.embed(image, "visible", engine=sys.argv[2], progress=False)
    lap()
print(json.dumps(times))
"""
WAYS = (
    ("jax", "jax", False),
    ("jax, cache empty", "jax", True),
    ("jax, cache full", "jax", True),
    ("onnxruntime", "onnxruntime", False),
    ("openvino", "openvino", False),
)
"""What it is called, the engine, and whether compiled programs are kept."""


def model_folder(folder: Path) -> Path:
    """A model folder of the paper's size.

    Args:
        folder: Where; it must not exist.

    Returns:
        The folder.
    """
    variables = engines.random_weights()
    about = Info(
        source="random",
        architecture=architecture(variables),
        image_size=engines.SIZE,
        digest=digest_of(variables, engines.SIZE),
    )
    return Model(variables, about).save(folder)


def laps(folder: Path, engine: str, cache: Path | None) -> list[tuple[float, float]]:
    """Run a fresh process.

    Args:
        folder: The model folder.
        engine: Of `Model.embed`.
        cache: Where compiled programs are kept; None for nowhere.

    Returns:
        Seconds waited and seconds of the processor from Python's start, after NumPy is
        imported, the model loaded, the first and the second picture embedded.
    """
    environment = {k: v for k, v in os.environ.items() if k != CACHE}
    if cache is not None:
        environment[CACHE] = str(cache)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), engine],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return [(waited, used) for waited, used in json.loads(done.stdout)]


def table() -> str:
    """Seconds of every way.

    Returns:
        A table.
    """
    rows = []
    with tempfile.TemporaryDirectory() as root:
        folder = model_folder(Path(root, "model"))
        for name, engine, is_kept in WAYS:
            found = laps(folder, engine, Path(root, "cache") if is_kept else None)
            cells = []
            for before, after in itertools.pairwise(found):
                used, waited = after[1] - before[1], after[0] - before[0]
                cells.append(f"{used:.2f} / {waited:.2f}")
            rows.append([name, *cells])
    return markdown.table(
        "Seconds of the processor / seconds waited in a fresh process: ResNet-50, one "
        f"picture of {engines.SIZE[0]} x {engines.SIZE[1]}.",
        ["engine", "import and load", "first picture", "second picture"],
        rows,
    )


def main(argv: list[str]) -> None:
    """Measure, print, and write if asked to.

    Args:
        argv: Ignored.
    """
    del argv
    about = machine()
    text = f"{about['processor']}, {about['cores']} cores, jax {about['jax']}."
    text = f"{text}\n\n{table()}"
    print(text)
    if _WRITE.value:
        page = engines.PAGE.read_text(encoding="utf-8")
        page = markdown.replace_part(page, "first embedding", text)
        engines.PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    app.run(main)
