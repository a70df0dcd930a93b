"""Replays of whole training steps (`t_`): from weights before to weights after."""

import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from ceil_jax import weights
from ceil_jax.encoder import Encoder
from ceil_jax.training import optim, steps
from ceil_jax.training.state import BothTables, Memories, TrainState
from tests.parity.encoder import error, nhwc, part
from tests.parity.memory_losses import (
    GRADIENT,
    LOSS,
    OTHER,
    Figures,
    constants_of,
    labels_of,
    loss_parts,
    memory_figures,
    memory_of,
    of_largest,
    relative,
    tables_of,
)


def _labels(arrays, batch: int, modality: str):
    """Proxy and cluster of a batch's images, by their position among the kept."""
    index = arrays[f"batch{batch}_{modality}_index"]
    proxies = arrays[f"{modality}_info_proxy"][index]
    clusters = arrays[f"{modality}_info_pseudo"][index]
    times = 2 if modality == "rgb" else 1
    return labels_of(np.tile(proxies, times), np.tile(clusters, times))


def _across(arrays, modality: str, num_proxies: int, num_clusters: int):
    """A matching that agrees with the rows of both batches, zero elsewhere."""
    maps = (np.zeros(num_proxies, np.int32), np.zeros(num_clusters, np.int32))
    for batch in (0, 1):
        if f"batch{batch}_{modality}_cross_proxy" not in arrays:
            continue
        labels = _labels(arrays, batch, modality)
        for target, rows, name in (
            (maps[0], labels.proxies, "proxy"),
            (maps[1], labels.clusters, "class"),
        ):
            values = arrays[f"batch{batch}_{modality}_cross_{name}"]
            times = len(rows) // len(values)
            target[np.asarray(rows)] = np.tile(values, times)
    return maps


def _tables(arrays) -> BothTables:
    return BothTables(
        *(
            tables_of(
                arrays,
                m,
                _across(
                    arrays,
                    m,
                    len(arrays[f"{m}_proxy2cam"]),
                    len(arrays[f"{m}_label2proxy"]),
                ),
            )
            for m in ("rgb", "ir")
        )
    )


def _views(arrays, batch: int) -> steps.Views:
    weak, strong, infrared = (
        nhwc(arrays[f"batch{batch}_{k}"]) for k in ("rgb_weak", "rgb_strong", "ir")
    )
    return steps.Views(jnp.concatenate([weak, strong]), jnp.asarray(infrared))


def _losses(named) -> list[jax.Array]:
    parts = loss_parts(named)
    tail = [named["mmd"]] if "mmd" in named else parts[2:]
    return [named["loss"], *parts[:2], *tail]


def replay_step(arrays: Mapping[str, np.ndarray], name: str) -> Figures:
    """Losses, gradients, weights and memories of a step, and of a second one."""
    del name
    encoder = Encoder(tuple(int(n) for n in arrays["layers"]), int(arrays["width"]))
    optimizer = optim.adam(
        weight_decay=float(arrays["weight_decay"]),
        bias_rate_factor=float(arrays["bias_lr_factor"]),
    )
    variables = jax.tree.map(jnp.asarray, weights.from_torch(part(arrays, "w0/")))
    tables = _tables(arrays)
    memories = Memories(
        memory_of(arrays, "rgb", tables.visible),
        memory_of(arrays, "ir", tables.infrared),
    )
    params, stats = variables["params"], variables["batch_stats"]
    state = TrainState(params, stats, optimizer.init(params), jnp.zeros((), jnp.int32))
    step = functools.partial(
        steps.update,
        encoder=encoder,
        constants=constants_of(arrays),
        stage=int(arrays["stage"]),
    )
    inputs = [
        (_views(arrays, b), (_labels(arrays, b, "rgb"), _labels(arrays, b, "ir")))
        for b in (0, 1)
        if f"batch{b}_rgb_weak" in arrays
    ]
    key, rate = jax.random.key(0), float(arrays["lr_main"])
    figures = _gradient_figures(step, state, memories, tables, inputs[0], arrays)
    run = jax.jit(functools.partial(step, optimizer=optimizer))
    first = run(state, memories, tables, rate, *inputs[0], key)
    figures |= _first_figures(encoder, variables, first, inputs[0], arrays)
    if len(inputs) > 1 and "traj_losses" in arrays:
        second = run(first[0], first[1], tables, rate, *inputs[1], key)
        figures |= _second_figures(second, arrays)
    return figures


