"""The suite for accelerators, in small and on a machine with little installed."""

import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.gpu import checking, correctness, timing, training
from tests.repo import source

# What jax, flax, optax, numpy and scipy bring along is there; of ours, nothing else is.
MISSING = (
    *("absent", "array_record", "beartype", "faiss", "jaxtyping", "matplotlib"),
    *("ml_collections", "PIL", "safetensors", "sklearn", "tabulate", "tensorboardX"),
    *("tensorflow_datasets", "torch", "tqdm"),
)
BARE = f"""
import runpy, sys
for name in {MISSING}:
    sys.modules[name] = None  # its import fails
sys.argv = ["benchmarks.gpu", *sys.argv[1:]]
runpy.run_module("benchmarks.gpu", run_name="__main__")
"""


@pytest.mark.slow
def test_it_runs_on_a_bare_machine(tmp_path):
    output = tmp_path / "gpu.json"
    command = [sys.executable, "-c", BARE, "--small", "--page=", f"--output={output}"]
    done = subprocess.run(command, cwd=source.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    record = json.loads(output.read_text())
    headers = [table["headers"] for table in record["tables"]]
    assert [line[0] for line in headers] == ["op", "op", "set", "batch of", "data set"]
    differences = [row[-1] for row in record["tables"][0]["rows"]]
    assert 0 < max(differences) < 0.01
    forms = {row[3]: row[-1] for row in record["tables"][2]["rows"]}
    assert set(forms) == {"dense", "sparse"}
    assert max(forms.values()) < 1e-5
    assert record["machine"]["platform"] == "cpu"


def test_a_wrong_result_is_refused():
    want = np.array([1.0, -4.0])
    assert checking.check_close(
        "it", want + 0.02, want, tolerance=0.01
    ) == pytest.approx(5e-3)
    for got in (want + 0.1, np.array([np.nan, -4])):
        with pytest.raises(checking.WrongResultError, match="it: off by"):
            checking.check_close("it", got, want, tolerance=0.01)
    with pytest.raises(checking.WrongResultError, match="shape"):
        checking.check_close("it", want[:1], want, tolerance=0.01)


def test_a_kernel_that_errs_is_found(monkeypatch, rng):
    def twice(graph, rank, weights, **_):
        return 2 * graph

    monkeypatch.setattr(correctness, "propagate", twice)
    with pytest.raises(checking.WrongResultError, match="propagate xla float32"):
        correctness.check_graph(rng, "xla", 20, "float32")


def test_lists_hold_the_row_first_and_none_twice(rng):
    rank, weights = correctness.lists(rng, 50, 7)
    np.testing.assert_array_equal(rank[:, 0], np.arange(50))
    assert all(len(set(row)) == 7 for row in rank.tolist())
    assert (np.diff(weights) <= 0).all()


def test_a_problem_has_consistent_labels():
    work = training.SMALL
    memories, tables, batch = training.problem(work, 12)
    assert memories.visible.proxies.shape == (work.rows[0], 12)
    for table, labels in (
        (tables.visible, batch.visible_labels),
        (tables.infrared, batch.infrared_labels),
    ):
        owners = table.proxy_clusters[labels.proxies]
        np.testing.assert_array_equal(owners, labels.clusters)
        cameras = table.proxy_cameras[labels.proxies]
        found = table.cluster_proxies[labels.clusters, cameras]
        np.testing.assert_array_equal(found, labels.proxies)
    assert batch.visible.shape[0] == work.visible_rows
    assert batch.infrared.shape[0] == 2 * work.visible_rows


def test_hours_of_a_training():
    work = training.SYSU
    rates = [
        training.Rate("any", "float32", 0, 256, 0.256, 0.0),  # a millisecond an image
        training.Rate("SYSU-MM01", "float32", 1, 320, 0.2, 0.0),
        training.Rate("SYSU-MM01", "float32", 2, 320, 0.4, 0.0),
    ]
    embedding = (22258 + 11909) * 1e-3
    seconds = 50 * (175 * 0.2 + embedding) + 40 * (150 * 0.4 + embedding)
    assert training.hours(work, rates, "float32") == pytest.approx(seconds / 3600)
    assert training.hours(work, rates, "bfloat16") is None
    assert training.hours(training.REGDB, rates, "float32") is None
    table = training.hours_table((work, training.LLCM), rates)
    assert [row[1] for row in table.rows] == ["not measured"] * 2


def test_peaks_are_positive():
    found = timing.peaks(size=64)
    assert min(found) > 0
    assert "TB/s" in found.shown()
