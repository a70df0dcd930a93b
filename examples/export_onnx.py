"""Write the shipped encoder as ONNX and embed two images with it in ONNX Runtime.

The file takes images of any size: they are resized inside it. It needs no ceil-jax.

    python examples/export_onnx.py
"""

import tempfile
from pathlib import Path

import numpy as np
import onnxruntime

from ceil_jax import weights
from ceil_jax.model import export
from ceil_jax.pretrained import SYNTHETIC

path = Path(tempfile.mkdtemp()) / "visible.onnx"
variables = weights.load(SYNTHETIC)
export.write_onnx(path, variables, modality="visible", image_size=(64, 32))

session = onnxruntime.InferenceSession(path)
crops = np.random.default_rng(0).integers(0, 256, (2, 120, 50, 3), np.uint8)
rows = np.asarray(session.run(["embeddings"], {"images": crops})[0])
print(f"{path.stat().st_size / 1e6:.1f} MB, rows of shape {rows.shape}")
print(f"similarity of the two: {rows[0] @ rows[1]:.3f}")
