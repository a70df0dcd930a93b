"""Files that are data are never run: what SECURITY.md says of them."""

import json
import pickle
import sys

import numpy as np
import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.datasets import loading
from ceil_jax.experiment import settings, trained_on

OPTIONS = {
    "num_train_identities": 2,
    "num_test_identities": 1,
    "images_per_infrared_camera": 1,
    "images_per_visible_camera": 1,
}


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A module that leaves a mark where it is imported, and the mark."""
    (tmp_path / "trap_of_tests.py").write_text(
        f"open({str(tmp_path / 'mark')!r}, 'w').close()\nTrap = 3\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path / "mark"
    sys.modules.pop("trap_of_tests", None)


class Opens:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return open, (str(self.mark), "w")


def test_the_traps_work(trap, tmp_path):
    """Or the tests below would show nothing."""
    pickle.loads(pickle.dumps(Opens(trap))).close()
    assert trap.exists()
    trap.unlink()
    __import__("trap_of_tests")
    assert trap.exists()


def test_prepared_images(trap, tmp_path):
    def load():
        return loading.load(
            "synthetic", prepared_dir=str(tmp_path / "data"), options=OPTIONS
        )

    first = load()
    files = list((tmp_path / "data").rglob("features.json"))
    assert files
    for path in files:
        text = path.read_text()
        assert "pythonClassName" in text
        record = json.loads(text)
        record["pythonClassName"] = "trap_of_tests.Trap"
        for feature in record["featuresDict"]["features"].values():
            feature["pythonClassName"] = "trap_of_tests.Trap"
        path.write_text(json.dumps(record))
    again = load()
    assert len(again.train_visible) == len(first.train_visible) > 0
    assert np.array_equal(
        again.train_visible.images.take(np.arange(1)),
        first.train_visible.images.take(np.arange(1)),
    )
    assert not trap.exists()


def test_the_list_of_training_images(trap, tmp_path):
    objects = np.array([Opens(trap)] * 2, object)
    np.savez(
        tmp_path / "trained_on.npz",
        hashes=np.zeros(2, np.uint64),
        identities=objects,
        fingerprint="f",
    )
    with pytest.raises(UserError, match="not readable"):
        trained_on.read(tmp_path)
    (tmp_path / "trained_on.npz").write_bytes(pickle.dumps(Opens(trap)))
    with pytest.raises(UserError, match="not readable"):
        trained_on.read(tmp_path)
    assert not trap.exists()


def test_a_recorded_configuration(trap, tmp_path):
    path = tmp_path / "config.json"
    program = "__import__('trap_of_tests')"
    for text in (program, json.dumps({"data_dir": program, "dataset": "synthetic"})):
        path.write_text(text)
        try:
            settings.read(path)
        except UserError:
            assert text == program
    assert not trap.exists()
