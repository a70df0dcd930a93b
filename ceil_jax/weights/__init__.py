"""Weights of others: their files, names and layouts to the variables of our encoder.

Files are read without PyTorch and as plain data: nothing that one holds is ever called.
"""

from ceil_jax.weights.architecture import Architecture, architecture
from ceil_jax.weights.conversion import Summary, convert
from ceil_jax.weights.files import load, load_with_metadata
from ceil_jax.weights.layout import from_torch, to_torch
from ceil_jax.weights.openai import HOW_TO_GET, OPENAI_SHA256, OPENAI_URL

__all__ = [
    "HOW_TO_GET",
    "OPENAI_SHA256",
    "OPENAI_URL",
    "Architecture",
    "Summary",
    "architecture",
    "convert",
    "from_torch",
    "load",
    "load_with_metadata",
    "to_torch",
]
