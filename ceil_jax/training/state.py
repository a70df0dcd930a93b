"""The state of training: what a step takes and gives, as pytrees."""

from typing import Any, NamedTuple, TypeAlias

# An array of the host, of a device, or being traced.
Leaf: TypeAlias = Any
# "T | Any" below: T, or None for a modality that a data set has no images of. Code that
# needs both modalities reads them as T; what serves either looks for None.


class TrainState(NamedTuple):
    """What is trained, and what a checkpoint keeps.

    Attributes:
        params: Parameters of the encoder.
        batch_stats: Running statistics of its norms.
        opt_state: State of the optimiser.
        step: Steps taken since training began, int32; with the seed it decides every
            random draw of the next step.
    """

    params: Any
    batch_stats: Any
    opt_state: Any
    step: Leaf


class Memory(NamedTuple):
    """Unit rows of one modality; those past the epoch's numbers are zero.

    Attributes:
        proxies: One row per camera proxy, (p, d).
        clusters: One row per cluster, (c, d).
    """

    proxies: Leaf
    clusters: Leaf


class Memories(NamedTuple):
    """The memory of each modality; None for one that is not there."""

    visible: Memory | Any
    infrared: Memory | Any


class Tables(NamedTuple):
    """What an epoch's clustering says of one modality, padded to fixed sizes.

    Attributes:
        cluster_proxies: Proxy of each cluster in each camera, -1 where none, (c, m).
        proxy_cameras: Camera of each proxy, counted from 0; -1 is padding, (p,).
        proxy_clusters: Cluster that owns each proxy, (p,).
        num_clusters: Clusters; rows after them are padding.
        across_proxies: Proxy of the other modality that each proxy is matched to, (p,).
        across_clusters: The same for clusters, (c,). Proxies and clusters are matched
            each by themselves. Both are zero in stage 1, which does not read them.
    """

    cluster_proxies: Leaf
    proxy_cameras: Leaf
    proxy_clusters: Leaf
    num_clusters: Leaf
    across_proxies: Leaf
    across_clusters: Leaf


class BothTables(NamedTuple):
    """The tables of each modality; None for one that is not there."""

    visible: Tables | Any
    infrared: Tables | Any


class RowLabels(NamedTuple):
    """Proxy and cluster of each row of a batch, (b,) each."""

    proxies: Leaf
    clusters: Leaf


class Batch(NamedTuple):
    """One step's images and labels; the leading axis is split over devices.

    All fields of a modality that is not there are None.

    Attributes:
        visible: Images, uint8 (b, h, w, 3); they enter twice, as two views.
        infrared: Images, uint8 (2 b, h, w, 3).
        visible_labels: Labels of the b visible images.
        infrared_labels: Labels of the 2 b infrared images.
        visible_rows: Row of each visible image in the whole batch, (b,): random draws
            belong to rows, however these are split over devices.
        infrared_rows: The same for infrared images, (2 b,).
    """

    visible: Leaf
    infrared: Leaf
    visible_labels: RowLabels | Any
    infrared_labels: RowLabels | Any
    visible_rows: Leaf
    infrared_rows: Leaf


def variables_of(state: TrainState) -> dict[str, Any]:
    """What the encoder is applied with.

    Args:
        state: The training state.

    Returns:
        `{"params": ..., "batch_stats": ...}`.
    """
    return {"params": state.params, "batch_stats": state.batch_stats}
