"""Replays of the schedule and the optimiser (`k_`)."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from ceil_jax import weights
from ceil_jax.encoder import Encoder
from ceil_jax.training import optim, schedules
from tests.parity.encoder import error

TOLERANCE = 1e-5


def _replay_schedules(arrays):
    figures = {}
    for key in arrays:
        if not key.endswith("_cfg"):
            continue
        first, second, gamma, factor, warmup = arrays[key]
        table = next(
            v for k, v in arrays.items() if k.startswith(key[:-4] + "_lr_epoch")
        )
        # Two columns: weights, and biases at twice the rate; the base is the rate
        # after the warm-up and before the first milestone, or is told by the ratio.
        unit = schedules.warmup_multistep(
            1.0,
            warmup_epochs=int(warmup),
            warmup_factor=factor,
            milestones=(int(first), int(second)),
            gamma=gamma,
            warmup="constant" if key.startswith("const") else "linear",
        )
        shape = np.array([unit(e) for e in range(1, len(table) + 1)])
        base = table[0] / shape[0]
        want = shape[:, None] * base
        figures[key[:-4]] = (float(np.abs(table / want - 1).max()), TOLERANCE)
    return figures


def replay_optim(arrays: Mapping[str, np.ndarray], name: str):
    """Schedules, the parameters that get twice the rate, and five steps of Adam."""
    del name
    figures = _replay_schedules(arrays)
    figures |= _replay_groups(arrays)
    transform = optim.adam(weight_decay=float(arrays["adam_wd"]))
    start = {"kernel": jnp.asarray(arrays["adam_params"][0])}
    params, state = start, transform.init(start)
    worst = 0.0
    for gradient, want in zip(
        arrays["adam_grads"], arrays["adam_params"][1:], strict=True
    ):
        updates, state = transform.update(
            {"kernel": jnp.asarray(gradient)}, state, params
        )
        params = optim.apply(params, updates, float(arrays["adam_lr"]))
        worst = max(worst, error(params["kernel"], want))
    figures["adam"] = (worst, TOLERANCE)
    return figures


def _replay_groups(arrays):
    """Twice the rate for every bias, the last shift not among the parameters."""
    model = Encoder((1, 1, 1, 1), 4)
    images = jnp.zeros((1, 32, 16, 3))
    params = jax.eval_shape(model.init, jax.random.key(0), images, images)["params"]
    ones = jax.tree.map(lambda p: jnp.ones(p.shape), params)
    transform = optim.adam(weight_decay=0.0)
    steps, _ = transform.update(ones, transform.init(ones), ones)
    factors = {
        name: float(np.ravel(value)[0])
        for name, value in weights.to_torch(
            {"params": steps, "batch_stats": {}}
        ).items()
    }
    rates = dict(zip(arrays["group_names"].tolist(), arrays["group_lr"], strict=True))
    names_differ = len(set(rates) ^ set(factors))
    base = min(rates.values())
    one = factors["BatchNorm.weight"]
    worst = max(abs(factors[k] / one - rates[k] / base) for k in rates if k in factors)
    decays = arrays["group_wd"]
    return {
        # One decay for all of them, as ours is.
        "group_decays": (float(np.ptp(decays)), 0.0),
        "group_names": (float(names_differ), 0.0),
        "group_rates": (worst, TOLERANCE),
    }
