"""Several training seeds and a sweep by the real program, and what compares them."""

import json

import pytest

from ceil_jax import main
from tests.integration import small
from tests.repo import source

CONFIG = f"--config={source.ROOT / 'configs' / 'synthetic.py'}"


@pytest.mark.slow
def test_seeds_are_trained_and_compared(shared, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chosen = small.config(shared)
    chosen.stage1_epochs, chosen.stage2_epochs = 3, 0
    chosen.evaluation.baselines = False
    words = [CONFIG, *small.words(chosen)]
    command = ["main", *words, "--workdir=seeds", "--seeds=1-2"]
    assert main.main(command) == 0
    found = json.loads((tmp_path / "seeds" / "seeds.json").read_text())
    by_seed = found["modes"]["all"]["plain"]["mAP"]["by_seed"]
    for seed in ("1", "2"):
        path = tmp_path / "seeds" / f"seed-{seed}" / "results.json"
        record = json.loads(path.read_text())
        assert record["seed"] == int(seed)
        assert record["modes"]["all"]["plain"]["mAP"]["mean"] == by_seed[seed]
    sweep = ["main", *words, "--workdir=sweep", "--mode=sweep"]
    assert main.main([*sweep, "--sweep=config.seed=1"]) == 0
    again = json.loads((tmp_path / "sweep" / "seed=1" / "results.json").read_text())
    assert again["modes"]["all"]["plain"]["mAP"]["mean"] == by_seed["1"]
    capsys.readouterr()
    assert main.main(["main", "--mode", "compare", "seeds", "seeds"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Too few training seeds for a verdict\n")
    runs = ["seeds/seed-1", "sweep/seed=1"]
    assert main.main(["main", "--mode", "compare", *runs]) == 0
    assert "config.seed" not in capsys.readouterr().out
    assert (tmp_path / "comparison.html").exists()
