"""The model folder: written whole, read back to the bit, never read damaged."""

import json
import os

import numpy as np
import pytest
from huggingface_hub import ModelCard
from safetensors.numpy import load_file

from ceil_jax import load, weights
from ceil_jax.common.errors import UserError
from ceil_jax.model import Model
from tests.ceil_jax.model.conftest import SIZE, info_of

FIGURES = {
    name: {"mean": 12.345, "std": 1.2}
    for name in ("rank1", "rank5", "rank10", "rank20", "mAP", "mINP")
}
RESULTS = {
    "protocol": "regdb",
    "sampling": "ceil",
    "trials": 10,
    "comparable": False,
    "rerank": {"k1": 28, "k2": 7, "camera_weight": 0.5},
    "warnings": ["part of the images is missing"],
    "modes": {"visible_to_infrared": {"plain": FIGURES, "gcr": FIGURES}},
    "evaluated_with": {"data_dir": "/data/of/mine/RegDB"},
}
TRAINING = {
    "dataset": "regdb",
    "trial": 3,
    "epoch": 12,
    "seed": 7,
    "selection": "last",
    "fingerprint": "ab12",
    "init_from": "RN50.pt",
    "trained_by": {"jax": "0.10.2", "processor": "some processor"},
    "config": {"data_dir": "/data/of/mine/RegDB", "seed": 7},
}


@pytest.fixture
def whole(variables):
    return Model(
        variables,
        info_of(
            variables,
            training=TRAINING,
            results=RESULTS,
            value_ranges={"infrared": (7000.0, 8200.0)},
            warnings=("started from random weights",),
        ),
    )


@pytest.fixture
def folder(whole, tmp_path):
    return whole.save(tmp_path / "models" / "mine")


def test_it_loads_as_it_was(whole, folder, pictures):
    again = load(folder)
    for name, tensor in weights.to_torch(whole.variables).items():
        got = weights.to_torch(again.variables)[name]
        np.testing.assert_array_equal(got, tensor)
    assert again.info.digest == whole.info.digest
    assert again.info.image_size == SIZE
    assert again.info.architecture == whole.info.architecture
    assert again.info.value_ranges == {"infrared": (7000.0, 8200.0)}
    assert (again.info.epoch, again.info.trained_on) == (12, "regdb, split 3")
    assert again.info.results
    assert again.info.results["modes"] == RESULTS["modes"]
    assert again.info.warnings == whole.info.warnings
    got, wanted = (m.embed(pictures[:2], "infrared") for m in (again, whole))
    np.testing.assert_array_equal(got, wanted)


def test_it_is_saved_again_the_same(folder, tmp_path):
    other = load(folder).save(tmp_path / "mine")
    for name in ("weights.safetensors", "config.json"):
        assert (folder / name).read_bytes() == (other / name).read_bytes()


def test_it_can_be_moved_and_its_card_be_changed(folder, tmp_path):
    (folder / "README.md").write_text("my own words")
    moved = folder.rename(tmp_path / "elsewhere")
    assert load(moved).info.source == "elsewhere"
    (moved / "README.md").unlink()
    load(str(moved) + "/")


def test_the_weights_are_the_released_names(whole, folder):
    tensors = load_file(folder / "weights.safetensors")
    assert "base_resnet.layer4.0.conv3.weight" in tensors
    assert tensors.keys() == weights.to_torch(whole.variables).keys()
    read = weights.load(folder / "weights.safetensors")
    assert weights.architecture(read) == whole.info.architecture


def test_others_may_read_it(folder):
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o444 == 0o666 & ~os.umask(0o022) & 0o444
    os.umask(0o022)


def test_it_tells_no_path_of_this_machine(folder):
    text = (folder / "config.json").read_text()
    assert "RegDB" in text
    assert "/data/of/mine" not in text
    assert str(folder.parent) not in text


def test_it_tells_no_path_in_a_sentence(variables, tmp_path):
    """As a scoring with `allow_partial` and a damaged checkpoint leave them."""
    place = "/data/of mine/RegDB"
    partial = (
        f"RegDB at {place} is not whole: the first {place}/Visible/1/a.bmp; 1/2 of it; "
        "the full list is in /var/cache/ceil_jax/wrong/RegDB-12.txt"
    )
    damaged = "/srv/lab/runs/checkpoints/4: the checkpoint of epoch 4 is damaged"
    about = info_of(
        variables,
        training=TRAINING | {"config": {"data_dir": place}, "init_from": "/x/RN50.pt"},
        results=RESULTS | {"warnings": [partial], "seen": ["C:\\me\\x.npz"]},
        calibration={"of": "/srv/lab/results.json", "warnings": [damaged]},
        warnings=(damaged, partial, "see https://doi.org/10.1/x"),
    )
    folder = Model(variables, about).save(tmp_path / "m")
    record = json.loads((folder / "config.json").read_text())
    told = (
        "RegDB at RegDB is not whole: the first a.bmp; 1/2 of it; the full list is in "
        "RegDB-12.txt"
    )
    short = "4: the checkpoint of epoch 4 is damaged"
    assert record["warnings"] == [short, told, "see https://doi.org/10.1/x"]
    assert record["results"]["warnings"] == [told]
    assert record["results"]["seen"] == ["x.npz"]
    assert record["training"]["config"] == {"data_dir": "RegDB"}
    assert record["training"]["init_from"] == "RN50.pt"
    assert record["calibration"] == {"of": "results.json", "warnings": [short]}
    card = (folder / "README.md").read_text()
    for line in (f"- {short}\n", f"- {told}\n", "| started from | RN50.pt |"):
        assert line in card
    for text in (card, (folder / "config.json").read_text()):
        assert not [p for p in ("/data", "mine", "/srv", "/var", "/x/") if p in text]
    assert load(folder).info.warnings == tuple(record["warnings"])


