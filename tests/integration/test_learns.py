"""A short training lowers its losses."""

import jax
import numpy as np
import pytest

from ceil_jax import weights
from ceil_jax.common import parallel
from ceil_jax.embedding.embedder import Embedder
from ceil_jax.encoder import Encoder
from ceil_jax.pretrained import SYNTHETIC
from ceil_jax.training import fit
from tests.integration.labelled import SHAPE, initial_state, make_step, sides, start

NUM_STEPS = 60
# What must be left of the first steps' losses.
SHARES = {
    1: {"loss": 0.9, "mmd": 0.9},
    2: {"loss": 0.8, "cross_id_visible": 0.8, "cross_id_infrared": 0.8},
}


@pytest.mark.slow
@pytest.mark.parametrize("stage", [1, 2])
def test_a_short_training_lowers_its_losses(stage, shared):
    devices = jax.devices()[:1]
    embed = Embedder(Encoder(**SHAPE), num_rows=4, flip=False, devices=devices)
    variables = weights.load(SYNTHETIC)
    visible, infrared = (
        embed(variables, side.images, modality)
        for side, modality in zip(sides(), ("visible", "infrared"), strict=True)
    )
    memories, tables = start(stage, (visible, infrared))
    state, tables = parallel.replicate((initial_state(), tables), devices)
    step, losses = make_step(stage, num_devices=1), []
    for batch in fit.batches(
        *sides(), visible_rows=8, images_per_proxy=2, num_steps=NUM_STEPS, seed=(1,)
    ):
        # The memory stands still: one that is always replaced by the hardest rows, as
        # in training, gets harder as the encoder gets better.
        still = parallel.replicate(memories, devices)
        state, _, named = step(state, still, tables, np.float32(1e-3), batch)
        losses.append(named)
    for name, share in SHARES[stage].items():
        values = np.array([float(named[name]) for named in losses])
        assert values[-10:].mean() < share * values[:5].mean(), (name, values)
