"""The configuration: typed, nested, and checked before anything starts.

A file in `configs/` returns a `Config`; every field can be overridden on the command
line, e.g. `--config.rerank.k1=20`.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ceil_jax.common.errors import UserError
from ceil_jax.experiment import ranges
from ceil_jax.experiment.ranges import (
    Choice,
    Name,
    Number,
    Place,
    Range,
    Several,
    Whole,
    Wholes,
    shown,
)
from ceil_jax.experiment.trackers import names as trackers

T = TypeVar("T")
TRAINING, FREE = "training", "free"


def training(default: T, within: Range | None = None, *, was: T | None = None) -> T:
    """A field that decides which weights come out: fixed once a training has begun.

    Args:
        default: Its default.
        within: What it may hold; only a field that is True or False need not say it.
        was: What was done before the field existed, where that is not the default: a
            recorded configuration that lacks the field meant this.

    Returns:
        The field of a dataclass.

    Raises:
        TypeError: It does not say what it may hold.
    """
    return _tagged(TRAINING, default, within, was)


def free(default: T, within: Range | None = None, *, was: T | None = None) -> T:
    """A field that may be changed at any time: where and how a run is done or scored.

    Args:
        default: Its default.
        within: As of `training`.
        was: As of `training`.

    Returns:
        The field of a dataclass.

    Raises:
        TypeError: It does not say what it may hold.
    """
    return _tagged(FREE, default, within, was)


def _tagged(tag: str, default: Any, within: Range | None, was: Any) -> Any:
    within = ranges.of_default(default) if within is None else within
    was = default if was is None else was
    return field(default=default, metadata={"tag": tag, "within": within, "was": was})


SEED = Whole(0, 2**32 - 1)  # NumPy's generator takes 32 bits
EPOCHS, PERIOD = 100_000, 1_000_000
COUNT = Whole(1, 100_000)
SHARE = Number(0, 1)
STAGES, WIDTH = Wholes(1, 256, count=4), Whole(2, 1024)
DTYPES = Choice("float32", "bfloat16")
VIEWS = Choice("weak", "image")
UPDATES = Choice("dcmu", "random", "momentum")
GRADIENTS = Choice("released", "frozen")
MILESTONES = Wholes(1, EPOCHS, ascending=True)
SIZE = Wholes(16, 4096, count=2, multiple_of=16)
CACHE = Number(0, 1e6, without=(0,))
CAMERA_WEIGHT = Number(1e-15, 1e15)
TRACKERS = Several(*trackers.NAMES)
SEARCH = Choice("exact", "pairs", "flat", "device", "ivf", "hnsw")
ENGINE = Choice("jax", "onnxruntime", "openvino", "auto")


@dataclass(slots=True)
class EncoderConfig:
    """Size and arithmetic of the encoder; the defaults are CLIP's ResNet-50."""

    stage_sizes: tuple[int, ...] = training((3, 4, 6, 3), STAGES)  # bottlenecks each
    width: int = training(64, WIDTH)  # embeddings have 32 times as many entries
    dtype: str = training("float32", DTYPES)  # of the convolutions


@dataclass(slots=True)
class BatchConfig:
    """What a step sees."""

    visible_rows: int = training(20, COUNT)  # visible images, two views of each
    images_per_proxy: int = training(5, COUNT)  # images of each proxy that is drawn
    stage1_steps: int = training(200, COUNT)  # per epoch
    stage2_steps: int = training(150, COUNT)  # per epoch
    embed_rows: int = free(128, COUNT)  # images embedded at once


@dataclass(slots=True)
class AugmentConfig:
    """Training views."""

    pad: int = training(10, Whole(0, 1024))  # pixels around an image that is cropped
    strong_view_from: str = training("weak", VIEWS)  # what it is made of


@dataclass(slots=True)
class ClusteringConfig:
    """Pseudo-labels."""

    k1: int = training(10, COUNT)  # neighbours of the Jaccard distance
    k2: int = training(6, COUNT)  # neighbours that a row of it is averaged over
    eps: float = training(0.6, Number(0, 1, without=(0, 1)))  # DBSCAN's radius
    min_samples: int = training(4, COUNT)  # of a cluster, DBSCAN's
    train_flip: bool = training(False)  # average the embedding with the mirror image's


