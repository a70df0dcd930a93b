"""Data sets as TFDS builders: one folder each, one example schema, one registry.

Nothing here imports `ceil_jax`; the program reads these through `ceil_jax.inputs`.
"""
