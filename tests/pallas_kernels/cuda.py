"""Lowering for an NVIDIA GPU on a machine that has none."""

import contextlib
from unittest import mock

import jax
import pytest

from pallas_kernels import implementation

# From jax 0.12 on; the kernels keep to Triton, which serves GPUs before Hopper too.
DEPRECATED = "ignore:The Pallas Triton backend is deprecated"
accept_triton = pytest.mark.filterwarnings(DEPRECATED)

H100 = jax.sharding.AbstractDevice(
    device_kind="NVIDIA H100 80GB HBM3", num_cores=132, platform="gpu"
)
MESH = jax.sharding.AbstractMesh((), (), abstract_device=H100)
KERNEL = "gpu.triton"


@contextlib.contextmanager
def as_on_a_gpu(capability=(9, 0)):
    """Let the program choose as it would on a GPU."""
    with (
        mock.patch.object(jax, "default_backend", return_value="gpu"),
        mock.patch.object(implementation, "_capability", return_value=capability),
    ):
        yield


def lowered(function, *shapes) -> str:
    """What `function` is on an H100, as MLIR."""
    with jax.sharding.use_abstract_mesh(MESH):
        traced = jax.jit(function).trace(*shapes)
        return traced.lower(lowering_platforms=("cuda",)).as_text()


@contextlib.contextmanager
def blocks(module, values):
    """Set a kernel's block sizes, of which compiled programs know nothing."""
    jax.clear_caches()
    with mock.patch.multiple(module, **values):
        yield
    jax.clear_caches()
