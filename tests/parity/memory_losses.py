"""Replays of memory updates (d_), CDL (e_), whole memory losses (f_) and MMD (i_)."""

import functools
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from ceil_jax import losses, memory
from ceil_jax.common.linalg import normalise
from ceil_jax.training import objective
from ceil_jax.training.state import BothTables, Memories, Memory, RowLabels, Tables
from tests.parity.encoder import error

LOSS, GRADIENT, MEMORY, OTHER = 1e-4, 1e-3, 1e-4, 1e-5
Figures = dict[str, tuple[float, float]]


def relative(got, want) -> float:
    """Largest relative difference of entries."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    return float((np.abs(got - want) / np.maximum(np.abs(want), 1e-12)).max())


def of_largest(got, want) -> float:
    """Largest difference as a share of the largest entry of the expected tensor."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    if got.shape != want.shape:
        return float("inf")
    return float(np.abs(got - want).max() / max(np.abs(want).max(), 1e-12))


def _loss(got, want) -> tuple[float, float]:
    # A loss that is exactly 0 in the reference (no negatives) has no relative error.
    worst = abs(float(got)) if float(want) == 0 else relative(got, want)
    return worst, LOSS


def replay_memory(arrays: Mapping[str, np.ndarray], name: str) -> Figures:
    """DCMU, random and momentum updates, and the scores with their gradients."""
    del name
    rows, labels = jnp.asarray(arrays["features"]), jnp.asarray(arrays["clusters"])
    x = jnp.asarray(arrays["inputs"])
    figures = {}
    for key in arrays:
        kind, _, figure = key.partition("_")
        if figure != "memory_after" or kind == "f16":
            continue
        if kind == "noweight":
            figures |= _replay_random(arrays, rows, x, labels)
            continue
        number = float(kind[2:])
        if kind.startswith("sw"):
            after = memory.dcmu(rows, x, labels, smoothing=number)
        else:
            after = memory.momentum(rows, x, labels, beta=number)
        out, pull = jax.vjp(lambda x: memory.scores(x, rows), x)
        (gradient,) = pull(jnp.asarray(arrays["grad_outputs"]))
        figures[f"{kind}_memory"] = (error(after, arrays[key]), MEMORY)
        figures[f"{kind}_outputs"] = (error(out, arrays[f"{kind}_outputs"]), OTHER)
        want = arrays[f"{kind}_grad_inputs"]
        figures[f"{kind}_gradient"] = (of_largest(gradient, want), GRADIENT)
    return figures


def _replay_random(arrays, rows, x, labels) -> Figures:
    """Our draw is another: the rows that it can give must include the reference's."""
    chosen = arrays["noweight_chosen_index"]
    want = arrays["noweight_memory_after"]
    reached = np.full(len(chosen), np.inf)
    untouched = 0.0
    for seed in range(60):
        after = memory.random_member(rows, x, labels, key=jax.random.key(seed))
        for i, index in enumerate(chosen):
            row = int(labels[index])
            reached[i] = min(reached[i], error(after[row], want[row]))
        others = np.setdiff1d(np.arange(len(rows)), np.asarray(labels))
        untouched = max(untouched, error(after[others], want[others]))
    return {
        "random_member": (float(reached.max()), MEMORY),
        "random_others": (untouched, 0.0),
    }


def replay_cdl(arrays: Mapping[str, np.ndarray], name: str) -> Figures:
    """The CDL loss and its gradient for several numbers of negatives."""
    del name
    owner = arrays["cam2proxy"] > 0
    cameras = np.where(owner.any(0), owner.argmax(0), -1)
    figures = {}
    for number in arrays["bg_knn_list"]:
        loss = functools.partial(
            losses.cdl,
            positives=jnp.asarray(arrays["s_proxies"]),
            proxy_cameras=jnp.asarray(cameras),
            num_negatives=int(number),
        )
        got, gradient = jax.value_and_grad(loss)(jnp.asarray(arrays["scores"]))
        figures[f"bg{number}_loss"] = _loss(got, arrays[f"bg{number}_loss"])
        want = arrays[f"bg{number}_grad"]
        figures[f"bg{number}_gradient"] = (of_largest(gradient, want), GRADIENT)
    return figures


