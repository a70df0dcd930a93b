"""The encoder in forms that other programs read: ONNX, StableHLO, PyTorch's weights."""

from ceil_jax.model.export.onnx_file import onnx_model, write_onnx
from ceil_jax.model.export.stablehlo import write_stablehlo
from ceil_jax.model.export.targets import TARGETS
from ceil_jax.model.export.torch import write_torch

__all__ = ["TARGETS", "onnx_model", "write_onnx", "write_stablehlo", "write_torch"]
