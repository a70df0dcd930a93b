"""Other engines give JAX's rows; "auto" takes the fastest that does."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ceil_jax.common import extras
from ceil_jax.model import Model, engines
from tests.ceil_jax.model.conftest import SIZE, info_of
from tests.repo import source

OTHERS = ["onnxruntime", "openvino"]


@pytest.fixture
def fresh(variables):
    """A model that has chosen no engine yet."""
    return Model(variables, info_of(variables))


@pytest.mark.parametrize("engine", OTHERS)
@pytest.mark.parametrize("modality", ["visible", "infrared"])
def test_rows_are_those_of_jax(model, pictures, engine, modality):
    wanted = model.embed(pictures, modality)
    for batch_size in (1, 32):
        got = model.embed(pictures, modality, engine=engine, batch_size=batch_size)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, wanted, atol=1e-5)


@pytest.mark.parametrize("engine", OTHERS)
def test_mirror_images_count_likewise(model, pictures, engine):
    wanted = model.embed(pictures[:3], "visible", flip=True)
    got = model.embed(pictures[:3], "visible", flip=True, engine=engine)
    np.testing.assert_allclose(got, wanted, atol=1e-5)


class Fake:
    """An engine that is as fast as can be, and off by a little."""

    batch_size = 8

    def __init__(self, rows: np.ndarray, off: float) -> None:
        self.rows, self.off = rows, off

    def stream(self, batches, modality):
        for tag, images in batches:
            assert images.shape == (len(self.rows), *SIZE, 3)
            yield tag, self.rows + self.off


@pytest.mark.parametrize(("off", "first"), [(5e-6, "openvino"), (2e-5, "jax")])
def test_the_fastest_that_agrees(variables, off, first):
    jax = engines.JaxRunner(variables)
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (8, *SIZE, 3), dtype=np.uint8)
    [(_, rows)] = jax.stream([(None, images)], "visible")
    runners: dict[engines.Engine, engines.Runner] = {
        "jax": jax,
        "openvino": Fake(rows, off),
    }
    seen = engines.probe(runners, SIZE, "visible")
    assert seen[0].engine == first
    assert {each.engine for each in seen} == {"jax", "openvino"}
    fake = next(each for each in seen if each.engine == "openvino")
    assert fake.off == pytest.approx(off, rel=0.05)


def test_auto_says_once_what_it_takes(fresh, pictures, capsys):
    wanted = fresh.embed(pictures, "visible")
    got = fresh.embed(pictures, "visible", engine="auto")
    np.testing.assert_allclose(got, wanted, atol=1e-5)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("engine ")
    for name in ("jax ", "onnxruntime ", "openvino ", " ms, off "):
        assert name in said
    fresh.embed(pictures[:1], "visible", engine="auto")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("engine", OTHERS)
def test_an_engine_that_is_not_installed(fresh, pictures, monkeypatch, engine, capsys):
    monkeypatch.setattr(extras, "missing", lambda extra: [extra] * (extra == engine))
    with pytest.raises(
        extras.MissingExtraError, match=rf"pip install '\.\[{engine}\]'"
    ):
        fresh.embed(pictures, "visible", engine=engine)
    fresh.embed(pictures, "visible", engine="auto")
    assert engine not in capsys.readouterr().err


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_threads_get_their_own_rows(model, pictures, engine):
    pytest.importorskip(engine)
    wanted = [model.embed(picture, "visible") for picture in pictures[:4]]

    def work(number):
        return model.embed(pictures[number], "visible", engine=engine)

    numbers = [0, 1, 2, 3] * 25
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(work, numbers)
        for number, rows in zip(numbers, found, strict=True):
            np.testing.assert_allclose(rows, wanted[number], atol=1e-5)


def test_openvino_sends_nothing(tmp_path):
    """It would, from a forked process, when it is imported."""
    code = (
        "import os, sys, time\n"
        "os.fork = lambda: print('forked') or 1\n"
        "import ceil_jax, numpy\n"
        "from ceil_jax.pretrained import SYNTHETIC\n"
        "model = ceil_jax.load(SYNTHETIC, image_size=(32, 16))\n"
        "image = numpy.zeros((32, 16, 3), numpy.uint8)\n"
        "print(model.embed(image, 'visible', engine='openvino').shape)\n"
        "time.sleep(1)\n"
        "print(sys.modules.get('openvino_telemetry'), os.listdir(os.environ['HOME']))\n"
    )
    environment = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=source.ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "(1, 512)\nNone []\n", done.stderr


def test_jax_alone_loads_no_other(fresh, pictures, monkeypatch):
    for name in OTHERS:
        monkeypatch.setitem(sys.modules, name, None)
    fresh.embed(pictures[:1], "visible")
