"""PyTorch's weights in PyTorch's own model of the released names."""

import subprocess
import sys

import jax
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from benchmarks.released.encoder import TwoStream
from ceil_jax import weights
from ceil_jax.common.errors import UserError
from ceil_jax.model import export
from ceil_jax.model.export import torch as torch_lib
from ceil_jax.pretrained import SYNTHETIC
from tests.ceil_jax.model.export import given
from tests.repo import source

READERS = {
    ".safetensors": load_file,
    ".pth": lambda path: torch.load(path, weights_only=True),
}


@pytest.mark.parametrize("suffix", READERS)
@pytest.mark.parametrize("model", ["shipped", "deep"])
def test_rows_are_ours(tmp_path, model, suffix):
    variables = given.models()[model]
    path = tmp_path / f"model{suffix}"
    assert export.write_torch(path, variables, image_size=given.SIZE) == (path,)
    module = TwoStream(*weights.architecture(variables))
    del module.classifier  # of the training's labels
    module.load_state_dict(READERS[suffix](path), strict=True)
    module.eval()
    images = [given.read(modality) for modality in given.MODALITIES]
    given_to_it = [torch.from_numpy(given.fed("boxmot", x)) for x in images]
    with torch.no_grad():
        got = module(*given_to_it).numpy()
    pairs = zip(given.MODALITIES, images, strict=True)
    want = np.concatenate([given.rows(variables, m, x) for m, x in pairs])
    np.testing.assert_allclose(got, want, atol=1e-5, rtol=0)


@pytest.mark.parametrize("suffix", READERS)
def test_we_read_what_we_write(tmp_path, suffix):
    variables = given.models()["deep"]
    path = tmp_path / f"model{suffix}"
    export.write_torch(path, variables, image_size=given.SIZE)
    jax.tree.map(np.testing.assert_array_equal, weights.load(path), variables)


def test_the_file_says_what_it_is(tmp_path):
    path = tmp_path / "model.safetensors"
    export.write_torch(path, given.models()["deep"], image_size=given.SIZE)
    with safe_open(path, framework="numpy") as file:
        told = file.metadata()
    assert told["format"] == "pt"
    assert told["ceil.size"] == "[96, 48]"
    assert '"width": 8' in told["ceil.architecture"]


def test_wrong_names_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.safetensors or \.pth"):
        export.write_torch(
            tmp_path / "model.pt", given.models()["deep"], image_size=given.SIZE
        )


def test_a_pth_file_needs_torch(tmp_path, monkeypatch):
    monkeypatch.setattr(torch_lib, "has_torch", lambda: False)
    with pytest.raises(UserError, match="pip install torch, or write"):
        export.write_torch(
            tmp_path / "model.pth", given.models()["deep"], image_size=given.SIZE
        )
    assert not list(tmp_path.iterdir())


def test_torch_is_not_imported_for_safetensors(tmp_path):
    code = f"""
import sys
from pathlib import Path
from ceil_jax import weights
from ceil_jax.model import export
variables = weights.load({str(SYNTHETIC)!r})
export.write_torch(Path({str(tmp_path)!r}, "a.safetensors"), variables,
                   image_size=(64, 32))
assert export.TARGETS
assert not {{"torch", "onnx"}} & sys.modules.keys()
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=source.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