@dataclass(slots=True)
class ObjectiveConfig:
    """Losses and memory update; see `ceil_jax.training.objective.Objective`."""

    temperature: float = training(0.05, Number(1e-4, 1e4))  # divides similarities
    num_negatives: int = training(50, Whole(0, 100_000))  # of a camera, in the CDL loss
    update: str = training("dcmu", UPDATES)  # of the memories by a batch
    smoothing: float = training(0.5, SHARE)  # of update "dcmu": softmax in its weights
    beta: float = training(0.8, SHARE)  # of update "momentum": share of the old row
    memory_gradient: str = training("released", GRADIENTS)  # in stage 2
    contrast: str = training("cdl", Choice("cdl", "info_nce"))  # loss over rows


@dataclass(slots=True)
class MatchingConfig:
    """Matching across modalities (PCM)."""

    k1: int = training(18, COUNT)  # neighbours that a centre is linked to
    k2: int = training(3, COUNT)  # neighbours that its row is propagated from


@dataclass(slots=True)
class OptimizerConfig:
    """Adam and its schedule."""

    rate: float = training(3.5e-4, Number(0, 10, without=(0,)))  # after the warm-up
    weight_decay: float = training(5e-4, Number(0, 100))  # added to the gradient, as L2
    bias_rate_factor: float = training(2.0, Number(0, 1000))  # of the biases' rate
    schedule: str = training("multistep", Choice("multistep", "cosine"))  # of rates
    warmup_epochs: int = training(10, Whole(0, EPOCHS))  # while the rate rises
    warmup_factor: float = training(0.01, SHARE)  # share to begin with; multistep only
    milestones: tuple[int, ...] = training((30, 50), MILESTONES)  # multistep only
    gamma: float = training(0.1, Number(0, 1, without=(0,)))  # of each milestone


@dataclass(slots=True)
class EvaluationConfig:
    """How a model is scored."""

    num_trials: int = free(10, Whole(1, 10_000))  # random galleries
    protocol: str = free("", Choice("", "regdb_released"))  # "": the data set's
    sampling: str = free("ceil", Choice("ceil", "agw", "official"))  # of galleries
    permutations: str = free("", Place())  # "": data_dir/exp/rand_perm_cam.mat
    shots: int = free(1, Choice(1, 10))  # gallery images per identity and camera
    flip: bool = free(False)  # average the embedding with the mirror image's
    engine: str = free("jax", ENGINE)  # what embeds the test images
    num_pictured_queries: int = free(8, Whole(0, 64))  # rows of ranked_lists.png
    baselines: bool = free(False)  # also score grey pixels, random and initial weights
    control: str = free("", Place())  # a recorded control run to show beside this one


@dataclass(slots=True)
class RerankConfig:
    """Graph re-ranking at test time (GCR)."""

    k1: int = free(21, COUNT)  # neighbours that an image is linked to
    k2: int = free(10, COUNT)  # neighbours that its row is propagated from
    camera_weight: float = free(0.4, CAMERA_WEIGHT)  # own camera; others 1 / it
    auto: bool = free(False)  # choose them from the features, without labels
    search: str = free("exact", SEARCH)  # of neighbours


@dataclass(slots=True)
class SyntheticConfig:
    """The embedded data set; no other reads it."""

    seed: int = training(0, SEED)  # of people and cameras
    rho: float = training(0.7, SHARE)  # how far infrared follows visible brightness
    num_train_identities: int = training(100, COUNT)  # people to train on
    num_test_identities: int = training(40, COUNT)  # other people, to test on


@dataclass(slots=True)
class Config:
    """One experiment."""

    dataset: str = training("regdb", Name())  # a name of datasets/registry.py
    data_dir: str = free("", Place())  # the data set as distributed
    prepared_dir: str = free("", Place())  # of prepared data; "": the user's cache
    allow_partial: bool = free(False)  # go on, with a warning, where images are missing
    trial: int = training(1, Whole(1, 1000))  # RegDB's split, 1 to 10
    image_size: tuple[int, ...] = training((288, 144), SIZE)  # height, width, pixels
    cache_gib: float = free(2.0, CACHE)  # image sets up to this stay in memory
    seed: int = training(1, SEED)  # of the training: batches, views, initial weights
    init_from: str = training("", Place())  # weights to start from; "" for random ones
    stage1_epochs: int = training(50, Whole(0, EPOCHS))  # within each modality
    stage2_epochs: int = training(40, Whole(0, EPOCHS))  # across modalities
    save_epoch: int = free(10, Whole(1, PERIOD))  # save so often, and after a stage
    save_minutes: float = free(10.0, Number(0, 1e6), was=0.0)  # within epochs; 0: never
    selection: str = free("last", Choice("last", "best_on_test"))  # of the epoch
    eval_step: int = free(10, Whole(0, PERIOD))  # score so often; 0: only at the end
    trackers: tuple[str, ...] = free((trackers.TENSORBOARD,), TRACKERS)  # of curves
    num_devices: int = free(0, Whole(0, 10_000))  # local devices to use; 0 for all
    compilation_cache: str = free("", Place())  # of programs; "" for the user's cache
    debug: bool = free(False)  # show where in the program an error arose
    kernels: str = free("", Choice("", "xla", "triton"))  # "": the platform's best
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


