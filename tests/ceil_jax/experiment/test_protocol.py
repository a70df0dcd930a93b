"""How a test set is scored, from the configuration alone."""

import importlib

import jax
import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.experiment import protocol
from ceil_jax.experiment.config import Config
from pallas_kernels import implementation


class TestComparable:
    """Only what is measured as published stands beside the published figures."""

    @pytest.mark.parametrize("name", ["regdb", "sysu_mm01", "llcm"])
    def test_the_shipped_configurations_compare(self, name):
        made = importlib.import_module(f"configs.{name}").get_config()
        assert protocol.is_comparable(made, ())
        assert not protocol.is_comparable(made, ("SYSU-MM01 is not whole",))

    @pytest.mark.parametrize(
        ("part", "field", "value"),
        [
            ("", "dataset", "synthetic"),
            ("", "image_size", (96, 48)),
            ("encoder", "width", 16),
            ("encoder", "stage_sizes", (1, 1, 1, 1)),
            ("evaluation", "shots", 10),
            ("evaluation", "num_trials", 1),
        ],
    )
    def test_others_do_not(self, part, field, value):
        made = importlib.import_module("configs.sysu_mm01").get_config()
        setattr(getattr(made, part) if part else made, field, value)
        assert not protocol.is_comparable(made, ())


def test_kernels_that_cannot_run_here_are_refused(monkeypatch):
    config = Config(kernels="triton")
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")
    with pytest.raises(UserError, match=r"config\.kernels=triton: .* NVIDIA GPU"):
        protocol.choose_kernels(config)
    protocol.choose_kernels(Config())
    assert set(implementation.running().values()) == {"xla"}
