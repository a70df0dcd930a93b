import re
from pathlib import Path

import numpy as np
import pytest

from tests.parity import replay

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
FILES = sorted(GOLDEN.glob("*.npz"))


def altered(tmp_path, name, **arrays):
    """A copy of a reference file with some arrays changed or, if None, left out."""
    with np.load(GOLDEN / f"{name}.npz") as archive:
        content = dict(archive) | arrays
    path = tmp_path / f"{name}.npz"
    np.savez(path, **{k: v for k, v in content.items() if v is not None})
    return path


SLOW = ("f_cross_memory", "k_optim")  # most of a minute each, compiling


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[pytest.mark.slow] * (path.stem in SLOW))
        for path in FILES
    ],
)
def test_reference_file(path):
    passed, text = replay.replay_file(path)
    assert passed, text


def test_only_one_file_is_skipped(capsys):
    skipped = [path for path in FILES if path.stem.startswith("b_gcrv")]
    assert replay.main([str(path) for path in skipped]) == 0
    assert capsys.readouterr().out.startswith("SKIPPED b_gcrv: ")
    assert set(replay.SKIPPED) == {"b_gcrv"}


def test_every_group_has_a_function():
    for path in FILES:
        assert callable(replay.replay_of(path.stem))


def test_a_line_for_each_file(capsys):
    names = ["g_match_equal", "a_gcr_k2is1"]
    assert replay.main([str(GOLDEN / f"{name}.npz") for name in names]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"ok  {n}" for n in names]
    assert re.search(r" similarity=\d(\.\d)?e-\d\d \(1e-05\)(,|$)", lines[0])
    assert re.search(r" r2i=0 \(0\)(,|$)", lines[0])


def test_a_line_shows_errors_with_their_tolerances():
    figures = {
        "losses": (2.44e-7, 1e-4),
        "same": (0.0, 1e-5),
        "widened": (1.04e-5, 2.6e-5),
        "labels": (12.0, 0.0),
        "nan": (float("nan"), 1e-3),
    }
    assert replay.line("t_x", figures) == (
        "OUT t_x: losses=2.4e-07 (1e-04), same=0 (1e-05), widened=1.0e-05 (2.6e-05), "
        "labels=12 (0) <-- OUT, nan=nan (1e-03) <-- OUT"
    )
    assert replay.line("t_x", {"labels": (0.0, 0.0)}) == "ok  t_x: labels=0 (0)"


@pytest.mark.parametrize(
    ("name", "key", "change"),
    [
        ("a_gcr_k2is1", "similarity", lambda x: x + 3e-5),
        ("a_gcr_k2is1", "similarity", lambda x: x * np.nan),
        ("a_gcr_k2is1", "similarity", lambda x: x[:-1]),
        ("a_gcr_sysu_full", "initial_rank", lambda x: x[:, ::-1]),
        ("b_rerank", "kr_neg_final_dist", lambda x: x.T),
        ("c_cluster", "ir_pseudo_labels", lambda x: x + 1),
        ("c_cluster", "rgb_jaccard", lambda x: np.where(x == x.max(), 0.999, x)),
        ("g_match_rgb_gt", "r2i", lambda x: x[::-1]),
    ],
)
def test_a_corrupted_array_is_found(tmp_path, capsys, name, key, change):
    with np.load(GOLDEN / f"{name}.npz") as archive:
        path = altered(tmp_path, name, **{key: change(archive[key])})
    good = GOLDEN / "g_match_equal.npz"
    assert replay.main([str(path), str(good)]) == 1
    bad_line, good_line = capsys.readouterr().out.splitlines()
    assert bad_line.startswith(f"OUT {name}: ")
    assert good_line.startswith("ok  g_match_equal: ")


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("a_gcr_sysu_full", ["initial_rank", "D", "S_sq_k2", "A_build", "A_prop_1"]),
        ("a_gcr_nocam_full", ["has_cams", "boundary_gap"]),
        ("b_rerank", ["gcn_A_final_prenorm", "kr_neg_final_dist_k2is1"]),
        ("c_cluster", ["rgb_faiss_rank", "ir_class_centers", "rgb_label2proxy"]),
        ("g_match_rgb_lt", ["similarity", "cost", "similarity_rows_is_rgb"]),
    ],
)
def test_figures_that_a_file_leaves_out_are_not_missed(tmp_path, name, left_out):
    path = altered(tmp_path, name, **dict.fromkeys(left_out))
    passed, text = replay.replay_file(path)
    assert passed, text


def test_other_sizes_and_names_are_taken(tmp_path):
    with np.load(GOLDEN / "g_match_rgb_gt.npz") as archive:
        np.savez(tmp_path / "g_anything_else.npz", **archive)
    assert replay.main([str(tmp_path)]) == 0


def test_unknown_and_unreadable_files_fail(tmp_path, capsys):
    (tmp_path / "a_text.npz").write_text("no archive")
    np.savez(tmp_path / "x_new.npz", a=np.ones(2))
    np.savez(tmp_path / "g_empty.npz", a=np.ones(2))
    np.savez(tmp_path / "a_pickle.npz", a=np.array([{}], dtype=object))
    assert replay.main([str(tmp_path)]) == 1
    pickled, text, empty, unknown = capsys.readouterr().out.splitlines()
    assert pickled.startswith("OUT a_pickle: ValueError: cannot be read")
    assert text.startswith("OUT a_text: ValueError: cannot be read")
    assert empty.startswith("OUT g_empty: KeyError")
    assert unknown.startswith("OUT x_new: not of a known group")


def test_a_path_that_is_missing_ends_with_status_2(tmp_path, capsys):
    assert replay.main([str(GOLDEN / "g_match_equal.npz"), str(tmp_path / "no")]) == 2
    assert replay.main([str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    first, second = captured.err.splitlines()
    assert first.endswith("no does not exist")
    assert second.endswith("holds no .npz file")
