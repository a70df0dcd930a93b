"""What `--sweep` asks for: values, combinations, names of folders."""

import pytest

from ceil_jax import main
from ceil_jax.common.errors import UserError
from ceil_jax.experiment import sweeps
from tests.repo import source

MANY = ",".join(map(str, range(1, 41)))
CONFIG = f"--config={source.ROOT / 'configs' / 'synthetic.py'}"


def parse(*texts):
    words = [f"--sweep={text}" for text in texts]
    return main.parse(["main", CONFIG, "--workdir=w", "--mode=sweep", *words])


def test_every_combination_with_the_last_field_first():
    command = parse("config.objective.temperature=0.05,0.07", "config.rerank.k1=20,28")
    found = [
        (v.config.objective.temperature, v.config.rerank.k1) for v in command.variants
    ]
    assert found == [(0.05, 20), (0.05, 28), (0.07, 20), (0.07, 28)]
    first = command.variants[0]
    assert first.name == first.folder == "objective.temperature=0.05,rerank.k1=20"
    assert first.overrides == ("objective.temperature=0.05", "rerank.k1=20")
    assert command.config.rerank.k1 == 28  # the file's own


def test_values_with_commas_and_quotes():
    command = parse("config.image_size=(64, 32),(32,16)", "config.data_dir='a,b'")
    assert [v.config.image_size for v in command.variants] == [(64, 32), (32, 16)]
    assert {v.config.data_dir for v in command.variants} == {"a,b"}
    folder = command.variants[0].folder
    assert folder.startswith("image_size=_64,_32_,data_dir=a,b-")
    assert len({v.folder for v in command.variants}) == 2


def test_names_that_are_no_folders_are_told_apart():
    names = ["data_dir=a/b", "data_dir=a_b", "data_dir=a:b", "x=" + 300 * "1"]
    folders = [sweeps.folder_of(name) for name in names]
    assert folders[1] == "data_dir=a_b"
    assert len({*folders}) == 4
    assert all("/" not in folder and len(folder) <= 130 for folder in folders)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["config.temperature=1,2"], "the field is --config.objective.temperature"),
        (["config.seed"], "must be a field and its values, such as config.obj"),
        (["seed=1,2"], "must be a field and its values"),
        (["config.seed=1,,2"], "a value is empty"),
        (["config.seed=1,1"], "a value stands there twice"),
        (["config.seed=1", "config.seed=2"], "config.seed is given twice"),
        (["config.seed=1,two"], "config.seed='two'"),
        (["config.clustering.eps=0.5,1.5"], "config.clustering.eps=1.5"),
        (
            [f"config.{name}={MANY}" for name in ("seed", "trial")],
            "asks for 1,600 trainings, at most 1,000",
        ),
    ],
)
def test_mistakes(texts, said):
    with pytest.raises(UserError, match=said):
        parse(*texts)


def test_what_a_sweep_needs():
    with pytest.raises(UserError, match="--sweep is missing with --mode sweep: give a"):
        main.parse(["main", CONFIG, "--workdir=w", "--mode=sweep"])
    with pytest.raises(UserError, match="--sweep is not used by --mode train"):
        main.parse(["main", CONFIG, "--workdir=w", "--sweep=config.seed=1"])
