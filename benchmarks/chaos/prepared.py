"""Every file of prepared data damaged in every way, then used."""

import shutil
from pathlib import Path

from benchmarks.chaos.bench import Bench
from benchmarks.chaos.damage import DAMAGES, files_of
from benchmarks.chaos.outcomes import (
    GOOD,
    Ended,
    difference,
    embeddings_of,
    judged,
)

KIND = "prepared"
SMALL_NUMBER = 2


def run(bench: Bench) -> None:
    """Train and export from damaged prepared data.

    Args:
        bench: The run.
    """
    source, trained = bench.halfway, bench.copied(bench.whole)  # prepares the data
    rng = bench.rng(KIND)
    words = ["--mode=export", f"--workdir={trained}"]
    bench.need(bench.call(words), 0)
    wanted = embeddings_of(trained / "embeddings.npz")
    trials = [
        (file, name)
        for file in files_of(bench.prepared)
        for name in DAMAGES
        if file.name != "lock"
    ]
    if bench.small:
        trials = rng.sample(trials, SMALL_NUMBER)
    for file, name in trials:
        for mode in ("export",) if bench.small else ("train", "export"):
            home = Path(shutil.copytree(bench.prepared, bench.new_folder("prepared")))
            DAMAGES[name](home / file, rng)
            if mode == "train":
                workdir = bench.copied(source)
                done = bench.finished(workdir, prepared=home)
                differs = bench.differs(workdir)
            else:
                workdir = bench.copied(trained)
                (workdir / "embeddings.npz").unlink()
                done = bench.call([*words[:1], f"--workdir={workdir}", _home(home)])
                path = workdir / "embeddings.npz"
                differs = difference(lambda path=path: embeddings_of(path), wanted)
            outcome, detail = judged(done, differs)
            title = f"{file.name}: {name}, {mode}"
            bench.tally.add(Ended(KIND, title, outcome, detail, done.command))
            if outcome in GOOD:
                shutil.rmtree(home)
                shutil.rmtree(workdir)


def _home(folder: Path) -> str:
    return f"--config.prepared_dir={folder}"
