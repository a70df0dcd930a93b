"""What is shipped for the demo: a stand-in for CLIP, and the figures of its control."""

from pathlib import Path

SYNTHETIC = Path(__file__).with_name("synthetic.safetensors")
SYNTHETIC_NOTE = "other generated people, visible only; stands for CLIP"
# Stage 1 alone for as many steps as both stages, by `python -m benchmarks.demo`.
DEMO_CONTROL = Path(__file__).with_name("demo_control.json")
