"""Run the project on reference files.

`python -m tests.parity.replay FILE_OR_FOLDER...`

The first letters of a file's name say what it holds. Each file gets a line with the
worst error of every figure and, in brackets, its tolerance: `losses=2.4e-07 (1e-04)`.
Figures that must be exact count the entries that are wrong: `labels=0 (0)`. Exit
status: 0 if all are within, 1 if a figure is out, a file is of no known group or
cannot be read, 2 if a path does not exist.
"""

import argparse
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

Figures = dict[str, tuple[float, float]]
Replay = Callable[[Mapping[str, np.ndarray], str], Figures]

# The longest prefix that fits wins.
REGISTRY = {
    "a_": "tests.parity.rerank:replay_gcr",
    "b_": "tests.parity.rerank:replay_rerank",
    "c_": "tests.parity.clustering:replay_clustering",
    "d_": "tests.parity.memory_losses:replay_memory",
    "e_": "tests.parity.memory_losses:replay_cdl",
    "f_": "tests.parity.memory_losses:replay_memory_losses",
    "g_": "tests.parity.matching:replay_matching",
    "h_": "tests.parity.evaluation:replay_evaluation",
    "i_": "tests.parity.memory_losses:replay_mmd",
    "j_": "tests.parity.encoder:replay_encoder",
    "k_": "tests.parity.optim:replay_optim",
    "l_": "tests.parity.augment:replay_augment",
    "m_": "tests.parity.sampler:replay_sampler",
    "t_": "tests.parity.step:replay_step",
}
SKIPPED = {
    "b_gcrv": "a camera-aware propagation that the method does not use",
}


def longest_prefix(name: str, table: Mapping[str, str]) -> str | None:
    """The longest key of a table that a name starts with, or None."""
    return max((p for p in table if name.startswith(p)), key=len, default=None)


def replay_of(name: str) -> Replay | None:
    """The function that replays a file of this name, or None for no known group."""
    prefix = longest_prefix(name, REGISTRY)
    if prefix is None:
        return None
    module, function = REGISTRY[prefix].split(":")
    return getattr(importlib.import_module(module), function)


def read(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a file.

    Raises:
        ValueError: It is not an archive of plain arrays, or it is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except Exception as error:
        raise ValueError(f"cannot be read: {error}") from error


def is_out(figure: tuple[float, float]) -> bool:
    """Whether an error is beyond its tolerance, or no number at all."""
    worst, tolerance = figure
    return not worst <= tolerance


def out_of_tolerance(figures: Figures) -> list[str]:
    """Names of the figures that are out of their tolerance."""
    return [name for name, figure in figures.items() if is_out(figure)]


def _number(value: float) -> str:
    """Two digits, or the one that says it all: 2.4e-07, 1e-04, 0."""
    if value == 0:
        return "0"
    one_digit = f"{value:.0e}"
    return one_digit if float(one_digit) == value else f"{value:.1e}"


def _shown(worst: float, tolerance: float) -> str:
    """A worst error with its tolerance; exact figures as a count."""
    error = f"{worst:g}" if tolerance == 0 else _number(worst)
    return f"{error} ({_number(tolerance)})"


def line(name: str, figures: Figures) -> str:
    """One line about a file: its verdict, then every figure, those out marked."""
    out = out_of_tolerance(figures)
    verdict = "OUT" if out or not figures else "ok"
    shown = ", ".join(
        f"{figure}={_shown(*value)}{' <-- OUT' if figure in out else ''}"
        for figure, value in figures.items()
    )
    return f"{verdict:3} {name}: {shown or 'nothing to compare'}"


def replay_file(path: Path) -> tuple[bool, str]:
    """Replay one file: whether it passed or is skipped, and its line."""
    name = path.stem
    skipped = longest_prefix(name, SKIPPED)
    if skipped is not None:
        return True, f"SKIPPED {name}: {SKIPPED[skipped]}"
    replay = replay_of(name)
    if replay is None:
        groups = " ".join(sorted(REGISTRY))
        return False, f"OUT {name}: not of a known group ({groups})"
    try:
        figures = replay(read(path), name)
    except Exception as error:
        # One bad file must not hide the verdict on the others.
        return False, f"OUT {name}: {type(error).__name__}: {error}"
    return bool(figures) and not out_of_tolerance(figures), line(name, figures)


def files_of(paths: Sequence[Path]) -> Iterator[Path]:
    """The files named, and the `.npz` files of the folders named, in order.

    Raises:
        FileNotFoundError: A path does not exist, or a folder holds no such file.
    """
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist")
        if not path.is_dir():
            yield path
            continue
        inside = sorted(path.glob("*.npz"))
        if not inside:
            raise FileNotFoundError(f"{path} holds no .npz file")
        yield from inside


def main(argv: Sequence[str] | None = None) -> int:
    """Replay the files of the command line and give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.parity.replay")
    parser.add_argument(
        "paths", nargs="+", type=Path, help="reference files, or folders of them"
    )
    try:
        files = list(files_of(parser.parse_args(argv).paths))
    except FileNotFoundError as error:
        print(f"replay: {error}", file=sys.stderr)
        return 2
    all_passed = True
    for path in files:
        passed, text = replay_file(path)
        all_passed &= passed
        print(text, flush=True)
    return 0 if all_passed else 1


if __name__ == "__main__":
    sys.exit(main())
