"""What tests of several modes share."""

import pytest

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
