"""What tests of several modes share."""

import pytest

from ceil_jax import main
from ceil_jax.experiment.config import Config
from tests.ceil_jax.datasets import trees


@pytest.fixture
def own_cache(tmp_path_factory, monkeypatch):
    """Full lists of what is wrong go there."""
    monkeypatch.setenv("CEIL_JAX_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def small_regdb(tmp_path_factory):
    """RegDB with eight people, four images of each by either camera."""
    root = tmp_path_factory.mktemp("data") / "RegDB"
    return trees.write_regdb(root, num_identities=8, images=4)


@pytest.fixture
def config(small_regdb):
    """How `small_regdb` is scored; a module may have another one."""
    made = Config(dataset="regdb", data_dir=str(small_regdb), allow_partial=True)
    made.rerank.k1, made.rerank.k2 = 4, 2
    return made


@pytest.fixture
def compared_by_program(folder, tmp_path, monkeypatch, capsys):
    """`--mode compare` of runs below the module's `folder`; what it printed."""

    def done(*names, status=0):
        monkeypatch.chdir(tmp_path)
        words = [str(folder / name) for name in names]
        assert main.main(["x", "--mode", "compare", *words]) == status
        out, error = capsys.readouterr()
        return error if status else out

    return done
