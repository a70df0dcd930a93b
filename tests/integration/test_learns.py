"""A short training lowers its losses."""

import jax
import numpy as np
import pytest

from ceil_jax import fit, optim, parallel, steps, weights
from ceil_jax.embed import Embedder
from ceil_jax.encoder import Encoder
from ceil_jax.objective import Objective
from ceil_jax.pretrained import SYNTHETIC
from tests.integration.labelled import SHAPE, SIZE, sides, start

NUM_STEPS = 40
# What must be left of the first steps' losses.
SHARES = {
    1: {"loss": 0.9, "mmd": 0.9},
    2: {"loss": 0.8, "cross_id_visible": 0.8, "cross_id_infrared": 0.8},
}


@pytest.mark.slow
@pytest.mark.parametrize("stage", [1, 2])
def test_a_short_training_lowers_its_losses(stage):
    devices = jax.devices()[:1]
    variables = weights.load(SYNTHETIC)
    embed = Embedder(Encoder(**SHAPE), num_rows=64, flip=False, devices=devices)
    visible, infrared = (
        embed(variables, side.images, modality)
        for side, modality in zip(sides(), ("visible", "infrared"), strict=True)
    )
    step = parallel.over_devices(
        steps.make_train_step(
            encoder=Encoder(**SHAPE, axis_name=parallel.AXIS_NAME),
            optimizer=optim.adam(),
            constants=Objective(),
            stage=stage,
            seed=1,
            pad=4,
            strong_view_from="weak",
            gather=parallel.gather,
            mean=parallel.mean,
        ),
        num_shared=4,
        num_split=1,
        donate=(0,),
        devices=devices,
    )
    state = steps.init_state(
        Encoder(**SHAPE), optim.adam(), SIZE, seed=1, variables=variables
    )
    carried = parallel.replicate((state, *start(stage, (visible, infrared))), devices)
    state, memories, tables = carried
    losses = []
    for batch in fit.batches(
        *sides(), visible_rows=16, images_per_proxy=4, num_steps=NUM_STEPS, seed=(1,)
    ):
        # The memory stands still: one that is always replaced by the hardest rows, as
        # in training, gets harder as the encoder gets better.
        state, _, named = step(state, memories, tables, np.float32(1e-3), batch)
        losses.append(named)
    for name, share in SHARES[stage].items():
        values = [float(named[name]) for named in losses]
        assert np.mean(values[-10:]) < share * np.mean(values[:5]), (name, values)
