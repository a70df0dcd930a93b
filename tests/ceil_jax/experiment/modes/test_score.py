"""Scoring features by name: their figures, and what is told of them."""

import json

import numpy as np
import pytest

from ceil_jax.datasets import named
from ceil_jax.evaluation.results import FIGURES
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.modes import score
from tests.ceil_jax.datasets import trees
from tests.ceil_jax.evaluation.test_permutations import cell, write

UNKNOWN = "the features do not tell which people they were trained on: if any is among"


pytestmark = pytest.mark.usefixtures("own_cache")


def listed(config, trial: int | None = 1):
    given = {"data_dir": config.data_dir, "options": {"allow_partial": True}}
    return named.list_tests(config.dataset, trial=trial, **given)


def columns_of(config, trial: int | None = 1, noise=0.0):
    """Names of the test images, and a row for each that points to its person."""
    sides = listed(config, trial)[:2]
    identities = np.concatenate([side.identities for side in sides])
    rng = np.random.default_rng(0)
    rows = np.eye(16)[identities] + noise * rng.normal(size=(len(identities), 16))
    return np.concatenate([side.names for side in sides]), rows


def save(path, names, rows):
    np.savez(path, name=names, features=rows)
    return [str(path)]


def read(path):
    return json.loads(path.read_text())


def test_perfect_features_find_everyone(config, tmp_path, capsys):
    names, rows = columns_of(config)
    order = np.random.default_rng(1).permutation(len(names))
    files = save(tmp_path / "mine.npz", names[order], 3 * rows[order])
    results = score.score_features(config, tmp_path / "out", files)
    record = read(tmp_path / "out" / "results.json")
    assert [*record["modes"]] == ["visible_to_infrared", "infrared_to_visible"]
    for mode in record["modes"].values():
        for kind in ("plain", "gcr"):
            assert [mode[kind][name]["mean"] for name in FIGURES] == [100] * 6
    facts = ("protocol", "sampling", "checkpoint", "split", "seed", "comparable")
    assert [record[fact] for fact in facts] == [
        *("regdb", "none", "features mine.npz", 1, None, False),
    ]
    assert record["trained_with"] is None
    assert record["evaluated_with"]["rerank.k1"] == 4
    assert record["features"] == {
        "rows": 32,
        "dimension": 16,
        "dtype": "float64",
        "normalised": True,
        "scaled": False,
        "digest": record["engine"]["model"],
    }
    assert record["warnings"] == list(results.warnings)
    assert "not whole" in record["warnings"][0]
    assert record["warnings"][1].startswith(f"{UNKNOWN} the test images of split 1, as")
    out, error = capsys.readouterr()
    assert out.startswith(
        "32 rows of 16 numbers: one for each of the 32 test images, normalised to "
        "length 1\n"
    )
    assert "checkpoint features mine.npz" in out
    assert f"written to {tmp_path / 'out' / 'results.json'}" in out
    assert error.count("warning: ") == 2
    assert read(tmp_path / "out" / "config.json")["dataset"] == "regdb"


def test_figures_by_hand(tmp_path):
    """Two people of two images in either modality; one infrared row is mistaken."""
    data = trees.write_regdb(tmp_path / "RegDB", num_identities=4, images=2)
    config = Config(dataset="regdb", data_dir=str(data), allow_partial=True)
    config.rerank.k1, config.rerank.k2 = 3, 1
    visible, infrared, *_ = listed(config)
    first, second = np.unique(visible.identities)
    vectors = {first: [1.0, 0.0], second: [0.0, 1.0]}
    rows = [vectors[i] for i in (*visible.identities, *infrared.identities)]
    mistaken = len(visible) + np.flatnonzero(infrared.identities == first)[0]
    rows[mistaken] = [0.28, 0.96]  # nearer to the second person
    names = [*visible.names, *infrared.names]
    files = save(tmp_path / "f.npz", names, np.array(rows))
    results = score.score_features(config, tmp_path / "out", files)
    across = results.modes["visible_to_infrared"].plain
    # The first person's queries rank: right, mistaken (right), wrong, wrong. The
    # second's: right, right, the mistaken one, wrong.
    assert across["rank1"].mean == 100
    assert across["mAP"].mean == 100
    back = results.modes["infrared_to_visible"].plain
    # The mistaken query finds two wrong ones first: AP (1/3 + 2/4) / 2.
    assert back["rank1"].mean == 75
    assert back["mAP"].mean == pytest.approx(100 * (3 + 5 / 12) / 4)
    assert back["mINP"].mean == pytest.approx(100 * (3 + 1 / 2) / 4)


