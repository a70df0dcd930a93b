import typing

import jax
import pytest

from pallas_kernels import implementation
from tests.pallas_kernels import cuda

OPS = typing.get_args(implementation.Op)


def test_the_cpu_takes_xla_and_a_gpu_the_kernels():
    assert implementation.running() == dict.fromkeys(OPS, "xla")
    with cuda.as_on_a_gpu():
        assert implementation.running() == dict.fromkeys(OPS, "triton")
        assert implementation.resolve("xla", "camera_topk") == "xla"
        assert not implementation.interprets()
    assert implementation.interprets()


@pytest.mark.parametrize("capability", [(7, 5), ()])
def test_triton_is_refused_where_it_cannot_run(capability):
    with cuda.as_on_a_gpu(capability):
        assert implementation.running() == dict.fromkeys(OPS, "xla")
        with pytest.raises(NotImplementedError, match=r"8\.0 or newer.*'other gpu'"):
            implementation.resolve("triton", "camera_topk")


def test_triton_is_refused_on_a_tpu(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")
    assert implementation.running() == dict.fromkeys(OPS, "xla")
    with pytest.raises(NotImplementedError, match="'tpu'"):
        implementation.resolve("triton", "csr_product")


@pytest.mark.parametrize(
    ("text", "want"), [("9.0", (9, 0)), ("gfx90a", ()), ("", ()), ("12.0", (12, 0))]
)
def test_capability_is_read_from_the_device(monkeypatch, text, want):
    class Device:
        compute_capability = text

    monkeypatch.setattr(jax, "local_devices", lambda: [Device()])
    assert implementation._capability() == want


def test_an_unknown_implementation_is_refused():
    with pytest.raises(ValueError, match=r"unknown implementation='mine'.*xla, triton"):
        implementation.resolve("mine", "camera_topk")


def test_a_program_can_prefer_an_implementation():
    try:
        with cuda.as_on_a_gpu():
            implementation.prefer("xla")
            assert implementation.running() == dict.fromkeys(OPS, "xla")
            assert implementation.resolve("triton", "camera_topk") == "triton"
    finally:
        implementation.prefer(None)
    with cuda.as_on_a_gpu():
        assert implementation.running() == dict.fromkeys(OPS, "triton")


def test_what_cannot_run_cannot_be_preferred():
    with cuda.as_on_a_gpu((7, 5)), pytest.raises(NotImplementedError, match=r"8\.0"):
        implementation.prefer("triton")
    assert implementation.running() == dict.fromkeys(OPS, "xla")
