"""The benchmarks of clustering, of scoring and of the search, in small."""

import json
import subprocess
import sys

import numpy as np

from benchmarks import embeddings
from ceil_jax.evaluation import metrics
from tests.repo import source


def test_images_lie_by_people_and_lists_hold_them_first():
    made = embeddings.images(400, width=100)
    np.testing.assert_allclose(np.linalg.norm(made.features, axis=1), 1, rtol=1e-5)
    indices, similarities = made.neighbours
    np.testing.assert_array_equal(indices[:, 0], np.arange(400))
    again = embeddings.features(400, width=100)
    np.testing.assert_array_equal(again, made.features)
    # Lifted into more dimensions, the rows have the products that were searched.
    listed = np.einsum("nd,nkd->nk", made.features, made.features[indices])
    np.testing.assert_allclose(listed, similarities, atol=1e-5)
    same = made.people[indices[:, 1:6]] == made.people[:, None]
    assert same.mean() > 0.9


# Instead of a process for each measurement, which takes seconds to start and has a test
# of its own.
ONE_PROCESS = """
import pickle, runpy, sys
from benchmarks import measure

def here(*call, prepare=None):
    (function, *args), prepare = pickle.loads(pickle.dumps((call, prepare)))
    return measure._measure(function, prepare, tuple(args))

measure.in_new_process = here
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


def run(name, tmp_path, *options, start=("-c", ONE_PROCESS)):
    output = tmp_path / "record.json"
    module = f"benchmarks.{name}"
    subprocess.run(
        [sys.executable, *start, module, *options, f"--output={output}"],
        cwd=source.ROOT,
        check=True,
    )
    return json.loads(output.read_text())


def test_clustering_runs(tmp_path):
    found = run(
        "clustering",
        tmp_path,
        *("--against=300", "--whole=400", "--sizes=300,500", "--runs=1"),
        start=("-m",),
    )
    against, sizes = found["tables"]
    assert against["rows"][0][-1] == 0
    assert [row[0] for row in sizes["rows"]] == [400, 300, 500]
    assert [curve["x"] for curve in found["curves"]] == [[300, 500]] * 2


def test_evaluation_runs(tmp_path):
    found = run(
        "evaluation",
        tmp_path,
        *("--queries=60", "--gallery=800", "--reranked=200", "--large=200", "--runs=1"),
        "--features=300",
    )
    scoring, reranking, large, features = found["tables"]
    names = ["products alone", *metrics.PROTOCOLS]
    assert [row[0] for row in features["rows"]] == names
    assert "90 queries x 300 images" in features["caption"]
    assert all(0 < float(row[-1]) <= 100 for row in features["rows"][1:])
    assert len(scoring["rows"]) == 4
    assert all(float(row[-1]) < 1e-9 for row in scoring["rows"])
    assert all(float(row[-1]) < 1e-5 for row in reranking["rows"])
    assert [row[0] for row in large["rows"]] == ["k-reciprocal", "ECN"]


def test_search_runs(tmp_path):
    found = run("search", tmp_path, "--rows=2500", "--width=64", "--wide=300", "--k=10")
    table, wide = found["tables"]
    assert [row[0] for row in table["rows"]] == ["flat", "pairs", "ivf", "hnsw"]
    exact, *approximate = [row[-1] for row in table["rows"]]
    assert exact == 1
    assert all(0.9 < recall <= 1 for recall in approximate)
    assert [[row[0], row[-1]] for row in wide["rows"]] == [["flat", 1], ["pairs", 1]]
