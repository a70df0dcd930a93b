"""A run that is killed, damaged, stopped or out of room: the same bits, or one line."""

import jax
import pytest

from benchmarks.chaos.__main__ import KINDS, disturb
from benchmarks.chaos.bench import Bench
from benchmarks.chaos.outcomes import Tally
from tests.integration import small


@pytest.mark.slow
def test_no_disturbance_ends_in_a_fault(shared, whole, tmp_path, monkeypatch):
    # As the undisturbed run: with as many devices the sums have the same order.
    monkeypatch.setenv("JAX_NUM_CPU_DEVICES", str(len(jax.devices())))
    config = small.config(shared)
    tally = Tally()
    with Bench(
        tmp_path,
        small.words(config),
        seed=1,
        tally=tally,
        small=True,
        prepared=shared / "prepared",
        compiled=shared / "compiled",
        whole=whole[0],
    ) as bench:
        disturb(bench, list(KINDS), num_kills=0)
    assert not tally.faults
    assert {ended.kind for ended in tally.ends} == set(KINDS)
