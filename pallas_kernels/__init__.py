"""The project's accelerator kernels: a folder each, defined by a `jax.numpy` form."""
