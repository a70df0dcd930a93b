"""The file of what every query found: whole, missing, damaged."""

import numpy as np
import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.evaluation import rankings
from ceil_jax.evaluation.rankings import Cells, EachQuery, Images, Lists, ModeRankings


def found():
    """One query of a search without re-ranking."""
    images = Images(np.array(["a/é 1.jpg"]), np.array([7]), np.array([2]))
    lists = Lists(*(np.zeros((1, 1), t) for t in ("i4", "f4", "i4", "i4", "?")))
    each = EachQuery(*(np.ones((1, 1), t) for t in ("f4", "f4", "i4")))
    cells = Cells(*np.ones((3, 1, 1), np.float32))
    cameras = np.array([2])
    kinds = {"plain": lists}, {"plain": each}, {"plain": cells}
    digests = np.array(["0" * 64])
    mode = ModeRankings(
        *("infrared", "visible", images, images, digests, cameras, cameras), *kinds
    )
    return {"all": mode}


@pytest.fixture
def path(tmp_path):
    rankings.save(tmp_path / "rankings.npz", found())
    return tmp_path / "rankings.npz"


def test_names_stay_as_they_are(path):
    mode = rankings.load(path)["all"]
    assert mode.query.names.tolist() == ["a/é 1.jpg"]
    assert list(mode.lists) == ["plain"]
    assert mode.query_modality == "infrared"


def test_it_is_plain_numpy(path):
    with np.load(path, allow_pickle=False) as stored:
        assert stored["modes"].tolist() == ["all"]
        assert stored["all/plain/lists/scores"].dtype == np.float32


def test_missing_damaged_or_of_another_version(path):
    with pytest.raises(UserError, match=r"nothing\.npz is missing: --mode evaluate"):
        rankings.load(path.with_name("nothing.npz"))
    content = path.read_bytes()
    for wrong in (b"", content[: len(content) // 2], b"\0" * 900):
        path.write_bytes(wrong)
        with pytest.raises(UserError, match=r"rankings\.npz is damaged"):
            rankings.load(path)
    np.savez(path, version=99, modes=np.array(["all"]))
    with pytest.raises(UserError, match="has version 99, this program reads 1"):
        rankings.load(path)


def test_a_full_disk_leaves_the_old_file(path, monkeypatch):
    before = path.read_bytes()

    def full(folder, num_bytes):
        assert num_bytes == len(before)
        raise OSError("no room")

    monkeypatch.setattr(rankings, "reserve", full)
    with pytest.raises(OSError, match="no room"):
        rankings.save(path, found())
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["rankings.npz"]
