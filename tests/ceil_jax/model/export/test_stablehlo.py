"""StableHLO files in a process that does not have ceil-jax."""

import importlib.util

import numpy as np
import pytest
from jax import export as jax_export

from ceil_jax.common.errors import UserError
from ceil_jax.model import export
from ceil_jax.model.export.stablehlo import stablehlo
from tests.ceil_jax.model.export import given

BATCHES = {"visible": (1, 17), "infrared": (2,)}  # each is compiled


@pytest.mark.parametrize(
    "model", ["shipped", pytest.param("deep", marks=pytest.mark.slow)]
)
def test_rows_are_ours(tmp_path, model):
    variables, questions, want = given.models()[model], {}, {}
    for modality in given.MODALITIES:
        path = tmp_path / f"{modality}.stablehlo"
        written = export.write_stablehlo(
            path, variables, modality=modality, image_size=given.SIZE
        )
        assert written == (path,)
        images = given.read(modality)
        rows = given.rows(variables, modality, images)
        for batch in BATCHES[modality]:
            questions[path, str(batch)] = images[:batch]
            want[path, str(batch)] = rows[:batch]
    got = given.ask("stablehlo", questions, tmp_path)
    for key, rows in want.items():
        assert got[key].dtype == np.float32
        np.testing.assert_allclose(got[key], rows, atol=1e-5, rtol=0)


@pytest.fixture(scope="module")
def exported():
    made = stablehlo(
        given.models()["shipped"], modality="visible", image_size=given.SIZE
    )
    return jax_export.deserialize(bytearray(made))


def test_it_is_for_both_platforms_and_any_batch(exported):
    assert exported.platforms == ("cpu", "cuda")
    assert exported.fun_name == "embed_visible"
    (images,), (rows,) = exported.in_avals, exported.out_avals
    assert [str(side) for side in images.shape] == ["batch", "96", "48", "3"]
    assert [str(side) for side in rows.shape] == ["batch", "512"]
    assert images.dtype == np.uint8


def test_convolutions_are_xla_s_own_and_precise(exported):
    text = exported.mlir_module()
    # Three, and one in each stage; JAX may write each of them for each platform.
    assert text.count("stablehlo.convolution(") in (7, 14)
    assert "HIGHEST" in text
    assert "DEFAULT" not in text


def test_wrong_images_fail_loudly(exported):
    height, width = given.SIZE
    for shape, kind in (
        ((1, height - 1, width, 3), np.uint8),
        ((1, height, width, 1), np.uint8),
        ((1, height, width, 3), np.float32),
    ):
        with pytest.raises(ValueError, match="mismatch"):
            exported.call(np.zeros(shape, kind))


def test_what_it_needs_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install flatbuffers"):
        stablehlo(given.models()["shipped"], modality="visible", image_size=given.SIZE)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="modality='rgb' must be one of"):
        stablehlo(given.models()["shipped"], modality="rgb", image_size=given.SIZE)
