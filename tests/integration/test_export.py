"""The model of a run in other programs gives the rows of its embeddings.npz."""

import numpy as np
import onnxruntime

from ceil_jax import main
from ceil_jax.experiment import settings, sources


def test_a_run_s_model_is_that_of_its_embeddings(whole, tmp_path):
    trained, _ = whole
    workdir = tmp_path / "run"
    workdir.mkdir()
    (workdir / "checkpoints").symlink_to(trained / "checkpoints")
    (workdir / "config.json").write_bytes((trained / "config.json").read_bytes())
    path = tmp_path / "infrared.onnx"
    command = ["main", f"--workdir={workdir}", "--mode=export"]
    assert main.main(command) == 0
    words = ["--format=onnx", "--modality=infrared", f"--output={path}"]
    assert main.main([*command, *words]) == 0
    with np.load(workdir / "embeddings.npz") as file:
        chosen = (file["modality"] == "infrared") & (file["split"] == "test")
        want = file["features"][chosen][:9]
    config = settings.read(workdir / "config.json")
    images = sources.load_images(config).test_infrared.images.take(np.arange(9))
    (rows,) = onnxruntime.InferenceSession(path).run(None, {"images": images})
    np.testing.assert_allclose(np.asarray(rows), want, atol=1e-5, rtol=0)
