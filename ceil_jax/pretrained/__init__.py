"""Weights that are shipped: the embedded data set's stand-in for CLIP."""

from pathlib import Path

SYNTHETIC = Path(__file__).with_name("synthetic.safetensors")
SYNTHETIC_NOTE = "other generated people, visible only; stands for CLIP"