def test_rows_may_come_in_any_file_and_form(config, tmp_path):
    names, rows = columns_of(config, noise=0.4)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    want = score.score_features(
        config, tmp_path / "want", save(tmp_path / "f.npz", names, rows)
    )
    assert 30 < want.modes["visible_to_infrared"].plain["rank1"].mean < 100
    visible = np.char.startswith(names, "Visible/")
    parts = []
    for number, part in enumerate((~visible, visible)):
        np.save(tmp_path / f"{number}.npy", rows[part])
        listed = "\n".join(f"/data/RegDB/{name}" for name in names[part])
        (tmp_path / f"{number}.txt").write_text(listed)
        parts.append((str(tmp_path / f"{number}.npy"), str(tmp_path / f"{number}.txt")))
    files, lists = zip(*parts, strict=True)
    got = score.score_features(config, tmp_path / "got", files, lists)
    assert got.modes == want.modes
    assert got.checkpoint == "features 0.npy, 1.npy"
    digests = [
        read(tmp_path / name / "results.json")["engine"]["model"]
        for name in ("got", "want")
    ]
    assert digests[0] == digests[1]


def test_lengths_of_an_export_are_put_back(config, tmp_path, capsys):
    """Rows of equal direction: the longest is found first, whoever asks."""
    names, rows = columns_of(config)
    rows[:] = 0.5  # of length 2, all alike
    people = np.array([int(name.split("/")[1]) for name in names])
    lengths = np.where(people == people.min(), 0.9, 0.3)
    np.savez(tmp_path / "f.npz", name=names, features=rows, length=lengths)
    files = [str(tmp_path / "f.npz")]
    results = score.score_features(config, tmp_path / "out", files)
    rank1 = results.modes["visible_to_infrared"].plain["rank1"].mean
    assert rank1 == 25  # the queries of that person, one of four
    record = read(tmp_path / "out" / "results.json")
    assert record["features"]["scaled"] is True
    assert (
        "normalised to length 1, times the file's length\n" in capsys.readouterr().out
    )


def test_other_features_of_the_same_name_are_no_repetition(config, tmp_path, capsys):
    names, rows = columns_of(config)
    folder = tmp_path / "out"
    for number, each in enumerate((rows, rows, rows[:, ::-1] + rows)):
        files = save(tmp_path / "f.npz", names, each)
        score.score_features(config, folder, files)
        said = capsys.readouterr().out
        assert ("measured before, see" in said) == (number == 1)
    assert (folder / "results.json").is_file()
    assert (folder / "rankings.npz").is_file()
    name = "regdb-none-1-features_f.npz"
    found = {path.name for path in (folder / "results").iterdir()}
    assert found == {f"{name}.{end}" for end in ("json", "rankings.npz", "html")}


def test_surplus_rows_are_counted(config, tmp_path, capsys):
    names, rows = columns_of(config)
    others = listed(config).others[:3]
    names = np.concatenate([names, others, ["stranger.bmp"], names[:1]])
    rows = np.concatenate([rows, np.zeros((3, 16)), np.full((1, 16), np.nan), rows[:1]])
    files = save(tmp_path / "f.npz", names, rows)
    score.score_features(config, tmp_path / "out", files)
    assert (
        "37 rows of 16 numbers: one for each of the 32 test images, of length 1 as "
        "they are; not used are 3 rows of other images of the data set and 1 of none\n"
    ) in capsys.readouterr().out


