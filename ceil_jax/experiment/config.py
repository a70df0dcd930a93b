"""The configuration: typed, nested, and checked before anything starts.

A file in `configs/` returns a `Config`; every field can be overridden on the command
line, e.g. `--config.rerank.k1=20`.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from ceil_jax.common.errors import UserError


@dataclass(slots=True)
class EncoderConfig:
    """Size and arithmetic of the encoder; the defaults are CLIP's ResNet-50."""

    stage_sizes: tuple[int, ...] = (3, 4, 6, 3)  # bottlenecks of each stage
    width: int = 64  # embeddings have 32 times as many entries
    dtype: str = "float32"  # of the convolutions: float32 or bfloat16


@dataclass(slots=True)
class BatchConfig:
    """What a step sees."""

    visible_rows: int = 20  # visible images; each enters twice, as two views
    images_per_proxy: int = 5  # images of each proxy that is drawn
    stage1_steps: int = 200  # per epoch
    stage2_steps: int = 150  # per epoch
    embed_rows: int = 128  # images embedded at once


@dataclass(slots=True)
class AugmentConfig:
    """Training views."""

    pad: int = 10  # pixels around an image before it is cropped
    strong_view_from: str = "weak"  # as released; or "image"


@dataclass(slots=True)
class ClusteringConfig:
    """Pseudo-labels."""

    k1: int = 10  # neighbours of the Jaccard distance
    k2: int = 6  # neighbours that a row of it is averaged over
    eps: float = 0.6  # DBSCAN's radius
    min_samples: int = 4  # of a cluster, DBSCAN's
    train_flip: bool = False  # average the embedding with the mirror image's


@dataclass(slots=True)
class ObjectiveConfig:
    """Losses and memory update; see `ceil_jax.training.objective.Objective`."""

    temperature: float = 0.05  # that similarities are divided by
    num_negatives: int = 50  # of a camera, in the CDL loss
    update: str = "dcmu"  # or "random", "momentum"
    smoothing: float = 0.5  # of update "dcmu": share of the softmax in its weights
    beta: float = 0.8  # of update "momentum": share of the old row
    memory_gradient: str = "released"  # or "frozen"
    contrast: str = "cdl"  # or "info_nce", over clusters alone


@dataclass(slots=True)
class MatchingConfig:
    """Matching across modalities (PCM)."""

    k1: int = 18  # neighbours that a centre is linked to
    k2: int = 3  # neighbours that its row is propagated from


@dataclass(slots=True)
class OptimizerConfig:
    """Adam and its schedule."""

    rate: float = 3.5e-4  # after the warm-up
    weight_decay: float = 5e-4  # added to the gradient, as L2
    bias_rate_factor: float = 2.0  # biases learn so many times as fast
    schedule: str = "multistep"  # or "cosine"
    warmup_epochs: int = 10  # epochs in which the rate rises
    warmup_factor: float = 0.01  # share of the rate to begin with; multistep only
    milestones: tuple[int, ...] = (30, 50)  # epochs at which it falls; multistep only
    gamma: float = 0.1  # factor by which it falls; multistep only


@dataclass(slots=True)
class EvaluationConfig:
    """How a model is scored."""

    num_trials: int = 10  # random galleries
    protocol: str = ""  # "" for the data set's own, or "regdb_released"
    sampling: str = "ceil"  # or "agw": seeds 1-10 or 0-9; SYSU-MM01 also "official"
    permutations: str = ""  # of "official"; "" for data_dir/exp/rand_perm_cam.mat
    shots: int = 1  # gallery images per identity and camera (SYSU-MM01)
    flip: bool = False  # average the embedding with the mirror image's
    num_pictured_queries: int = 8  # rows of ranked_lists.png
    baselines: bool = False  # also score grey pixels, random and initial weights
    control: str = ""  # a recorded control run to show beside this one


@dataclass(slots=True)
class RerankConfig:
    """Graph re-ranking at test time (GCR)."""

    k1: int = 21  # neighbours that an image is linked to
    k2: int = 10  # neighbours that its row is propagated from
    camera_weight: float = 0.4  # of a neighbour of the same camera; of others, 1 / it
    auto: bool = False  # choose them from the features, without labels
    search: str = "exact"  # of neighbours; "pairs", "flat", "device", "ivf", "hnsw"


