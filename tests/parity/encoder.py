"""Replays of the encoder's reference files (`j_`).

Every figure has the tolerance 1e-5 except one: the embeddings in training mode. The
files hold three images of a modality, and a batch norm of so few divides by spreads
near zero, which magnifies the last bit of its input. How much is measured: every weight
and pixel is moved by half a unit in its last place, five times over, and the tolerance
becomes four times the median change where that is more than 1e-5. The replay prints the
tolerance that it used, so a widened one shows as `train_modal0=4.8e-06 (2.6e-05)`.
Statistics and embeddings in evaluation mode keep theirs.
"""

from collections.abc import Mapping

import jax
import numpy as np

from ceil_jax import weights
from ceil_jax.encoder import Encoder

TOLERANCE = 1e-5
INPUTS = {"rgb": "visible", "ir": "infrared"}
MODALITIES = {"modal0": ("rgb", "ir"), "modal1": ("rgb",), "modal2": ("ir",)}


def part(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """The arrays whose names start with `prefix`, named without it."""
    return {k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)}


def error(got, want) -> float:
    """Largest difference, relative to the larger of 1 and the largest entry."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    if got.shape != want.shape:
        return float("inf")
    if not want.size:
        return 0.0
    return float(np.abs(got - want).max() / max(1.0, np.abs(want).max()))


def nhwc(images: np.ndarray) -> np.ndarray:
    """PyTorch's image layout to ours, in float32."""
    return images.astype(np.float32).transpose(0, 2, 3, 1)


def _rounding_noise(run, variables, images, got) -> float:
    """Error that changing every input by half a unit in the last place makes, median.

    There float32 itself, ours or PyTorch's, has no 1e-5 to give: the float64 result is
    as far from the reference as ours is.
    """
    errors = []
    for seed in range(5):
        rng = np.random.default_rng(seed)

        def nudge(x, rng=rng):
            sign = rng.choice([-1.0, 1.0], size=np.shape(x))
            return np.asarray(x * (1 + 2.0**-24 * sign), np.float32)

        changed = run(jax.tree.map(nudge, variables), jax.tree.map(nudge, images))
        errors.append(error(changed[0], got))
    return float(np.median(errors))


def replay_encoder(
    arrays: Mapping[str, np.ndarray], name: str
) -> dict[str, tuple[float, float]]:
    """Embeddings and running statistics in both modes, each modality and both."""
    del name
    variables = weights.from_torch(part(arrays, "w/"))
    model = Encoder(tuple(int(n) for n in arrays["layers"]), int(arrays["width"]))
    figures = {}
    for modal, used in MODALITIES.items():
        images = {INPUTS[k]: nhwc(arrays[k]) for k in used}
        if f"eval_{modal}" in arrays:
            got = jax.jit(model.apply)(variables, **images)
            figures[f"eval_{modal}"] = (error(got, arrays[f"eval_{modal}"]), TOLERANCE)
        if f"train_{modal}" in arrays:
            figures |= _replay_training_mode(model, variables, images, arrays, modal)
    return figures


def _replay_training_mode(model, variables, images, arrays, modal):
    @jax.jit
    def run(variables, images):
        return model.apply(variables, **images, train=True, mutable=["batch_stats"])

    got, new = run(variables, images)
    noise = _rounding_noise(run, variables, images, got)
    worst = error(got, arrays[f"train_{modal}"])
    figures = {f"train_{modal}": (worst, max(TOLERANCE, 4 * noise))}
    want = part(arrays, f"train_{modal}_stats/")
    have = weights.to_torch({"params": {}, **new})
    want = {k: v for k, v in want.items() if "num_batches" not in k}
    if want:
        worst = max(error(have.get(k, np.inf), v) for k, v in want.items())
        figures[f"statistics_{modal}"] = (worst, TOLERANCE)
    return figures
