"""Makes the small encoder that the embedded data set starts from.

It plays the part that CLIP plays for real data: a supervised classifier of generated
*visible* people who are not in the data set, seen by cameras that are not in it. It has
never seen an infrared image; both stems start as its one stem, as with CLIP.

    python -m benchmarks.pretraining --output=FILE.safetensors
"""

import functools
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from absl import app, flags
from safetensors.numpy import save_file

from ceil_jax import weights
from ceil_jax.common.linalg import normalise
from ceil_jax.common.progress import bar
from ceil_jax.datasets.synthetic.generator import Parameters, pretraining_set
from ceil_jax.encoder import Encoder
from ceil_jax.inputs import augment
from ceil_jax.pretrained import SYNTHETIC

STAGE_SIZES, WIDTH = (1, 1, 1, 1), 16
PAD = 4  # pixels around a 64x32 image before the crop
GREY_SHARE = 0.6  # rows that are jittered and lose their colour

_OUTPUT = flags.DEFINE_string("output", str(SYNTHETIC), "File to write.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of people, cameras, weights and draws.")
_EPOCHS = flags.DEFINE_integer("epochs", 16, "Epochs of training.")
_IDENTITIES = flags.DEFINE_integer("identities", 400, "People to tell apart.")


def _views(key: jax.Array, images: jax.Array) -> jax.Array:
    rows = jnp.arange(len(images))
    view_key, choice_key = jax.random.split(key)
    # The infrared place is filled by one image: there is none in pretraining.
    weak, strong, _ = augment.augment_batch(
        view_key, images, images[:1], rows, rows[:1], strong_view_from="image", pad=PAD
    )
    is_grey = jax.random.bernoulli(choice_key, GREY_SHARE, (len(images), 1, 1, 1))
    return jnp.where(is_grey, strong, weak)


def train(
    images: np.ndarray,
    identities: np.ndarray,
    *,
    num_epochs: int,
    seed: int,
    batch_size: int = 128,
    rate: float = 2e-3,
    temperature: float = 0.07,
) -> dict[str, Any]:
    """Train a classifier of identities and return its encoder.

    Args:
        images: (n, h, w, 3) uint8, visible.
        identities: (n,) from 0, dense.
        num_epochs: Passes over the images.
        seed: Source of every draw.
        batch_size: Images of a step.
        rate: Highest learning rate, reached by a warm-up and left on a cosine.
        temperature: Divisor of the cosines to the identities' weights.

    Returns:
        Variables of the encoder; both stems are the visible one.
    """
    encoder = Encoder(STAGE_SIZES, WIDTH)
    key = jax.random.key(seed)
    num_identities = int(identities.max()) + 1
    sample = jnp.zeros((1, *images.shape[1:]))
    variables = jax.jit(functools.partial(encoder.init, visible=sample))(key)
    proxies = jax.random.normal(key, (num_identities, encoder.num_features))
    params = {"encoder": variables["params"], "proxies": normalise(proxies)}
    num_steps = num_epochs * (len(images) // batch_size)
    schedule = optax.warmup_cosine_decay_schedule(0.0, rate, num_steps // 10, num_steps)
    optimizer = optax.adamw(schedule, weight_decay=1e-4)

    @jax.jit
    def step(params, stats, opt_state, key, images, labels):
        def loss_of(params):
            features, new = encoder.apply(
                {"params": params["encoder"], "batch_stats": stats},
                visible=_views(key, images),
                train=True,
                mutable=["batch_stats"],
            )
            logits = normalise(features) @ normalise(params["proxies"]).T
            loss = optax.softmax_cross_entropy_with_integer_labels(
                logits / temperature, labels
            ).mean()
            return loss, new["batch_stats"]

        (loss, stats), grads = jax.value_and_grad(loss_of, has_aux=True)(params)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), stats, opt_state, loss

    stats, opt_state = variables["batch_stats"], optimizer.init(params)
    rng = np.random.RandomState(seed)
    loss = jnp.nan
    with bar(
        total=num_steps * batch_size, desc="pretraining", unit="image"
    ) as progress:
        for epoch in range(num_epochs):
            order = rng.permutation(len(images))
            for i in range(len(images) // batch_size):
                rows = order[i * batch_size : (i + 1) * batch_size]
                key, now = jax.random.split(key)
                params, stats, opt_state, loss = step(
                    params, stats, opt_state, now, images[rows], identities[rows]
                )
                progress.update(batch_size)
            print(f"epoch {epoch + 1}/{num_epochs}: loss {float(loss):.3f}", flush=True)
    out = {"params": params["encoder"], "batch_stats": stats}
    return {k: {**v, "infrared_stem": v["visible_stem"]} for k, v in out.items()}


def main(argv: list[str]) -> None:
    """Generate the people, train, and write the weights in half precision."""
    del argv
    start = time.monotonic()
    images, identities, _ = pretraining_set(
        Parameters(seed=_SEED.value), num_identities=_IDENTITIES.value
    )
    variables = train(images, identities, num_epochs=_EPOCHS.value, seed=_SEED.value)
    tensors = {
        k: np.ascontiguousarray(v, np.float16)
        for k, v in weights.to_torch(variables).items()
    }
    save_file(tensors, _OUTPUT.value)
    size = Path(_OUTPUT.value).stat().st_size / 1e6
    print(f"{_OUTPUT.value}: {size:.2f} MB, {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    app.run(main)
