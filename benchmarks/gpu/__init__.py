"""The suite for one accelerator: kernels, re-ranking and training, in that order.

It runs on a bare machine: jax, flax, optax, numpy and scipy are all that it imports.
"""