def test_one_model_on_all_splits(config, tmp_path):
    config.evaluation.protocol = "regdb_released"
    names, rows = columns_of(config, trial=None)
    files = save(tmp_path / "f.npz", names, rows)
    results = score.score_features(config, tmp_path / "out", files)
    assert (results.protocol, results.trials, results.split) == (
        *("regdb_released", 10),
        None,
    )
    assert "split" not in results.warnings[1]


@pytest.mark.parametrize(
    ("name", "sampling", "shots", "modes"),
    [
        ("sysu_mm01", "agw", 10, ["all", "indoor"]),
        ("llcm", "ceil", 1, ["visible_to_infrared", "infrared_to_visible"]),
        ("folder", "ceil", 1, ["visible_to_infrared", "infrared_to_visible"]),
    ],
)
def test_the_protocols_of_the_others(name, sampling, shots, modes, tmp_path):
    data = trees.TREES[name].write(tmp_path / "data")
    config = Config(dataset=name, data_dir=str(data), allow_partial=True)
    config.evaluation.sampling, config.evaluation.shots = sampling, shots
    config.rerank.auto = True
    names, rows = columns_of(config)
    files = save(tmp_path / "f.npz", names, rows)
    results = score.score_features(config, tmp_path / "out", files)
    assert [*results.modes][:2] == modes
    assert results.sampling == ("none" if name == "folder" else sampling)
    assert results.shots == shots
    assert results.rerank is None
    assert all(mode.rerank is not None for mode in results.modes.values())
    assert {mode.plain["mAP"].mean for mode in results.modes.values()} == {100}


def test_the_galleries_of_the_authors_of_sysu_mm01(tmp_path):
    """The first images of every camera are in one gallery, the second in the other."""
    data = trees.write_sysu(tmp_path / "data")
    people = [np.array([[1, 2], [2, 1]])] * 11
    write(data / "exp" / "rand_perm_cam.mat", [cell(people)] * 6)
    config = Config(dataset="sysu_mm01", data_dir=str(data), allow_partial=True)
    config.evaluation.sampling, config.evaluation.num_trials = "official", 2
    names, rows = columns_of(config)
    spoiled = np.char.endswith(names, "0002.jpg") & ~np.char.startswith(names, "cam3")
    rows[spoiled & ~np.char.startswith(names, "cam6")] = 1 / 4
    files = save(tmp_path / "f.npz", names, rows)
    results = score.score_features(config, tmp_path / "out", files)
    assert results.galleries == "rows 1-2 of rand_perm_cam.mat"
    figure = results.modes["all"].plain["mAP"]
    # All right in the first gallery; in the second all images tie.
    assert figure.mean + figure.std == pytest.approx(100)
    assert figure.std > 10


@pytest.mark.parametrize(
    ("dimension", "change", "expected"),
    [(2048, {}, True), (512, {}, False), (2048, {"num_trials": 3}, False)],
)
def test_what_stands_beside_the_published_figures(
    dimension, change, expected, tmp_path, monkeypatch
):
    data = trees.write_llcm(tmp_path / "data")
    config = Config(dataset="llcm", data_dir=str(data), allow_partial=True)
    tests = listed(config)._replace(warnings=())  # as if it were the whole
    monkeypatch.setattr(score.sources, "list_tests", lambda config: tests)
    for name, value in change.items():
        setattr(config.evaluation, name, value)
    names, rows = columns_of(config)
    rows = np.pad(rows, ((0, 0), (0, dimension - 16)))
    files = save(tmp_path / "f.npz", names, rows)
    results = score.score_features(config, tmp_path / "out", files)
    assert results.comparable == expected
    assert any("encoder and image size" in w for w in results.warnings) == expected
