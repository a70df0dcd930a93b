"""Every kernel through NVIDIA's compiler, for an H100, on a machine without a GPU."""

import functools
import importlib.util

import jax
import jax.numpy as jnp
import pytest

from pallas_kernels.camera_topk import camera_topk
from pallas_kernels.csr_product import csr_product
from pallas_kernels.graph_propagate import propagate, symmetrise
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
HOW = "needs JAX's CUDA plugin and NVIDIA's compiler: make test-h100"


def neighbours(rule, features, codes):
    codes = (None, None) if rule == "all" else (codes, codes)
    return camera_topk(
        features,
        features,
        k=28,
        rule=rule,
        row_codes=codes[0],
        column_codes=codes[1],
        row_offset=0,
    )


def product(indptr, indices, data, dense):
    return csr_product(indptr, indices, data, dense)


def cases():
    """Name, function, and shapes and types of its arguments."""
    whole, real = jnp.int32, jnp.float32
    for dtype in (jnp.float32, jnp.bfloat16, jnp.float16):
        kind = jnp.dtype(dtype).name
        for rule in ("all", "different", "same"):
            given = ((23_100, 2048), dtype), ((23_100,), whole)
            yield f"{rule} {kind}", functools.partial(neighbours, rule), given
        # On both sides of 2^31 entries, where offsets become ones of 64 bits.
        for n in (23_100, 46_340, 46_341, 65_536):
            lists = ((n, 7), whole), ((n, 7), real)
            yield f"propagate {n} {kind}", propagate, (((n, n), dtype), *lists)
            yield f"symmetrise {n} {kind}", symmetrise, (((n, n), dtype),)
        for columns in (1, 128, 1000):
            rows = ((100_001,), whole), ((5_600_000,), whole), ((5_600_000,), real)
            given = (*rows, ((100_000, columns), dtype))
            yield f"csr {columns} {kind}", product, given


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("jax_cuda13_plugin"), reason=HOW)
@pytest.mark.filterwarnings("ignore")  # what the plugin says of a missing GPU
@cuda.accept_triton
def test_every_kernel_compiles_for_an_h100():
    from jax.experimental import topologies

    topology = topologies.get_topology_desc(
        "h100", "cuda", target_config=DESCRIPTION, topology="1x1x1"
    )
    sharding = jax.sharding.SingleDeviceSharding(topology.devices[0])
    for name, function, given in cases():
        shapes = [jax.ShapeDtypeStruct(*x, sharding=sharding) for x in given]
        with cuda.as_on_a_gpu(), jax.sharding.use_abstract_mesh(cuda.MESH):
            # Too much shared memory, or what Triton cannot do, is an error here.
            lowered = jax.jit(function).lower(*shapes)
            assert cuda.KERNEL in lowered.as_text(), name
            assert cuda.KERNEL in str(lowered.compile().as_text()), name