MAX_ACTIVATIONS = 256  # GiB of the largest array of a batch, over all devices
MAX_PARAMETERS = 2_000_000_000


def definitions(prefix: str = "", part: Any = Config) -> dict[str, Any]:
    """Where each field is defined: its default, its tag and its range.

    Args:
        prefix: What a name starts with.
        part: The class of a configuration or of a part of it.

    Returns:
        The fields of the dataclasses by dotted name, such as "encoder.width".
    """
    found: dict[str, Any] = {}
    for each in dataclasses.fields(part):
        if dataclasses.is_dataclass(each.default_factory):
            found |= definitions(f"{prefix}{each.name}.", each.default_factory)
        else:
            found[prefix + each.name] = each
    return found


def check(config: Config) -> None:
    """Refuse what cannot work, before any work is done.

    Args:
        config: The whole configuration.

    Raises:
        UserError: Names the first field that is out of range and what it must be.
    """
    for group in dataclasses.fields(config):
        kind, part = group.default_factory, getattr(config, group.name, None)
        if isinstance(kind, type) and not isinstance(part, kind):
            raise UserError(
                f"config.{group.name}={shown(part)} must be {kind.__name__}()"
            )
    for name, definition in definitions().items():
        value: Any = config
        for each in name.split("."):
            value = getattr(value, each, None)
        if fault := definition.metadata["within"].fault(value):
            raise UserError(f"config.{name}={shown(value)} {fault}")
    _check_epochs(config)
    _check_batch(config)
    _check_memory(config)


def _check_epochs(config: Config) -> None:
    if config.num_epochs < 1:
        raise UserError("config.stage1_epochs and config.stage2_epochs are both 0")
    if config.selection == "best_on_test" and not config.eval_step:
        raise UserError(
            "config.selection=best_on_test chooses among the epochs that are evaluated "
            "on the way: config.eval_step=0 must be at least 1"
        )
    warmup = config.optimizer.warmup_epochs
    if config.optimizer.schedule == "cosine" and warmup >= config.num_epochs:
        raise UserError(
            f"config.optimizer.warmup_epochs={warmup} must be less than the "
            f"{config.num_epochs} epochs of both stages"
        )


def _check_batch(config: Config) -> None:
    rows, per_proxy = config.batch.visible_rows, config.batch.images_per_proxy
    if rows % per_proxy:
        raise UserError(
            f"config.batch.visible_rows={rows} must be a multiple of "
            f"config.batch.images_per_proxy={per_proxy}"
        )
    if config.augment.pad >= min(config.image_size):
        raise UserError(
            f"config.augment.pad={config.augment.pad} must be less than either side of "
            f"config.image_size={config.image_size}: some views would show no image"
        )


def _check_memory(config: Config) -> None:
    """Refuse what no machine can hold."""
    (height, width), encoder, batch = config.image_size, config.encoder, config.batch
    # The stem leaves `width` float32 numbers for every fourth pixel; a training batch
    # has two views of each visible image and as many infrared rows.
    rows = max(3 * batch.visible_rows, batch.embed_rows)
    gib = rows * height * width * encoder.width / 2**30
    if gib > MAX_ACTIVATIONS:
        raise UserError(
            f"config.image_size={tuple(config.image_size)} with config.encoder.width="
            f"{encoder.width} and {rows} images in a batch takes {gib:,.0f} GiB in the "
            f"first layer alone, more than {MAX_ACTIVATIONS}: make one of them, or "
            "config.batch, smaller"
        )
    parameters = sum(
        17 * size * (encoder.width * 2**stage) ** 2
        for stage, size in enumerate(encoder.stage_sizes)
    )
    if parameters > MAX_PARAMETERS:
        raise UserError(
            f"config.encoder.width={encoder.width} with config.encoder.stage_sizes="
            f"{tuple(encoder.stage_sizes)} has {parameters:,} parameters, more than "
            f"{MAX_PARAMETERS:,}: make one of them smaller"
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
