"""What a step minimises, and the memories that it leaves: both stages of CEIL."""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ceil_jax import losses, memory
from ceil_jax.common.linalg import normalise
from ceil_jax.training.state import BothTables, Memories, Memory, RowLabels, Tables

Gather = Callable[[Any], Any]
Losses = dict[str, jax.Array]


@dataclasses.dataclass(frozen=True)
class Objective:
    """The constants of the losses and of the memory update.

    Attributes:
        temperature: Divisor of the cosine similarities.
        num_negatives: Other proxies of a camera that enter the CDL loss.
        update: How a batch changes a memory: "dcmu", or the ablations "random" and
            "momentum".
        smoothing: Share of the softmax in the weights of DCMU.
        beta: Share of the old row in the momentum update.
        memory_gradient: "released": in stage 2 the gradient of the within-modality
            terms is taken with the memory as the other modality's rows have just left
            it, as the released code does and the published figures were trained.
            "frozen": the plain gradient, with the memory of the start of the step.
        contrast: "cdl": the CDL loss over camera proxies, and in stage 2 InfoNCE over
            clusters beside it. "info_nce": InfoNCE over clusters alone (an ablation);
            in stage 1 the cluster rows are then the ones that batches update.
    """

    temperature: float = 0.05
    num_negatives: int = 100
    update: Literal["dcmu", "random", "momentum"] = "dcmu"
    smoothing: float = 0.5
    beta: float = 0.8
    memory_gradient: Literal["released", "frozen"] = "released"
    contrast: Literal["cdl", "info_nce"] = "cdl"

    def __post_init__(self):
        """Refuse unknown choices."""
        if self.temperature <= 0:
            raise ValueError(f"{self.temperature=} must be more than 0")
        if self.update not in ("dcmu", "random", "momentum"):
            raise ValueError(f"{self.update=} must be dcmu, random or momentum")
        if self.memory_gradient not in ("released", "frozen"):
            raise ValueError(f"{self.memory_gradient=} must be released or frozen")
        if self.contrast not in ("cdl", "info_nce"):
            raise ValueError(f"{self.contrast=} must be cdl or info_nce")


def _updated_rows(constants: Objective, rows, into, embeddings, labels, key):
    match constants.update:
        case "dcmu":
            return memory.dcmu(
                rows, embeddings, labels, smoothing=constants.smoothing, into=into
            )
        case "random":
            return memory.random_member(into, embeddings, labels, key=key)
        case "momentum":
            return memory.momentum(into, embeddings, labels, beta=constants.beta)


def updated(
    constants: Objective,
    start: Memory,
    into: Memory,
    embeddings: Float[Array, "b d"],
    labels: RowLabels,
    key: PRNGKeyArray,
    *,
    proxies: bool = True,
    clusters: bool = True,
) -> Memory:
    """One modality's memory after a batch.

    Args:
        constants: The kind of update.
        start: The memory at the start of the step: difficulties are measured with it.
        into: The memory to change: `start`, or what an earlier update of the step left.
        embeddings: Unit rows of the whole batch, all devices'.
        labels: Their proxies and clusters in this memory.
        key: Draws of the "random" update.
        proxies: Whether the proxies are updated.
        clusters: Whether the cluster rows are.

    Returns:
        The new memory.
    """
    rows = [
        _updated_rows(constants, of_start, target, embeddings, of_level, level_key)
        if is_updated
        else target
        for is_updated, of_start, target, of_level, level_key in zip(
            (proxies, clusters), start, into, labels, jax.random.split(key), strict=True
        )
    ]
    return Memory(*rows)


def _cdl(constants, embeddings, rows, gradient_rows, tables: Tables, clusters):
    scores = memory.scores(embeddings, rows, gradient_rows) / constants.temperature
    return losses.cdl(
        scores,
        tables.cluster_proxies[clusters],
        tables.proxy_cameras,
        num_negatives=constants.num_negatives,
    )


def _identity(constants, embeddings, rows, gradient_rows, tables: Tables, clusters):
    scores = memory.scores(embeddings, rows, gradient_rows) / constants.temperature
    return losses.info_nce(scores, clusters, num_valid=tables.num_clusters)


def _total(named: Losses) -> jax.Array:
    return jnp.stack(list(named.values())).sum()


def contrastive(
    constants: Objective,
    embeddings: Float[Array, "b d"],
    bank: Memory,
    gradient_bank: Memory | None,
    tables: Tables,
    labels: RowLabels,
) -> tuple[jax.Array, jax.Array]:
    """CDL over proxies and InfoNCE over clusters of rows against one memory.

    The cluster of the CDL loss is the one that owns a row's proxy: across modalities
    proxies and clusters are matched each by themselves, and may disagree.

    Args:
        constants: Temperature and number of negatives.
        embeddings: Unit rows.
        bank: The memory that scores are computed with.
        gradient_bank: The memory that gradients are taken with; None for `bank`.
        tables: The tables of the memory's modality.
        labels: Proxy and cluster of each row in the memory's modality.

    Returns:
        The CDL and the ID loss.

    References:
        Xia et al., TCSVT 2025; the released
        `code/models/ClusterContrast/record_memory.py` and
        `code/models/ClusterContrast/cross_memory.py`.
    """
    gradient = Memory(None, None) if gradient_bank is None else gradient_bank
    owners = tables.proxy_clusters[labels.proxies]
    cdl = _cdl(constants, embeddings, bank.proxies, gradient.proxies, tables, owners)
    identity = _identity(
        constants, embeddings, bank.clusters, gradient.clusters, tables, labels.clusters
    )
    return cdl, identity


