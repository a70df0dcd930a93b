"""What a run notes of itself, and what is told of where it started."""

import pytest

from ceil_jax import weights
from ceil_jax.common.errors import UserError
from ceil_jax.experiment import record, run, workdir
from ceil_jax.experiment.config import Config


def test_a_record_becomes_the_origin_of_a_checkpoint():
    noted = record.record_of(Config(dataset="regdb", seed=5, init_from="/a/b/RN50.pt"))
    assert noted["init_from"] == "RN50.pt"
    origin = record.origin_of(noted, 30, "best_on_test")
    assert origin == ("epoch 30", 5, "best_on_test", (), noted["config"])


@pytest.mark.parametrize(
    ("dataset", "init_from", "told"),
    [
        ("regdb", "", True),
        ("sysu_mm01", "", True),
        ("llcm", "", True),
        ("folder", "", True),
        ("regdb", "RN50.pt", False),
        ("synthetic", "", False),
    ],
)
def test_a_start_from_random_weights_is_told(dataset, init_from, told, capsys):
    config = Config(dataset=dataset, init_from=init_from)
    run.warn_of_start(config)
    want = f"warning: {weights.HOW_TO_GET}\n" if told else ""
    assert capsys.readouterr().err == want
    warnings = record.origin_of(record.record_of(config), 1).warnings
    assert warnings == ((weights.HOW_TO_GET,) if told else ())


@pytest.mark.parametrize(
    ("field", "value"),
    [("dataset", "llcm"), ("trial", 2), ("image_size", (96, 48))],
)
def test_a_model_is_not_scored_on_other_images(field, value):
    noted = record.record_of(Config())
    record.check_same_data(Config(), noted)
    other = Config()
    setattr(other, field, value)
    with pytest.raises(UserError, match=rf"config\.{field} is .* was trained with"):
        record.check_same_data(other, noted)


def test_generated_people_are_data_too():
    noted = record.record_of(Config(dataset="synthetic"))
    other = Config(dataset="synthetic")
    other.synthetic.seed = 9
    with pytest.raises(UserError, match=r"config\.synthetic is .*'seed': 9"):
        record.check_same_data(other, noted)


def test_the_folder_of_several_splits_is_not_one_runs(tmp_path):
    workdir.check_one_split(tmp_path / "new")
    (tmp_path / "trial_notes").mkdir()
    workdir.check_one_split(tmp_path)
    assert workdir.folder_of_split(tmp_path, 3).name == "trial_03"
    workdir.folder_of_split(tmp_path, 10).mkdir()
    with pytest.raises(UserError, match="holds the splits of --mode trials"):
        workdir.check_one_split(tmp_path)