@dataclass(slots=True)
class SyntheticConfig:
    """The embedded data set; no other reads it."""

    seed: int = 0  # of people and cameras
    rho: float = 0.7  # share of infrared reflectance that follows visible brightness
    num_train_identities: int = 100  # people to train on
    num_test_identities: int = 40  # other people, to test on


@dataclass(slots=True)
class Config:
    """One experiment."""

    dataset: str = "regdb"  # a name of data/registry.py
    data_dir: str = ""  # the data set as distributed
    prepared_dir: str = ""  # where prepared data is kept; "" for the user's cache
    allow_partial: bool = False  # go on, with a warning, where images are missing
    trial: int = 1  # RegDB's split, 1 to 10, of training and test; see --mode trials
    image_size: tuple[int, ...] = (288, 144)  # height, width in pixels
    cache_gib: float = 2.0  # image sets up to this size are kept in memory
    seed: int = 1  # of the training: batches, views, initial weights
    init_from: str = ""  # weights to start from, e.g. RN50.pt; "" for random ones
    stage1_epochs: int = 50  # within each modality
    stage2_epochs: int = 40  # across modalities
    save_epoch: int = 10  # save every so many epochs, and at the end of each stage
    selection: str = "last"  # epoch that is the model, or "best_on_test", as released
    eval_step: int = 10  # evaluate every so many epochs; 0 for only at the end
    num_devices: int = 0  # local devices to use; 0 for all
    compilation_cache: str = ""  # folder of compiled programs; "" for the user's cache
    kernels: str = ""  # "" for the platform's best, or "xla", "triton"
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    batch: BatchConfig = field(default_factory=BatchConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    clustering: ClusteringConfig = field(default_factory=ClusteringConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    matching: MatchingConfig = field(default_factory=MatchingConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    rerank: RerankConfig = field(default_factory=RerankConfig)
    synthetic: SyntheticConfig = field(default_factory=SyntheticConfig)

    @property
    def num_epochs(self) -> int:
        """Epochs of both stages."""
        return self.stage1_epochs + self.stage2_epochs

    def stage_of(self, epoch: int) -> int:
        """The stage of an epoch, which is counted from 1."""
        return 1 if epoch <= self.stage1_epochs else 2


CHOICES = {
    "selection": ("last", "best_on_test"),
    "kernels": ("", "xla", "triton"),
    "encoder.dtype": ("float32", "bfloat16"),
    "augment.strong_view_from": ("weak", "image"),
    "objective.update": ("dcmu", "random", "momentum"),
    "objective.memory_gradient": ("released", "frozen"),
    "objective.contrast": ("cdl", "info_nce"),
    "optimizer.schedule": ("multistep", "cosine"),
    "evaluation.protocol": ("", "regdb_released"),
    "evaluation.sampling": ("ceil", "agw", "official"),
    "evaluation.shots": (1, 10),
    "rerank.search": ("exact", "pairs", "flat", "device", "ivf", "hnsw"),
}
# Least values; the name stands for the field, None excludes the bound itself.
AT_LEAST = {
    "trial": 1,
    "stage1_epochs": 0,
    "stage2_epochs": 0,
    "save_epoch": 1,
    "eval_step": 0,
    "num_devices": 0,
    "encoder.width": 2,
    "batch.visible_rows": 1,
    "batch.images_per_proxy": 1,
    "batch.stage1_steps": 1,
    "batch.stage2_steps": 1,
    "batch.embed_rows": 1,
    "augment.pad": 0,
    "clustering.k1": 1,
    "clustering.k2": 1,
    "clustering.min_samples": 1,
    "objective.num_negatives": 0,
    "matching.k1": 1,
    "matching.k2": 1,
    "optimizer.weight_decay": 0,
    "optimizer.warmup_epochs": 0,
    "evaluation.num_trials": 1,
    "evaluation.num_pictured_queries": 0,
    "rerank.k1": 1,
    "rerank.k2": 1,
}
MORE_THAN_0 = (
    "objective.temperature",
    "optimizer.rate",
    "rerank.camera_weight",
    "cache_gib",
)
SHARES = ("objective.smoothing", "objective.beta", "synthetic.rho")
SEEDS = ("seed", "synthetic.seed")  # NumPy's generator takes 32 bits
WHOLE_NUMBERS = ("image_size", "encoder.stage_sizes", "optimizer.milestones")


def _value(config: Config, name: str) -> Any:
    value: Any = config
    for part in name.split("."):
        value = getattr(value, part)
    return value


def check(config: Config) -> None:
    """Refuse what cannot work, before any work is done.

    Args:
        config: The whole configuration.

    Raises:
        UserError: Names the first field that is out of range and what it must be.
    """
    for name, choices in CHOICES.items():
        if _value(config, name) not in choices:
            shown = ", ".join(str(choice) or '""' for choice in choices)
            raise UserError(
                f"config.{name}={_value(config, name)!r} must be one of {shown}"
            )
    for name, least in AT_LEAST.items():
        if _value(config, name) < least:
            raise UserError(
                f"config.{name}={_value(config, name)} must be at least {least}"
            )
    for name in MORE_THAN_0:
        if not 0 < _value(config, name) < float("inf"):
            raise UserError(
                f"config.{name}={_value(config, name)} must be more than 0 and finite"
            )
    for name in SHARES:
        if not 0 <= _value(config, name) <= 1:
            raise UserError(
                f"config.{name}={_value(config, name)} must be between 0 and 1"
            )
    for name in SEEDS:
        if not 0 <= _value(config, name) < 2**32:
            raise UserError(
                f"config.{name}={_value(config, name)} must be at least 0 and less "
                "than 2**32"
            )
    if not 0 < config.clustering.eps < 1:
        raise UserError(
            f"config.clustering.eps={config.clustering.eps} must be between 0 and 1"
        )
    if config.num_epochs < 1:
        raise UserError("config.stage1_epochs and config.stage2_epochs are both 0")
    if config.selection == "best_on_test" and not config.eval_step:
        raise UserError(
            "config.selection=best_on_test chooses among the epochs that are evaluated "
            "on the way: config.eval_step=0 must be at least 1"
        )
    _check_shapes(config)


def _check_shapes(config: Config) -> None:
    for name in WHOLE_NUMBERS:
        if not all(isinstance(n, int) for n in _value(config, name)):
            raise UserError(
                f"config.{name}={_value(config, name)} must be whole numbers"
            )
    sizes = config.encoder.stage_sizes
    if len(sizes) != 4 or min(sizes) < 1:
        raise UserError(
            f"config.encoder.stage_sizes={sizes} must be four numbers of at least 1"
        )
    if len(config.image_size) != 2 or any(n < 16 or n % 16 for n in config.image_size):
        raise UserError(
            f"config.image_size={config.image_size} must be a height and a width, "
            "multiples of 16"
        )
    rows, per_proxy = config.batch.visible_rows, config.batch.images_per_proxy
    if rows % per_proxy:
        raise UserError(
            f"config.batch.visible_rows={rows} must be a multiple of "
            f"config.batch.images_per_proxy={per_proxy}"
        )


def to_dict(config: Config) -> dict[str, Any]:
    """The configuration as plain dictionaries, for `config.json`.

    Args:
        config: The whole configuration.

    Returns:
        Its fields by name.
    """
    return dataclasses.asdict(config)


def field_names(config: Any, prefix: str = "config") -> dict[str, Any]:
    """Every field that the command line can set, with its value.

    Args:
        config: A configuration or a part of it.
        prefix: What its name starts with.

    Returns:
        Values by dotted name.
    """
    names: dict[str, Any] = {}
    for part in dataclasses.fields(config):
        value = getattr(config, part.name)
        name = f"{prefix}.{part.name}"
        if dataclasses.is_dataclass(value):
            names |= field_names(value, name)
        else:
            names[name] = value
    return names
