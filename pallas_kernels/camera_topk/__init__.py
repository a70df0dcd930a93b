"""The most similar rows of every row under a camera rule."""

from pallas_kernels.camera_topk.api import CameraTopK, Rule, camera_topk

__all__ = ["CameraTopK", "Rule", "camera_topk"]
