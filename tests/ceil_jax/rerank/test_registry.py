"""Re-rankers by name."""

import numpy as np
import pytest

from ceil_jax import rerank
from ceil_jax.rerank import registry
from tests.ceil_jax.common.packages import install

POINTS = """\
[ceil_jax.rerankers]
plain = plain_reranker:f
gcr = no_such:f
six = sixth:N
"""
PLAIN = "def f(query, gallery):\n    return query @ gallery.T\n"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    modules = {"plain_reranker.py": PLAIN, "sixth.py": "N = 6\n"}
    install(tmp_path, "plain", POINTS, modules)


@pytest.mark.parametrize("name", ["gcr", "gnn", "k_reciprocal", "ecn", "ca_jaccard"])
def test_ours_are_the_public_functions(name, installed):
    assert rerank.by_name(name) is getattr(rerank, name)


def test_those_of_other_packages_are_found(installed):
    ours = ["ca_jaccard", "ecn", "gcr", "gnn", "k_reciprocal", "nfc", "propagate"]
    assert registry.names() == sorted([*ours, "plain", "six"])
    query, gallery = np.eye(2, 3, dtype=np.float32), np.eye(3, dtype=np.float32)
    got = rerank.by_name("plain")(query, gallery)
    np.testing.assert_array_equal(got, [[1, 0, 0], [0, 1, 0]])


def test_what_is_no_reranker_is_refused(installed):
    with pytest.raises(ValueError, match=r"'six' of ceil_jax\.rerankers must be a fu"):
        rerank.by_name("six")
    with pytest.raises(ValueError, match="name='gcrr' must be one of ca_jaccard, ecn"):
        rerank.by_name("gcrr")