def replay_mmd(arrays: Mapping[str, np.ndarray], name: str) -> Figures:
    """The discrepancy and both gradients."""
    del name
    pair = (jnp.asarray(arrays["source"]), jnp.asarray(arrays["target"]))
    got, (source, target) = jax.value_and_grad(losses.mmd, argnums=(0, 1))(*pair)
    return {
        "loss": _loss(got, arrays["loss"]),
        "gradient_source": (of_largest(source, arrays["grad_source"]), GRADIENT),
        "gradient_target": (of_largest(target, arrays["grad_target"]), GRADIENT),
    }


def tables_of(arrays, prefix: str, across: tuple[Any, Any] | None = None) -> Tables:
    """An epoch's tables, padded by a few rows as training pads them."""
    proxies = np.asarray(arrays[f"{prefix}_label2proxy"], np.int32)
    cameras = np.asarray(arrays[f"{prefix}_proxy2cam"], np.int32)
    owners = np.asarray(arrays[f"{prefix}_proxy2label"], np.int32)
    extra_p, extra_c = 5, 3
    zeros = (np.zeros(len(cameras), np.int32), np.zeros(len(proxies), np.int32))
    across_proxies, across_clusters = across or zeros
    return Tables(
        jnp.asarray(np.pad(proxies, ((0, extra_c), (0, 0)), constant_values=-1)),
        jnp.asarray(np.pad(cameras, (0, extra_p), constant_values=-1)),
        jnp.asarray(np.pad(owners, (0, extra_p))),
        jnp.asarray(len(proxies), jnp.int32),
        jnp.asarray(np.pad(across_proxies, (0, extra_p)), jnp.int32),
        jnp.asarray(np.pad(across_clusters, (0, extra_c)), jnp.int32),
    )


def memory_of(arrays, prefix: str, tables: Tables) -> Memory:
    """The memory at the start of the step, padded as the tables are."""
    sizes = (len(tables.proxy_cameras), len(tables.cluster_proxies))
    parts = []
    for part, size in zip(("proxy", "class"), sizes, strict=True):
        rows = arrays[f"{prefix}_{part}_centers_before"]
        parts.append(jnp.asarray(np.pad(rows, ((0, size - len(rows)), (0, 0)))))
    return Memory(*parts)


def memory_figures(after: Memory, arrays, prefix: str, want_prefix: str) -> Figures:
    """Errors of both levels of one modality's memory after a step; padding stays 0."""
    figures = {}
    for part, got in (("proxy", after.proxies), ("class", after.clusters)):
        want = arrays[f"{want_prefix}_{part}_centers_after"]
        padding = float(np.abs(np.asarray(got)[len(want) :]).max(initial=0))
        worst = max(error(got[: len(want)], want), padding)
        figures[f"{prefix}_{part}_memory"] = (worst, MEMORY)
    return figures


def labels_of(proxies, clusters) -> RowLabels:
    """Row labels as int32 arrays."""
    return RowLabels(
        jnp.asarray(proxies, dtype=jnp.int32), jnp.asarray(clusters, dtype=jnp.int32)
    )


def constants_of(
    arrays, gradient: Literal["released", "frozen"] = "released"
) -> objective.Objective:
    """The objective's constants of a file."""
    return objective.Objective(
        temperature=float(arrays["temp"]),
        num_negatives=int(arrays["bg_knn"]),
        smoothing=float(arrays["smooth_weight"]),
        memory_gradient=gradient,
    )


def replay_memory_losses(arrays: Mapping[str, np.ndarray], name: str) -> Figures:
    """Whole memory losses: one modality (`f_record`) or both stages of two."""
    if "mem_label2proxy" in arrays:
        return _replay_one_modality(arrays)
    return _replay_both_modalities(arrays)


