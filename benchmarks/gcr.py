"""Cost of `gcr_topk` from given neighbours, by the number of gallery images.

The people are points on a sphere with images around them; `--noise` says how far
around, and with it how much people mix: at 0.6 most lists hold one person.

    python -m benchmarks.gcr --gallery=10000,30000,100000
"""

import resource
import sys
import time

import faiss
import numpy as np
from absl import app, flags
from tabulate import tabulate

from ceil_jax.rerank import gcr_topk

NUM_FEATURES, IMAGES_PER_PERSON, NUM_CAMERAS, K1 = 64, 20, 6, 28
# Larger sets are searched approximately: only the lists' making is.
EXACT_ROWS = 200_000

_GALLERY = flags.DEFINE_list("gallery", ["10000", "30000"], "Gallery images.")
_QUERIES = flags.DEFINE_integer("queries", 1000, "Queries.")
_NOISE = flags.DEFINE_float("noise", 0.6, "Spread of a person's images.")


def neighbours(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest rows of every row, the row itself first.

    Args:
        rows: (n, d) float32 unit rows.

    Returns:
        Row numbers and similarities, (n, K1) each.
    """
    index: faiss.Index = faiss.IndexFlatIP(rows.shape[1])
    if len(rows) > EXACT_ROWS:
        lists = int(4 * len(rows) ** 0.5)
        index = faiss.IndexIVFFlat(
            index, rows.shape[1], lists, faiss.METRIC_INNER_PRODUCT
        )
        index.train(rows[: 50 * lists])
        index.nprobe = 8
    index.add(rows)
    similarities, indices = index.search(rows, K1)
    return indices, similarities


def people(num_rows: int, noise: float) -> np.ndarray:
    """Unit rows of people in a random order.

    Args:
        num_rows: How many.
        noise: Length of what is added to a person's own direction.

    Returns:
        (num_rows, NUM_FEATURES) float32.
    """
    rng = np.random.default_rng(0)
    own = rng.normal(size=(num_rows // IMAGES_PER_PERSON + 1, NUM_FEATURES))
    person = rng.permutation(num_rows) // IMAGES_PER_PERSON
    rows = own[person] + noise * rng.normal(size=(num_rows, NUM_FEATURES))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32)


def main(argv: list[str]) -> None:
    """Time every size and print the table."""
    del argv
    lines = []
    for size in map(int, _GALLERY.value):
        num_rows = size + _QUERIES.value
        lists = neighbours(people(num_rows, _NOISE.value))
        cameras = np.random.default_rng(1).integers(1, NUM_CAMERAS + 1, num_rows)
        start = time.monotonic()
        gcr_topk(
            None,
            None,
            cameras[: _QUERIES.value],
            cameras[_QUERIES.value :],
            top=20,
            k1=K1,
            k2=7,
            camera_weight=0.5,
            neighbours=lists,
            num_queries=_QUERIES.value,
        )
        seconds = time.monotonic() - start
        # Kibibytes on Linux, bytes on macOS; of the whole process so far.
        unit = 2**30 if sys.platform == "darwin" else 2**20
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
        lines.append([size, round(seconds, 1), round(peak, 2)])
        print(f"{size}: {seconds:.1f} s, peak {peak:.2f} GiB", flush=True)
    print(tabulate(lines, ["gallery", "s", "peak GiB"], tablefmt="github"))


if __name__ == "__main__":
    app.run(main)
