"""bfloat16 is used where it is asked for and possible, and refused elsewhere."""

import dataclasses

import numpy as np
import pytest

from ceil_jax.common import extras, processor
from ceil_jax.common.errors import UserError
from ceil_jax.model import Model
from ceil_jax.model import model as module
from tests.ceil_jax.model.conftest import info_of

HERE = {"avx512_bf16", "amx_bf16"} & set(processor.facts().get("flags", "").split())


@pytest.fixture
def fresh(variables):
    """A model that has chosen no engine yet."""
    return Model(variables, info_of(variables))


@pytest.fixture
def built_for_it(tmp_path, monkeypatch):
    """A processor with AMX, whatever this one is."""
    place = tmp_path / "cpuinfo"
    place.write_text("flags\t\t: fpu avx512f amx_bf16 amx_tile\n")
    monkeypatch.setattr(processor, "CPUINFO", place)


@pytest.mark.parametrize("engine", ["jax", "onnxruntime"])
def test_engines_that_have_it_not(model, pictures, engine, built_for_it):
    with pytest.raises(ValueError, match=f"'bfloat16' with engine='{engine}'.*auto"):
        model.embed(pictures, "visible", engine=engine, precision="bfloat16")


def test_it_is_never_the_default(model, pictures, built_for_it):
    with pytest.raises(ValueError, match="with engine='jax'"):
        model.embed(pictures, "visible", precision="bfloat16")
    with pytest.raises(ValueError, match="precision='half' must be one of float32, bf"):
        model.embed(pictures, "visible", precision="half")


@pytest.mark.parametrize("flags", ["fpu avx512f avx512_vnni amx_tile", None])
def test_processors_that_are_not_built_for_it(
    model, pictures, flags, tmp_path, monkeypatch
):
    place = tmp_path / "cpuinfo"
    if flags is not None:
        place.write_text(f"flags : {flags}\n")
    monkeypatch.setattr(processor, "CPUINFO", place)
    for engine in ("openvino", "auto"):
        with pytest.raises(UserError, match="neither amx_bf16 nor avx512_bf16"):
            model.embed(pictures, "visible", engine=engine, precision="bfloat16")
    model.embed(pictures[:1], "visible")


@pytest.mark.skipif(not HERE, reason="this processor is not built for bfloat16")
@pytest.mark.parametrize("flip", [False, True])
def test_rows_are_near_those_of_float32(model, pictures, flip):
    options = {"engine": "openvino", "flip": flip}
    wanted = model.embed(pictures, "infrared", **options)
    got = model.embed(pictures, "infrared", precision="bfloat16", **options)
    assert got.dtype == np.float32
    off = np.abs(got - wanted).max()
    # A last place of bfloat16 is 2**-8 of a number, and entries are below 0.2.
    assert 1e-5 < off < 3e-3
    again = model.embed(pictures, "infrared", **options)
    np.testing.assert_array_equal(again, wanted)


class Off:
    """OpenVINO, all of whose rows are off by the same."""

    def __init__(self, jax, off: float) -> None:
        self.jax, self.off = jax, off

    def stream(self, batches, modality):
        for tag, rows in self.jax.stream(batches, modality):
            yield tag, rows + self.off


@pytest.fixture
def made(variables, monkeypatch, built_for_it):
    """What runners were made of, and by how much they will be off."""
    seen = {"off": 0.0, "made": []}
    jax = module.JaxRunner(variables)

    def make(variables, size, engine, *, flip, precision):
        seen["made"].append((engine, precision))
        return Off(jax, seen["off"])

    monkeypatch.setattr(module, "OnnxRunner", make)
    monkeypatch.setattr(extras, "missing", lambda extra: [])
    return seen


def test_auto_has_a_tolerance_of_its_own(fresh, pictures, made, capsys):
    made["off"] = 4e-3
    wanted = fresh.embed(pictures, "visible", progress=False)
    got = fresh.embed(
        pictures, "visible", engine="auto", precision="bfloat16", progress=False
    )
    np.testing.assert_allclose(got, wanted + 4e-3, atol=1e-6)
    assert made["made"] == [("openvino", "bfloat16")]
    said = capsys.readouterr().err
    assert said.startswith("engine openvino for visible in bfloat16 (openvino ")
    assert "off 4e-03" in said
    # In float32 the same difference is too much.
    exact = fresh.embed(pictures, "visible", engine="auto")
    np.testing.assert_array_equal(exact, wanted)
    assert ("openvino", "float32") in made["made"]


def test_auto_refuses_what_agrees_with_nothing(fresh, pictures, made):
    made["off"] = 6e-3
    with pytest.raises(UserError, match=r"agrees with JAX within 5e-03 .*off 6e-03"):
        fresh.embed(pictures, "visible", engine="auto", precision="bfloat16")


def test_auto_without_openvino(fresh, pictures, monkeypatch, built_for_it):
    monkeypatch.setattr(extras, "missing", lambda extra: ["openvino"])
    with pytest.raises(UserError, match=r"no engine that is installed.*\[openvino\]"):
        fresh.embed(pictures, "visible", engine="auto", precision="bfloat16")


def test_the_precision_of_a_run_is_told(variables):
    info = info_of(variables)
    assert info.precision is None
    run = {"config": {"encoder": {"dtype": "bfloat16"}}}
    assert dataclasses.replace(info, training=run).precision == "bfloat16"
