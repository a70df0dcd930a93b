"""Counting compilations, and the cache of what they made."""

import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceil_jax.experiment import compilation
from ceil_jax.experiment.compilation import CompilationCounter
from tests.repo import source


def test_new_shapes_are_counted_and_known_ones_not():
    double = jax.jit(lambda x: 2 * x + 0.125)
    counter = CompilationCounter()
    double(np.zeros(3, np.float32))
    assert counter.count == 1
    assert counter.seconds > 0
    double(np.ones(3, np.float32))
    assert counter.count == 1
    double(np.zeros(4, np.float32))
    assert counter.count == 2


def test_counters_count_from_their_own_beginning():
    first = CompilationCounter()
    jax.jit(lambda x: x - 0.375)(jnp.zeros(2))
    second = CompilationCounter()
    assert first.count > 0
    assert second.count == 0


def test_seconds_are_added_up():
    counter = CompilationCounter()
    seconds = []
    for shift in (0.625, 0.875):
        jax.jit(lambda x, shift=shift: 3 * x - shift)(np.zeros(3, np.float32))
        seconds.append(counter.seconds)
    assert seconds[1] > seconds[0] > 0
    before = counter.seconds
    jax.monitoring.record_event_duration_secs(compilation._EVENT, 0.25)
    jax.monitoring.record_event_duration_secs("/of/something/else", 8.0)
    assert counter.seconds == before + 0.25
    assert counter.count == 3


@pytest.fixture
def settings(monkeypatch):
    """What would be set in JAX."""
    found = {}
    monkeypatch.setattr(jax.config, "update", found.__setitem__)
    return found


def test_the_cache_is_where_the_user_wants_it(settings, tmp_path):
    compilation.use_cache(str(tmp_path))
    assert settings["jax_compilation_cache_dir"] == str(tmp_path)


def test_the_cache_is_in_the_users_folder(settings, monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    compilation.use_cache("")
    assert Path(settings["jax_compilation_cache_dir"]).is_relative_to(tmp_path)


def test_programs_are_kept_on_disk(tmp_path):
    code = f"""
import jax
from ceil_jax.experiment import compilation
compilation.use_cache({str(tmp_path)!r})
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.jit(lambda x: x + 1)(2)
"""
    subprocess.run([sys.executable, "-c", code], cwd=source.ROOT, check=True)
    assert list(tmp_path.glob("*-cache"))


def test_the_cache_can_be_off(settings):
    compilation.use_cache("off")
    assert settings == {}