def _gradient_figures(step, state, memories, tables, inputs, arrays) -> Figures:
    """The gradients themselves: an optimiser whose "step" is the gradient."""
    raw = jax.jit(functools.partial(step, optimizer=_identity()))
    bare = state._replace(opt_state=_identity().init(state.params))
    after, _, _ = raw(bare, memories, tables, 1.0, *inputs, jax.random.key(0))
    gradient = jax.tree.map(lambda a, b: a - b, state.params, after.params)
    got = weights.to_torch({"params": gradient, "batch_stats": {}})
    want = part(arrays, "g/")
    missing = want.keys() - got.keys()
    worst = max(of_largest(got[k], want[k]) for k in want.keys() & got.keys())
    return {"gradients": (float("inf") if missing else worst, GRADIENT)}


def _identity():
    import optax

    return optax.stateless(lambda gradients, params: gradients)


def _first_figures(encoder, variables, first, inputs, arrays) -> Figures:
    state, memories, named = first
    views = inputs[0]
    embeddings, _ = encoder.apply(
        variables, *views, train=True, mutable=["batch_stats"]
    )
    figures = {
        "embeddings": (error(embeddings, arrays["feats_train"]), OTHER),
        "losses": (max(map(relative, _losses(named), arrays["losses"])), LOSS),
    }
    figures |= _weight_figures(state, arrays)
    figures |= memory_figures(memories.visible, arrays, "rgb", "rgb")
    return figures | memory_figures(memories.infrared, arrays, "ir", "ir")


def _weight_figures(state, arrays) -> Figures:
    """Weights and running statistics after the step, and the share left out.

    Adam's first step is about rate x sign(gradient + decay): where that sum is lost in
    the rounding of the gradient its sign is too, so such entries are left out. They
    must be few, and no entry may move farther than Adam's first step can.
    """
    got = weights.to_torch({"params": state.params, "batch_stats": state.batch_stats})
    before, gradients = part(arrays, "w0/"), part(arrays, "g/")
    decay, rate = float(arrays["weight_decay"]), float(arrays["lr_main"])
    worst = {"weights": 0.0, "statistics": 0.0}
    masked = total = 0
    for k, value in part(arrays, "w1/").items():
        if k not in got:
            continue
        difference = np.abs(np.asarray(got[k], np.float64) - value)
        if "running_" not in k and k in gradients:
            sum_ = gradients[k] + decay * before[k]
            sure = np.abs(sum_) > 1e-6 * max(np.abs(gradients[k]).max(), 1e-12)
            masked, total = masked + (~sure).sum(), total + sure.size
            difference = np.where(sure, difference, 0)
            if np.abs(got[k] - before[k]).max() > 2.5 * rate:
                difference = np.full(1, np.inf)
        kind = "statistics" if "running_" in k else "weights"
        scale = max(1.0, np.abs(value).max())
        worst[kind] = max(worst[kind], float(difference.max() / scale))
    share = float(masked / max(total, 1))
    return {
        "weights": (worst["weights"], OTHER),
        "weights_masked_share": (share, 0.02),
        "statistics": (worst["statistics"], OTHER),
    }


def _second_figures(second, arrays) -> Figures:
    state, memories, named = second
    figures = {
        "traj_losses": (
            max(map(relative, _losses(named), arrays["traj_losses"][1])),
            LOSS,
        )
    }
    renamed = {
        k.removesuffix("_traj"): v for k, v in arrays.items() if k.endswith("_traj")
    }
    figures |= memory_figures(memories.visible, renamed, "traj_rgb", "rgb")
    figures |= memory_figures(memories.infrared, renamed, "traj_ir", "ir")
    got = weights.to_torch({"params": state.params, "batch_stats": state.batch_stats})
    for key, want in part(arrays, "traj_BatchNorm.").items():
        figures[f"traj_{key}"] = (error(got[f"BatchNorm.{key}"], want), OTHER)
    return figures
