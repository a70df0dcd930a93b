"""Features that cannot be scored: one line that names the file, nothing written."""

import numpy as np
import pytest

from ceil_jax import main
from ceil_jax.common.errors import DataError, UserError
from ceil_jax.experiment import compilation
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.modes import score
from ceil_jax.experiment.writer import Writer
from tests.ceil_jax.datasets import trees
from tests.ceil_jax.experiment.modes.test_score import columns_of, save

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def config(small_regdb):
    return Config(dataset="regdb", data_dir=str(small_regdb), allow_partial=True)


def changed(names, rows, number):
    """Columns that lack an image, have one twice, and so on."""
    other = rows.copy()
    other[3] = [np.nan, 0, 5, 0, 0, 1, 0, 0][number]
    return names, other


WRONG = {
    "an image without a row": (
        lambda n, r: (n[1:], r[1:]),
        "1 of 32 test images have no row, the first {first}",
    ),
    "no extension": (
        lambda n, r: (np.char.replace(n, ".bmp", ""), r),
        "32 of 32 test images have no row, the first {first}, ",
    ),
    "why no extension": (
        lambda n, r: (np.char.replace(n, ".bmp", ""), r),
        "and others (names of rows carry no extension, those of the images end in ",
    ),
    "another extension": (
        lambda n, r: (np.char.replace(n, ".bmp", ".png"), r),
        "(names of rows end in .png, those of the images end in .bmp)",
    ),
    "upper case": (
        lambda n, r: (np.char.replace(n, "Visible", "visible"), r),
        "16 of 32 test images have no row",
    ),
    "why upper case": (
        lambda n, r: (np.char.lower(n), r),
        "(upper and lower case differ)",
    ),
    "numbers": (
        lambda n, r: (np.arange(len(n)).astype(str), r),
        "(rows are called by numbers, such as '0', not by paths)",
    ),
    "other names": (
        lambda n, r: (np.char.add("x", n), r),
        "(rows of no image are called, e.g., 'xVisible/",
    ),
    "one modality": (
        lambda n, r: (n[:16], r[:16]),
        "16 of 32 test images have no row, the first Thermal/",
    ),
    "why one modality": (
        lambda n, r: (n[:16], r[:16]),
        "(no infrared image has a row: give the rows of both modalities, in one file "
        "or by --features twice)",
    ),
    "an image twice": (
        lambda n, r: (np.append(n, f"x/{n[0]}"), np.append(r, r[:1] + 1, axis=0)),
        "two rows of {first} differ: row 1, '{first}', and row 33, 'x/{first}'",
    ),
    "NaN": (lambda n, r: changed(n, r, 0), "the features of {fourth} are not finite"),
    "zeros": (lambda n, r: changed(n, r, 1), "the features of {fourth} are all zeros"),
    "no names": (lambda n, r: (n[1:], r), "32 rows of features, 31 names"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_features_are_one_line(kind, config, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(compilation, "use_cache", lambda folder: None)
    names, rows = columns_of(config)
    change, message = WRONG[kind]
    [path] = save(tmp_path / "f.npz", *change(names, rows))
    words = [f"--features={path}", f"--workdir={tmp_path / 'out'}", "--mode=score"]
    words += [f"--config.data_dir={config.data_dir}", "--config.allow_partial=True"]
    assert main.main(["main", "--config=regdb", *words]) == 2
    out, error = capsys.readouterr()
    *warnings, line = error.splitlines()
    assert all(each.startswith("warning: RegDB at") for each in warnings)
    assert line.startswith(f"error: {path}: ")
    assert message.format(first=names[0], fourth=names[3]) in line
    assert len(line.replace(path, "")) < 400
    assert out == ""
    assert not (tmp_path / "out").exists()


def test_the_features_of_another_split_name_it(config, tmp_path):
    columns = columns_of(config, trial=2)
    wanted, had = ({*columns_of(config, trial=t)[0].tolist()} for t in (1, 2))
    assert wanted & had  # some images are tested in both
    files = save(tmp_path / "f.npz", *columns)
    with pytest.raises(UserError, match=r"those of split 2: --config\.trial=2\)$"):
        score.score_features(config, tmp_path / "out", files)


def test_files_that_do_not_fit_together(config, tmp_path):
    names, rows = columns_of(config)
    files = save(tmp_path / "a.npz", names[:16], rows[:16])
    files += save(tmp_path / "b.npz", names[16:], rows[16:, :9])
    message = r"a\.npz has 16 numbers in a row, .*b\.npz 9: both must be of one model"
    with pytest.raises(UserError, match=message):
        score.score_features(config, tmp_path / "out", files)
    message = "--names is given 1 times, --features 2: give a file of names for each"
    with pytest.raises(UserError, match=message):
        score.score_features(config, tmp_path / "out", files, ["a.csv"])


@pytest.mark.parametrize("name", ["checkpoints", "metrics.jsonl"])
def test_the_folder_of_a_training_is_refused_first(name, config, tmp_path):
    (tmp_path / name).mkdir()
    with pytest.raises(UserError, match=rf"--workdir=.* holds a training \({name}\): "):
        score.score_features(config, tmp_path, ["no.npz"])


def test_the_folder_of_several_splits_is_refused(config, tmp_path):
    (tmp_path / "trial_01").mkdir()
    with pytest.raises(UserError, match="holds the splits of --mode trials"):
        score.score_features(config, tmp_path, ["no.npz"])


def test_the_folder_of_another_process_is_refused(config, tmp_path):
    files = save(tmp_path / "f.npz", *columns_of(config))
    folder = tmp_path / "out"
    message = r"out is in use: process .* has been scoring there since"
    with Writer(folder, "scoring"), pytest.raises(UserError, match=message):
        score.score_features(config, folder, files)
    assert not (tmp_path / "out").exists()


def test_a_data_folder_is_needed(config, tmp_path):
    files = save(tmp_path / "f.npz", *columns_of(config))
    config.data_dir = ""
    with pytest.raises(DataError, match="RegDB needs data_dir"):
        score.score_features(config, tmp_path / "out", files)
    config.data_dir = str(tmp_path / "none")
    with pytest.raises(DataError, match="no such data folder"):
        score.score_features(config, tmp_path / "out", files)


def test_a_folder_without_test_images(tmp_path):
    data = tmp_path / "data"
    trees.write_image(data / "visible" / "door" / "1.png", 1, 1, 0)
    config = Config(dataset="folder", data_dir=str(data))
    files = save(tmp_path / "f.npz", np.array(["a.png"]), np.ones((1, 2)))
    with pytest.raises(UserError, match="there are no test images to score"):
        score.score_features(config, tmp_path / "out", files)