def _replay_one_modality(arrays) -> Figures:
    constants = constants_of(arrays)
    tables = tables_of(arrays, "mem")
    bank = memory_of(arrays, "mem", tables)
    rows = labels_of(arrays["proxies"], arrays["labels"])
    raw = jnp.asarray(arrays["raw_inputs"])
    figures = {}
    for stage in (1, 2):

        def loss(raw, stage=stage):
            x = normalise(raw)
            cdl, identity = objective.contrastive(
                constants, x, bank, None, tables, rows
            )
            return cdl if stage == 1 else cdl + identity

        got, gradient = jax.value_and_grad(loss)(raw)
        after = objective.updated(
            constants,
            bank,
            bank,
            normalise(raw),
            rows,
            jax.random.key(0),
            clusters=stage == 2,
        )
        prefix = f"stage{stage}"
        figures[f"{prefix}_loss"] = _loss(got, arrays[f"{prefix}_loss"])
        want = arrays[f"{prefix}_grad_raw"]
        figures[f"{prefix}_gradient"] = (of_largest(gradient, want), GRADIENT)
        figures |= memory_figures(after, arrays, prefix, f"{prefix}_mem")
    return figures


def _pair(rows: Iterable[RowLabels]) -> tuple[RowLabels, RowLabels]:
    visible, infrared = rows
    return visible, infrared


def _cross_labels(arrays) -> tuple[RowLabels, RowLabels]:
    visible, infrared = (
        labels_of(arrays[f"{m}_cross_proxy"], arrays[f"{m}_cross_class"])
        for m in ("rgb", "ir")
    )
    return visible, infrared


def _replay_both_modalities(arrays) -> Figures:
    maps = [
        (arrays[f"map_{way}_proxy"], arrays[f"map_{way}_label"])
        for way in ("r2i", "i2r")
    ]
    tables = BothTables(
        tables_of(arrays, "rgb", maps[0]), tables_of(arrays, "ir", maps[1])
    )
    memories = Memories(
        memory_of(arrays, "rgb", tables.visible),
        memory_of(arrays, "ir", tables.infrared),
    )
    rows = _pair(
        labels_of(arrays[f"{m}_proxies"], arrays[f"{m}_labels"]) for m in ("rgb", "ir")
    )
    raw = (jnp.asarray(arrays["raw_rgb"]), jnp.asarray(arrays["raw_ir"]))
    figures = {}
    for stage, prefix in ((1, "stage1"), (2, "stage2"), (2, "stage2_frozenmem")):
        is_frozen = prefix == "stage2_frozenmem"
        constants = constants_of(arrays, "frozen" if is_frozen else "released")

        def loss(visible, infrared, stage=stage, constants=constants):
            step = {1: objective.stage1, 2: objective.stage2}[stage]
            total, (named, after) = step(
                constants,
                visible,
                infrared,
                memories,
                tables,
                rows,
                jax.random.key(0),
                lambda tree: tree,
            )
            # The file's stage 1 has no MMD.
            return total - named.get("mmd", 0), (named, after)

        (total, (named, after)), grads = jax.value_and_grad(
            loss, argnums=(0, 1), has_aux=True
        )(*raw)
        for got, which in zip(grads, ("rgb", "ir"), strict=True):
            want = arrays[f"{prefix}_grad_raw_{which}"]
            figures[f"{prefix}_gradient_{which}"] = (of_largest(got, want), GRADIENT)
        if prefix == "stage2_frozenmem":
            continue
        figures[f"{prefix}_total"] = _loss(total, arrays[f"{prefix}_total"])
        for got, want, part in zip(
            loss_parts(named), arrays[f"{prefix}_losses"], "abcd", strict=False
        ):
            figures[f"{prefix}_loss_{part}"] = _loss(got, want)
        figures |= memory_figures(
            after.visible, arrays, f"{prefix}_rgb", f"{prefix}_rgb"
        )
        figures |= memory_figures(
            after.infrared, arrays, f"{prefix}_ir", f"{prefix}_ir"
        )
    return figures


def loss_parts(named: Mapping[str, jax.Array]) -> list[Any]:
    """The released code's sums: within visible, within infrared, and either across."""
    parts = [
        sum(named.get(f"{kind}_{m}", 0) for kind in kinds)
        for kinds in (("cdl", "id"), ("cross_cdl", "cross_id"))
        for m in ("visible", "infrared")
    ]
    return parts
