"""XLA's own compiler for an H100, on a machine without a GPU."""

import contextlib
import functools
import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import jax
import pytest

from tests.pallas_kernels import cuda

# What XLA wants to know of the device: from NVIDIA's data sheet of the H100 SXM5 and
# its guide to compute capability 9.0.
DESCRIPTION = """
platform_name: "CUDA"
device_description_str: "NVIDIA H100 80GB HBM3"
dnn_version_info { major: 9 minor: 10 }
gpu_device_info {
  cuda_compute_capability { major: 9 }
  core_count: 132
  fpus_per_core: 128
  clock_rate_ghz: 1.98
  device_memory_size: 85899345920
  memory_bandwidth: 3350000000000
  l2_cache_size: 52428800
  threads_per_warp: 32
  threads_per_block_limit: 1024
  threads_per_core_limit: 2048
  registers_per_block_limit: 65536
  registers_per_core_limit: 65536
  shared_memory_per_block: 49152
  shared_memory_per_block_optin: 232448
  shared_memory_per_core: 233472
  block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535
  block_dim_limit_z: 65535
}
"""
MEMORY_BYTES = 80e9
IS_READY = importlib.util.find_spec("jax_cuda13_plugin") is not None


def needs_compiler(test: Callable[..., None]) -> Callable[..., None]:
    """Marks of a test that compiles for an H100."""
    marks = (
        pytest.mark.slow,
        pytest.mark.skipif(not IS_READY, reason="run by `make test-h100`"),
        pytest.mark.filterwarnings("ignore"),  # what the plugin says of a missing GPU
    )
    return functools.reduce(lambda marked, mark: mark(marked), marks, test)


@functools.cache
def placed() -> jax.sharding.SingleDeviceSharding:
    """Where arguments of a compiled program lie."""
    from jax.experimental import topologies

    topology = topologies.get_topology_desc(
        "h100", "cuda", target_config=DESCRIPTION, topology="1x1x1"
    )
    return jax.sharding.SingleDeviceSharding(topology.devices[0])


def shapes(tree: Any) -> Any:
    """Arrays, or anything with a shape and a dtype, as arguments on the H100."""

    def shape(x: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=placed())

    return jax.tree.map(shape, tree)


@contextlib.contextmanager
def as_on_an_h100() -> Iterator[None]:
    """Let the program choose, and compile, as it would there."""
    with cuda.as_on_a_gpu(), jax.sharding.use_abstract_mesh(cuda.MESH):
        yield


def needed_bytes(compiled: Any) -> int:
    """Memory that a compiled program takes."""
    memory = compiled.memory_analysis()
    return (
        memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        - memory.alias_size_in_bytes
        + memory.temp_size_in_bytes
    )
