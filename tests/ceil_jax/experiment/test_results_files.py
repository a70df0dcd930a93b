"""Which file an evaluation goes to, and that none is ever overwritten."""

import json

import pytest

from ceil_jax.experiment import results_files, settings
from ceil_jax.experiment.config import Config, to_dict


def record(checkpoint="epoch 9", model="m", k1=21, rank1=1.0, epochs=9):
    config = Config(stage1_epochs=epochs, stage2_epochs=0)
    config.rerank.k1 = k1
    return {
        "protocol": "regdb",
        "sampling": "none",
        "shots": 1,
        "checkpoint": checkpoint,
        "figures": rank1,
        "trained_with": to_dict(config),
        "evaluated_with": settings.evaluated_with(config),
        "engine": {"model": model},
    }


def figures(path):
    return json.loads(path.read_text())["figures"]


def test_own_figures_are_written_once(tmp_path):
    assert not results_files.is_evaluated(tmp_path)
    path, is_new = results_files.write(tmp_path, record(), own=True)
    assert (path, is_new) == (tmp_path / "results.json", True)
    assert results_files.is_evaluated(tmp_path)
    for own in (True, False):
        again = results_files.write(tmp_path, record(rank1=2.0), own=own)
        assert again == (path, False)
    assert figures(path) == 1.0


def test_others_stand_beside_them(tmp_path):
    own, _ = results_files.write(tmp_path, record(), own=True)
    folder = tmp_path / "results"
    for number, k1 in enumerate((3, 4, 5), 1):
        path, is_new = results_files.write(
            tmp_path, record(k1=k1, rank1=float(k1)), own=False
        )
        suffix = "" if number == 1 else f"-{number}"
        assert (path.name, is_new) == (f"regdb-none-1-epoch_9{suffix}.json", True)
    path, is_new = results_files.write(tmp_path, record(k1=4, rank1=0.0), own=False)
    assert (path, is_new) == (folder / "regdb-none-1-epoch_9-2.json", False)
    assert [figures(p) for p in (own, path)] == [1.0, 4.0]


def test_another_model_of_the_same_name_is_another_evaluation(tmp_path):
    results_files.write(tmp_path, record(), own=True)
    path, is_new = results_files.write(tmp_path, record(model="n"), own=False)
    assert (path.parent.name, is_new) == ("results", True)


@pytest.fixture
def parts():
    return results_files.PICTURE, results_files.RANKINGS


def test_figures_of_a_shorter_training_move_aside(tmp_path, parts):
    results_files.write(tmp_path, record(rank1=1.0), own=True)
    for part in parts:
        (tmp_path / part).write_text(f"old {part}")
    longer = record(checkpoint="epoch 12", model="n", rank1=2.0, epochs=12)
    path, is_new = results_files.write(tmp_path, longer, own=True)
    assert (figures(path), is_new) == (2.0, True)
    aside = tmp_path / "results" / "regdb-none-1-epoch_9.json"
    assert figures(aside) == 1.0
    for part in parts:
        assert results_files.beside(aside, part).read_text() == f"old {part}"
        assert not (tmp_path / part).exists()
    assert results_files.trained_epochs(tmp_path) == 12


def test_nothing_lies_beside_figures_that_it_is_not_of(tmp_path, parts):
    """Also where the program is killed before it writes what belongs to them."""
    results_files.write(tmp_path, record(), own=True)
    (tmp_path / "results").mkdir()
    aside = tmp_path / "results" / "regdb-none-1-epoch_9.json"
    aside.write_text(json.dumps(record()))
    for part in parts:
        (tmp_path / part).write_text("of an evaluation that stands aside, too")
    longer = record(checkpoint="epoch 12", model="n", epochs=12)
    assert results_files.write(tmp_path, longer, own=True)[1]
    assert not any((tmp_path / part).exists() for part in parts)
    # Likewise where somebody has deleted the figures alone.
    path = results_files.write(tmp_path, record(k1=3), own=False)[0]
    for part in parts:
        results_files.beside(path, part).write_text("of what was deleted")
    path.unlink()
    assert results_files.write(tmp_path, record(k1=3), own=False) == (path, True)
    assert not any(results_files.beside(path, part).exists() for part in parts)


def test_what_belongs_to_figures_is_named_as_they_are(tmp_path, parts):
    own = tmp_path / "results.json"
    found = [results_files.beside(own, part).name for part in parts]
    assert found == ["ranked_lists.png", "rankings.npz"]
    other = tmp_path / "results" / "a.b-1-c.pth.json"
    found = [results_files.beside(other, part) for part in parts]
    names = ["a.b-1-c.pth.png", "a.b-1-c.pth.rankings.npz"]
    assert found == [other.with_name(name) for name in names]


def test_a_file_of_an_older_version_is_kept(tmp_path):
    old = {k: v for k, v in record().items() if k not in ("evaluated_with", "engine")}
    (tmp_path / "results.json").write_text(json.dumps(old))
    path, is_new = results_files.write(tmp_path, record(rank1=5.0), own=True)
    assert (figures(path), is_new) == (5.0, True)
    (kept,) = (tmp_path / "results").iterdir()
    assert figures(kept) == 1.0


def test_names_are_safe():
    odd = record(checkpoint="weights a/b c.pth")
    assert results_files.name_of(odd) == "regdb-none-1-weights_a_b_c.pth"