def stage1(
    constants: Objective,
    visible: Float[Array, "b d"] | None,
    infrared: Float[Array, "b d"] | None,
    memories: Memories,
    tables: BothTables,
    labels: tuple[RowLabels | None, RowLabels | None],
    key: PRNGKeyArray,
    gather: Gather,
    gather_visible: Gather | None = None,
) -> tuple[jax.Array, tuple[Losses, Memories]]:
    """Stage 1: the CDL losses of both modalities and the MMD between them.

    With one modality, whose other half is None everywhere, it is that one's CDL loss.
    With `contrast="info_nce"` the ID losses stand in the place of the CDL losses.

    Args:
        constants: Constants of the losses and the update.
        visible: Visible embeddings as training gives them, of this device.
        infrared: Infrared embeddings of this device.
        memories: The memories at the start of the step.
        tables: The epoch's tables.
        labels: Labels of the visible and of the infrared rows.
        key: Draws of the "random" update.
        gather: Joins a device's rows with those of the others.
        gather_visible: The same for visible rows; None for `gather`.

    Returns:
        The total, the losses by name, and the new memories.
    """
    named = {}
    new = []
    gathers = (gather_visible or gather, gather)
    for name, raw, bank, table, rows, join, own_key in zip(
        ("visible", "infrared"),
        (visible, infrared),
        memories,
        tables,
        labels,
        gathers,
        jax.random.split(key),
        strict=True,
    ):
        if raw is None or rows is None:
            new.append(None)
            continue
        x = normalise(raw)
        if constants.contrast == "cdl":
            loss, kind, level = _cdl, "cdl", "proxies"
        else:
            loss, kind, level = _identity, "id", "clusters"
        named[f"{kind}_{name}"] = loss(
            constants, x, getattr(bank, level), None, table, rows.clusters
        )
        levels = {other: other == level for other in Memory._fields}
        everyone, everyones = join((x, rows))
        new.append(
            updated(constants, bank, bank, everyone, everyones, own_key, **levels)
        )
    if visible is not None and infrared is not None:
        named["mmd"] = losses.mmd(gathers[0](visible), gathers[1](infrared))
    return _total(named), (named, Memories(*new))


def stage2(
    constants: Objective,
    visible: Float[Array, "b d"],
    infrared: Float[Array, "b d"],
    memories: Memories,
    tables: BothTables,
    labels: tuple[RowLabels, RowLabels],
    key: PRNGKeyArray,
    gather: Gather,
    gather_visible: Gather | None = None,
) -> tuple[jax.Array, tuple[Losses, Memories]]:
    """Stage 2: CDL and ID within each modality and across, by the matched labels.

    Each memory gets two updates: first from the other modality's rows, then from its
    own, which win. With `contrast="info_nce"` the ID losses stand alone.

    Args:
        constants: Constants of the losses and the update.
        visible: Visible embeddings as training gives them, of this device.
        infrared: Infrared embeddings of this device.
        memories: The memories at the start of the step.
        tables: The epoch's tables, with the matching across modalities.
        labels: Labels of the visible and of the infrared rows.
        key: Draws of the "random" update.
        gather: Joins a device's rows with those of the others.
        gather_visible: The same for visible rows; None for `gather`.

    Returns:
        The total, the losses by name, and the new memories.
    """
    x = (normalise(visible), normalise(infrared))
    across = tuple(
        RowLabels(
            table.across_proxies[rows.proxies], table.across_clusters[rows.clusters]
        )
        for table, rows in zip(tables, labels, strict=True)
    )
    gathers = (gather_visible or gather, gather)
    everyone, own, crossed = zip(
        *map(lambda join, *rows: join(rows), gathers, x, labels, across), strict=True
    )
    keys = jax.random.split(key, 4)
    named = {}
    new = []
    for i, name in enumerate(("visible", "infrared")):
        other = 1 - i
        bank, table = memories[i], tables[i]
        # The other modality's rows reach this memory first ...
        between = updated(
            constants,
            bank,
            bank,
            everyone[other],
            crossed[other],
            keys[i],
        )
        gradient = between if constants.memory_gradient == "released" else None
        cdl, identity = contrastive(constants, x[i], bank, gradient, table, labels[i])
        named |= {f"cdl_{name}": cdl, f"id_{name}": identity}
        cdl, identity = contrastive(
            constants, x[other], bank, None, table, across[other]
        )
        crossing = ("infrared", "visible")[i]
        named |= {f"cross_cdl_{crossing}": cdl, f"cross_id_{crossing}": identity}
        # ... then its own.
        new.append(
            updated(
                constants,
                bank,
                between,
                everyone[i],
                own[i],
                keys[2 + i],
            )
        )
    if constants.contrast == "info_nce":
        named = {name: loss for name, loss in named.items() if "cdl" not in name}
    return _total(named), (named, Memories(*new))
