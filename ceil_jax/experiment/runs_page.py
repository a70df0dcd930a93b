"""The page over several runs of a folder: seeds, splits, or settings of a sweep."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from ceil_jax.common import extras
from ceil_jax.common.errors import UserError
from ceil_jax.common.files import explained, read_json, write_whole
from ceil_jax.evaluation.results import Results
from ceil_jax.experiment import damaged, results_files, settings
from ceil_jax.experiment.announce import warn
from ceil_jax.experiment.workdir import SWEEP, kind_of, seeds_in, splits_in

PAGE = "runs.html"


def write(workdir: Path) -> Path:
    """Make the page over all runs of a folder, finished or not.

    Args:
        workdir: The folder of all.

    Returns:
        The page.

    Raises:
        UserError: It holds no runs, or its list of settings is damaged.
        MissingExtraError: What draws pages is not installed.
        OSError: It cannot be written.
    """
    extras.require("pages", PAGE)
    from ceil_jax.report import runs, runs_page

    kind = kind_of(workdir)
    if not kind:
        raise UserError(f"{workdir} holds no runs of --seeds, --mode trials or sweep")
    mean = results_files.beside(workdir / results_files.OWN, results_files.PAGE)
    found = runs.Runs(
        workdir.resolve().name,
        kind,
        [_run(workdir, *each) for each in _folders(workdir, kind)],
        mean.name if kind == runs.SPLITS and mean.exists() else "",
    )
    path = workdir / PAGE
    write_whole(path, runs_page.html(found))
    return path


def keep_up(workdir: Path) -> None:
    """Make the page anew while runs go on; what goes wrong stops none of them.

    Args:
        workdir: The folder of all.
    """
    if extras.missing("pages"):
        return
    try:
        write(workdir)
    except (UserError, OSError) as error:
        warn(f"{PAGE} is not written: {_reason(error, workdir)}")


def finish(workdir: Path) -> None:
    """Make the page when all runs are done, and say where it is.

    Args:
        workdir: The folder of all.
    """
    if absent := ", ".join(extras.missing("pages")):
        warn(
            f"{PAGE} is not written: it needs {absent}, installed by the extra [pages]"
        )
        return
    keep_up(workdir)
    if (workdir / PAGE).exists():
        print(f"all of them on one page: {workdir / PAGE}", flush=True)


def _reason(error: Exception, workdir: Path) -> str:
    if isinstance(error, OSError) and not isinstance(error, UserError):
        return explained(error, workdir / PAGE)
    return str(error)


def _folders(workdir: Path, kind: str) -> list[tuple[str, str, Path]]:
    """Name, mark and folder of each run."""
    if kind == "splits":
        return [(f"split {n}", str(n), path) for n, path in splits_in(workdir).items()]
    if kind == "seeds":
        return [(f"seed {n}", str(n), path) for n, path in seeds_in(workdir).items()]
    try:
        runs = read_json(workdir / SWEEP)["runs"]
        named = [
            (", ".join(f"{k}={v}" for k, v in run["overrides"].items()), run["folder"])
            for run in runs
        ]
        return [
            (name, str(place), workdir / Path(folder).name)
            for place, (name, folder) in enumerate(named, 1)
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{workdir / SWEEP}: not readable: {damaged.reason(error)}"
        ) from error


def _run(workdir: Path, name: str, mark: str, folder: Path) -> Any:
    """What the page shows of a run; its own files may be missing."""
    from ceil_jax.experiment import page  # needs what draws pages
    from ceil_jax.report.runs import OneRun

    seeds = seeds_in(folder)
    found = [_results(each) for each in (seeds.values() if seeds else (folder,))]
    results = tuple(each for each in found if each is not None)
    pages = [p for p in (folder / PAGE, folder / results_files.PAGE) if p.exists()]
    near = pages[0].relative_to(workdir).as_posix() if pages else ""
    epochs = page.epochs(next(iter(seeds.values())) if seeds else folder, quiet=True)
    state = "" if results else _state(folder, len(epochs))
    if seeds and len(results) < len(seeds):
        state = f"{len(results)} of {len(seeds)} seeds have figures"
    return OneRun(name, mark, results, state, quote(near), epochs)


def _results(folder: Path) -> Results | None:
    path = folder / results_files.OWN
    if not path.exists():
        return None
    try:
        return Results.from_json(read_json(path))
    except (OSError, ValueError) as error:
        warn(f"{path} is left out: {damaged.reason(error)}")
        return None


def _state(folder: Path, done: int) -> str:
    """What a run without figures is doing."""
    path = folder / "config.json"
    if not path.exists():
        return "not begun"
    try:
        total = settings.read(path).num_epochs
    except UserError:
        return f"{done} epochs"
    if done >= total:
        return f"all {total} epochs, no figures"
    return f"epoch {done} of {total}"