def test_the_hub_reads_the_card(folder):
    card = ModelCard.load(folder / "README.md")
    data = card.data.to_dict()
    assert data["library_name"] == "ceil-jax"
    assert data["pipeline_tag"] == "image-feature-extraction"
    assert data["datasets"] == ["regdb"]
    assert "person-re-identification" in data["tags"]
    assert "license" not in data
    assert card.text.strip().startswith("# small: visible-infrared")


def test_the_card_tells_figures_warnings_and_limits(folder):
    text = (folder / "README.md").read_text()
    figures = "12.35 ± 1.20 | " * 5 + "12.35 ± 1.20"
    assert f"| visible to infrared | plain | {figures} |" in text
    assert f"| visible to infrared | R | {figures} |" in text
    assert "k1 28, k2 7, camera_weight 0.5" in text
    assert "were not measured as the published ones are" in text
    for said in (
        "- part of the images is missing",
        "- started from random weights",
        "| data set | regdb, split 3 |",
        "| epoch | 12 |",
        "| range of infrared images of more than 8 bits | 7000 to 8200 |",
        "## Intended use and limits",
        load(folder).info.digest,
    ):
        assert said in text


def test_a_card_of_weights_without_a_past(model, tmp_path):
    text = (model.save(tmp_path / "m") / "README.md").read_text()
    assert "How it was trained is not recorded." in text
    assert "whom the model was trained on is not known" in text
    assert "The model was not scored." in text
    ModelCard.load(tmp_path / "m" / "README.md")


def test_generated_people_are_told(variables, tmp_path):
    training = TRAINING | {"dataset": "synthetic"}
    about = info_of(variables, training=training, results=RESULTS)
    text = (Model(variables, about).save(tmp_path / "m") / "README.md").read_text()
    assert "The people of this data set are generated" in text


def test_what_is_there_is_not_overwritten(model, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("full", "file"):
        with pytest.raises(UserError, match=f"{name} is not empty: a model folder is"):
            model.save(tmp_path / name)
    assert (tmp_path / "full" / "a.txt").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    load(model.save(tmp_path / "empty"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "file", "full"]


def test_a_place_that_cannot_be_written(model, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="cannot write the model: "):
        model.save(tmp_path / "file" / "m")


def changed(path, place: int):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("share", [0, 0.01, 0.2, 0.5, 0.8, 0.999])
@pytest.mark.parametrize("name", ["config.json", "weights.safetensors"])
def test_a_flipped_bit_is_seen(folder, name, share):
    path = folder / name
    changed(path, int(share * path.stat().st_size))
    with pytest.raises(UserError) as caught:
        load(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "change", "text"),
    [
        ("config.json", lambda p: p.unlink(), "there is no such file"),
        ("config.json", lambda p: p.write_text("[]"), "no JSON object"),
        ("config.json", lambda p: p.write_text("{"), "no JSON"),
        ("config.json", lambda p: p.write_text("{}"), "no configuration of a ceil-jax"),
        ("config.json", lambda p: edit(p, version=2), "of version 2, this program"),
        (
            "config.json",
            lambda p: edit(p, results=None),
            "changed since it was written",
        ),
        ("config.json", lambda p: edit(p, architecture=3), "lacks something"),
        ("weights.safetensors", lambda p: p.write_bytes(b""), "not a readable"),
        (
            "weights.safetensors",
            lambda p: p.write_bytes(p.read_bytes()[:90_000]),
            "not a readable .safetensors file",
        ),
    ],
)
def test_a_damaged_folder_is_named(folder, name, change, text):
    change(folder / name)
    with pytest.raises(UserError, match=text) as caught:
        load(folder)
    assert name in str(caught.value)


def edit(path, **fields):
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_weights_of_another_model_are_refused(folder, variables, tmp_path):
    other = {**variables, "params": {**variables["params"]}}
    other["params"]["norm"] = {"scale": np.full(512, 2, np.float32)}
    there = Model(other, info_of(other)).save(tmp_path / "other")
    (there / "weights.safetensors").replace(folder / "weights.safetensors")
    with pytest.raises(UserError, match="not the weights that were written with"):
        load(folder)
