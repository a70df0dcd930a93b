"""A training whose programs were compiled beside other work is the same training."""

import jax
import numpy as np
import pytest

from ceil_jax.experiment import ahead, build, sources
from ceil_jax.experiment.compilation import CompilationCounter
from tests.ceil_jax.experiment.test_epoch import NOBODY
from tests.integration import small
from tests.integration.programs import Programs


@pytest.fixture
def made(shared):
    """What makes the trainer of a small training, and its first state."""
    config = small.config(shared)
    config.stage1_epochs = config.stage2_epochs = 1
    config.optimizer.warmup_epochs = 0
    splits = sources.load_images(config)
    devices = build.devices_of(config)

    def trainer():
        return build.trainer_of(config, splits, devices)

    return trainer, jax.device_get(build.initial_state(config))


@pytest.mark.slow
def test_a_training_finds_all_its_steps_compiled_and_learns_the_same(made):
    trainer, state = made
    plain, hasty = trainer(), trainer()
    want, states = [], []
    now = state
    for epoch in (1, 2):
        now, record = plain.epoch(now, epoch)
        want.append(record | {"seconds": None})
        states.append(now)
    counter, programs = CompilationCounter(), Programs()
    now = state
    with ahead.compiling(hasty, state, {1, 2}):
        for epoch, before in zip((1, 2), want, strict=True):
            now, record = hasty.epoch(now, epoch)
            assert record | {"seconds": None} == before
    jax.tree.map(np.testing.assert_array_equal, now, states[-1])
    # Embedding of both modalities and the steps of both stages.
    assert len([name for name in programs.elsewhere if "_fun" in name]) == 4
    assert [name for name in programs.here if "_fun" in name] == []
    assert counter.count == len(programs.here)


def test_examples_of_one_modality(made):
    trainer, state = made
    one = trainer()
    object.__setattr__(one, "sets", (one.sets[0], NOBODY))
    _, memories, tables, _, batch = ahead.example(one, state)
    assert memories.infrared is None
    assert tables.infrared is None
    assert batch.tree.infrared is None
    assert batch.tree.visible.shape == (1, 8, 64, 32, 3)


def test_only_processors_compile_beside_other_work(made, monkeypatch):
    trainer, state = made
    on_gpu = trainer()

    class Device:
        platform = "gpu"

    object.__setattr__(on_gpu, "devices", [Device()])
    asked = []
    monkeypatch.setattr(ahead, "background", lambda: asked.append("a thread"))
    with ahead.compiling(on_gpu, state, {1, 2}):
        pass
    with ahead.compiling(trainer(), state, set()):  # nothing is left to train
        pass
    assert not asked
