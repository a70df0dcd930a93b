import jax
import pytest
from jax import numpy as jnp

from pallas_kernels import implementation
from pallas_kernels.graph_propagate import propagate
from pallas_kernels.neighbours import nearest


def test_the_callers_choice_wins_and_other_platforms_take_xla(monkeypatch):
    assert implementation.resolve("mine", {"cpu": "other"}) == "mine"
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert implementation.resolve(None, {"gpu": "fast"}) == "fast"
    assert implementation.resolve(None, {"tpu": "fast"}) == "xla"


def test_an_unknown_implementation_is_refused(monkeypatch):
    # The annotations refuse it too; this is what is left where they are not checked.
    monkeypatch.setattr(implementation, "resolve", lambda *_: "mine")
    with pytest.raises(ValueError, match="unknown implementation 'mine'"):
        nearest(jnp.ones((2, 2)), k=1)
    with pytest.raises(ValueError, match="unknown implementation 'mine'"):
        propagate(jnp.ones((2, 2)), jnp.zeros((2, 1), jnp.int32), jnp.ones((2, 1)))
