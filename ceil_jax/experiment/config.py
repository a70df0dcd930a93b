"""The configuration: typed, nested, and checked before anything starts.

A file in `configs/` returns a `Config`; every field can be overridden on the command
line, e.g. `--config.rerank.k1=20`.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ceil_jax.common.errors import UserError

T = TypeVar("T")
TRAINING, FREE = "training", "free"


def training(default: T, *, was: T | None = None) -> T:
    """A field that decides which weights come out: fixed once a training has begun.

    Args:
        default: Its default.
        was: What was done before the field existed, where that is not the default: a
            recorded configuration that lacks the field meant this.

    Returns:
        The field of a dataclass.
    """
    return _tagged(TRAINING, default, was)


def free(default: T, *, was: T | None = None) -> T:
    """A field that may be changed at any time: where and how a run is done or scored.

    Args:
        default: Its default.
        was: As of `training`.

    Returns:
        The field of a dataclass.
    """
    return _tagged(FREE, default, was)


def _tagged(tag: str, default: Any, was: Any) -> Any:
    was = default if was is None else was
    return field(default=default, metadata={"tag": tag, "was": was})


@dataclass(slots=True)
class EncoderConfig:
    """Size and arithmetic of the encoder; the defaults are CLIP's ResNet-50."""

    stage_sizes: tuple[int, ...] = training((3, 4, 6, 3))  # bottlenecks of each stage
    width: int = training(64)  # embeddings have 32 times as many entries
    dtype: str = training("float32")  # of the convolutions: float32 or bfloat16


@dataclass(slots=True)
class BatchConfig:
    """What a step sees."""

    visible_rows: int = training(20)  # visible images; each enters twice, as two views
    images_per_proxy: int = training(5)  # images of each proxy that is drawn
    stage1_steps: int = training(200)  # per epoch
    stage2_steps: int = training(150)  # per epoch
    embed_rows: int = free(128)  # images embedded at once


@dataclass(slots=True)
class AugmentConfig:
    """Training views."""

    pad: int = training(10)  # pixels around an image before it is cropped
    strong_view_from: str = training("weak")  # as released; or "image"


@dataclass(slots=True)
class ClusteringConfig:
    """Pseudo-labels."""

    k1: int = training(10)  # neighbours of the Jaccard distance
    k2: int = training(6)  # neighbours that a row of it is averaged over
    eps: float = training(0.6)  # DBSCAN's radius
    min_samples: int = training(4)  # of a cluster, DBSCAN's
    train_flip: bool = training(False)  # average the embedding with the mirror image's


@dataclass(slots=True)
class ObjectiveConfig:
    """Losses and memory update; see `ceil_jax.training.objective.Objective`."""

    temperature: float = training(0.05)  # that similarities are divided by
    num_negatives: int = training(50)  # of a camera, in the CDL loss
    update: str = training("dcmu")  # or "random", "momentum"
    smoothing: float = training(0.5)  # of update "dcmu": softmax in its weights
    beta: float = training(0.8)  # of update "momentum": share of the old row
    memory_gradient: str = training("released")  # or "frozen"
    contrast: str = training("cdl")  # or "info_nce", over clusters alone


@dataclass(slots=True)
class MatchingConfig:
    """Matching across modalities (PCM)."""

    k1: int = training(18)  # neighbours that a centre is linked to
    k2: int = training(3)  # neighbours that its row is propagated from


@dataclass(slots=True)
class OptimizerConfig:
    """Adam and its schedule."""

    rate: float = training(3.5e-4)  # after the warm-up
    weight_decay: float = training(5e-4)  # added to the gradient, as L2
    bias_rate_factor: float = training(2.0)  # biases learn so many times as fast
    schedule: str = training("multistep")  # or "cosine"
    warmup_epochs: int = training(10)  # epochs in which the rate rises
    warmup_factor: float = training(0.01)  # share to begin with; multistep only
    milestones: tuple[int, ...] = training((30, 50))  # where it falls; multistep only
    gamma: float = training(0.1)  # factor by which it falls; multistep only


@dataclass(slots=True)
class EvaluationConfig:
    """How a model is scored."""

    num_trials: int = free(10)  # random galleries
    protocol: str = free("")  # "" for the data set's own, or "regdb_released"
    sampling: str = free("ceil")  # or "agw"; SYSU-MM01 also "official"
    permutations: str = free("")  # of "official"; "" for data_dir/exp/rand_perm_cam.mat
    shots: int = free(1)  # gallery images per identity and camera (SYSU-MM01)
    flip: bool = free(False)  # average the embedding with the mirror image's
    num_pictured_queries: int = free(8)  # rows of ranked_lists.png
    baselines: bool = free(False)  # also score grey pixels, random and initial weights
    control: str = free("")  # a recorded control run to show beside this one


@dataclass(slots=True)
class RerankConfig:
    """Graph re-ranking at test time (GCR)."""

    k1: int = free(21)  # neighbours that an image is linked to
    k2: int = free(10)  # neighbours that its row is propagated from
    camera_weight: float = free(0.4)  # of the same camera; of others, 1 / it
    auto: bool = free(False)  # choose them from the features, without labels
    search: str = free("exact")  # "pairs", "flat", "device", "ivf", "hnsw"


@dataclass(slots=True)
class SyntheticConfig:
    """The embedded data set; no other reads it."""

    seed: int = training(0)  # of people and cameras
    rho: float = training(0.7)  # how far infrared follows visible brightness
    num_train_identities: int = training(100)  # people to train on
    num_test_identities: int = training(40)  # other people, to test on


@dataclass(slots=True)
class Config:
    """One experiment."""

    dataset: str = training("regdb")  # a name of datasets/registry.py
    data_dir: str = free("")  # the data set as distributed
    prepared_dir: str = free("")  # where prepared data is kept; "" for the user's cache
    allow_partial: bool = free(False)  # go on, with a warning, where images are missing
    trial: int = training(1)  # RegDB's split, 1 to 10; see --mode trials
    image_size: tuple[int, ...] = training((288, 144))  # height, width in pixels
    cache_gib: float = free(2.0)  # image sets up to this size are kept in memory
    seed: int = training(1)  # of the training: batches, views, initial weights
    init_from: str = training("")  # weights to start from; "" for random ones
    stage1_epochs: int = training(50)  # within each modality
    stage2_epochs: int = training(40)  # across modalities
    save_epoch: int = free(10)  # save every so many epochs, and after a stage
    save_minutes: float = free(10.0, was=0.0)  # save within epochs; 0 for never
    selection: str = free("last")  # the model is this epoch, or "best_on_test"
    eval_step: int = free(10)  # evaluate every so many epochs; 0 for only at the end
    num_devices: int = free(0)  # local devices to use; 0 for all
    compilation_cache: str = free("")  # of programs; "" for the user's cache
    debug: bool = free(False)  # show where in the program an error arose
    kernels: str = free("")  # "" for the platform's best, or "xla", "triton"
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
