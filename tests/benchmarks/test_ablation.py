"""The ladder's runs differ in what they say, and gains are paired by seed."""

import json

import numpy as np
import pytest

from benchmarks import ablation, program
from configs import synthetic


def run(rank1, mean_ap, re_ranked):
    figures = {"rank1": {"mean": rank1}, "mAP": {"mean": mean_ap}}
    gcr = {"rank1": {"mean": re_ranked}, "mAP": {"mean": re_ranked + 1}}
    mode = {"plain": figures, "gcr": gcr}
    return {"results": {"modes": {"all": mode}}, "seconds": 1.0}


@pytest.fixture
def runs():
    rank1 = ((10, 20), (14, 22), (13, 30), (20, 31))
    return {
        rung: {str(s): run(v, v + 2, v + 9) for s, v in enumerate(values, 1)}
        for rung, values in zip(ablation.RUNGS, rank1, strict=True)
    }


def test_rungs_are_of_equal_length_and_differ_in_their_part_alone():
    epochs = synthetic.get_config().num_epochs
    for rung in list(ablation.RUNGS)[:3]:
        words = ablation.flags_of(rung, 4)
        assert f"--config.stage1_epochs={epochs}" in words
        assert "--config.stage2_epochs=0" in words
    ladder = [set(ablation.flags_of(rung, 4)) for rung in ablation.RUNGS]
    assert {"--config.seed=4", "--config.synthetic.seed=3"} <= ladder[3]
    assert ladder[0] - ladder[1] == {ablation.INFO_NCE}
    assert ladder[1] - ladder[2] == {ablation.MOMENTUM}
    assert not ladder[1] - ladder[0]
    assert not ladder[3] - ladder[2]


def test_gains_are_paired_and_the_last_rung_is_the_one_before_re_ranked(runs):
    figures = ablation.figures_of(runs, "all", "plain", "rank1")
    gains = {k: v.tolist() for k, v in ablation.gains(figures).items()}
    assert gains == {
        "+ CDL": [4, 2],
        "+ DCMU": [-1, 8],
        "+ PCM": [7, 1],
        "+ GCR": [9, 9],
    }


def test_the_table_shows_mean_range_spread_and_seeds(runs):
    lines = ablation.table(runs, "all", "plain").splitlines()
    cells = [cell.strip() for cell in lines[4].split("|")[1:-1]]
    # Gains -1 and 8: mean 3.5, deviation sqrt(4.5**2 + 4.5**2) = 6.4.
    gain = "+3.5 ± 6.4"
    means = ["21.5 (13.0-30.0)", "23.5 (15.0-32.0)"]
    assert cells == ["+ DCMU", *means, gain, "-1.0, +8.0", gain]
    assert "re-ranked" in ablation.table(runs, "all", "gcr")


def test_the_plot_draws_every_seed_and_the_mean(runs):
    for axes in ablation.plot(runs).axes:
        assert len(axes.lines) == 3
        assert [np.size(line.get_xdata()) for line in axes.lines] == [5, 5, 5]


def test_a_finished_run_is_read_and_one_of_other_flags_refused(tmp_path):
    (tmp_path / "finished.json").write_text(
        json.dumps({"flags": ["--config.seed=1"], "seconds": 5.0})
    )
    (tmp_path / "config.json").write_text(json.dumps({"init_from": "a/b.safetensors"}))
    (tmp_path / "results.json").write_text(json.dumps({"modes": {}}))
    assert program.train(["--config.seed=1"], tmp_path) == {
        "results": {"modes": {}},
        "config": {"init_from": "b.safetensors"},
        "seconds": 5.0,
    }
    with pytest.raises(ValueError, match="give another --output"):
        program.train(["--config.seed=2"], tmp_path)
