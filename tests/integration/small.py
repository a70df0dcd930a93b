"""A training small enough for tests: the demo's program in a few seconds."""

from pathlib import Path

from ceil_jax.experiment.config import Config
from configs import synthetic


def config(folder: Path) -> Config:
    """The demo with few people, few steps and three epochs of either stage.

    Args:
        folder: Keeps prepared data and compiled programs, so that runs share them.
    """
    small = synthetic.get_config()
    small.init_from = ""
    small.prepared_dir = str(folder / "prepared")
    small.compilation_cache = str(folder / "compiled")
    small.stage1_epochs = small.stage2_epochs = 3
    small.save_epoch = 1
    small.num_devices = 1  # equal bits, however many devices a process has
    small.encoder.width = 4
    small.synthetic.num_train_identities = 8
    small.synthetic.num_test_identities = 6
    small.batch.visible_rows = 8
    small.batch.stage1_steps = small.batch.stage2_steps = 3
    small.clustering.k1 = 8
    small.clustering.min_samples = 2
    small.evaluation.num_trials = 2
    small.evaluation.num_pictured_queries = 2
    small.evaluation.control = ""
    return small


def words(small: Config) -> list[str]:
    """The same as words of a command line that starts from `configs/synthetic.py`."""
    from ceil_jax.experiment.config import field_names

    start = field_names(synthetic.get_config())
    return [
        f"--{name}={value}"
        for name, value in field_names(small).items()
        if value != start[name]
    ]
