"""Rows whose products overflow: named by an error, and no process ends.

What overflows once ended the process, so that these calls are made in one of their own.
"""

import os
import subprocess
import sys

OVERFLOW = """
import sys
import numpy as np
from ceil_jax import clustering, evaluation, neighbours, rerank

x = np.random.default_rng(0).normal(size=(70, 32))
x /= np.linalg.norm(x, axis=1, keepdims=True)
ids = np.arange(35) % 5
cameras = np.arange(35) % 3, 1 + np.arange(35) % 4
calls = {
    "gcr": lambda q, g, n: rerank.gcr(q, g, normalise=n),
    "gcr_topk": lambda q, g, n: rerank.gcr_topk(q, g, top=3, normalise=n),
    "candidates": lambda q, g, n: rerank.candidates(q[0], g, normalise=n),
    "gnn": lambda q, g, n: rerank.gnn(q, g, normalise=n),
    "k_reciprocal": lambda q, g, n: rerank.k_reciprocal(q, g, normalise=n),
    "ecn": lambda q, g, n: rerank.ecn(q, g, normalise=n),
    "ca_jaccard": lambda q, g, n: rerank.ca_jaccard(q, g, *cameras, normalise=n),
    "nfc": lambda q, g, n: rerank.nfc(q, normalise=n),
    "propagate": lambda q, g, n: rerank.propagate(q, cameras[0], normalise=n),
    "auto": lambda q, g, n: rerank.auto(q, g, normalise=n),
    "nearest": lambda q, g, n: neighbours.nearest(q, k=28, normalise=n),
    "jaccard_distance": lambda q, g, n: clustering.jaccard_distance(
        q, k1=20, k2=4, normalise=n
    ),
    "cluster": lambda q, g, n: clustering.cluster(q, k1=20, k2=4, normalise=n),
    "evaluate_features": lambda q, g, n: evaluation.evaluate_features(
        q, g, ids, ids, normalise=n
    ),
}


def parts(found):
    if hasattr(found, "toarray"):
        return [found.toarray()]
    if isinstance(found, dict):
        found = tuple(found.values())
    if isinstance(found, tuple):
        return [part for one in found for part in parts(one)]
    return [np.asarray(found)]


for scale in sys.argv[1:]:
    rows = (float(scale) * x).astype(np.float32)
    for name, function in calls.items():
        for normalise in (None, False, True):
            try:
                found = function(rows[:35], rows[35:], normalise)
                finite = all(np.isfinite(part).all() for part in parts(found))
                said = "finite" if finite else "not finite"
            except ValueError as error:
                said = f"ValueError {error}"
            print(scale, name, normalise, said, sep="|", flush=True)
"""


def test_what_overflows_is_named_and_ends_no_process():
    scales = ("1e3", "1e6", "1e18", "1e20", "1e30")
    run = subprocess.run(
        [sys.executable, "-c", OVERFLOW, *scales],
        capture_output=True,
        text=True,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    lines = [line.split("|") for line in run.stdout.splitlines()]
    assert len(lines) == len(scales) * 14 * 3
    for scale, name, normalise, said in lines:
        of_one = ("nearest", "jaccard_distance", "cluster", "nfc", "propagate")
        sides = "features" if name in of_one else "query"
        refusal = f"ValueError {sides}"
        if normalise == "True":
            assert said == "finite", (scale, name, said)
        elif normalise == "None" or float(scale) > 1e19:
            assert said.startswith(refusal), (scale, name, said)
        else:
            assert said == "finite" or said.startswith(refusal), (scale, name, said)
        is_gcr = name in ("gcr", "gcr_topk", "candidates")
        if normalise == "False" and scale == "1e6" and is_gcr:
            assert "similarities up to 1e+12 must be smaller" in said
