"""Configuration files that come with the program, and what its modes need installed."""

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

from ceil_jax.common import extras
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.trackers import names as trackers

ROOM = "configs"
EXTRA_OF_MODE = {
    **dict.fromkeys(("convert", "package", "embed"), "model"),
    **dict.fromkeys(("score", "compare")),
}
"""The extra that a mode needs; [train] where none is named, None for the core alone."""
EXTRA_OF_FORMAT = {"onnx": "export", "stablehlo": "export", "torch": "model"}
"""What --mode export needs instead, by its --format."""

TRAINING = ("train", "trials", "sweep")
"""Modes whose curves go to trackers."""
EVALUATING = (*TRAINING, "evaluate")
"""Modes that embed test images."""
OTHER_ENGINES = ("onnxruntime", "openvino")
"""What may embed instead of JAX; each an extra."""


def folder() -> Path:
    """Where the configuration files lie that come with the program."""
    package = Path(__file__).resolve().parents[1]
    # The installed package holds them; in a checkout they stand beside it.
    spec = importlib.util.find_spec(f"{package.name}.{ROOM}")
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent
    return package.parent / ROOM


def find(path: str) -> str:
    """The file that is meant by `--config`.

    Args:
        path: What was given: a file, or `NAME`, `NAME.py` or `configs/NAME.py` of a
            configuration that comes with the program.

    Returns:
        The path itself where it is a file, else that of the program's own; the path
        itself where there is neither.
    """
    given = Path(path)
    named = given.parent in (Path(), Path(ROOM)) and given.suffix in ("", ".py")
    if os.path.isfile(path) or not named:  # false, too, for names that cannot be
        return path
    own = folder() / f"{given.stem}.py"
    return str(own) if own.is_file() and given.stem != "__init__" else path


def found(argv: Sequence[str]) -> list[str]:
    """A command line with the file in the place of what `--config` named.

    Args:
        argv: Program name and words.

    Returns:
        The words.
    """
    words = list(argv)
    for i, word in enumerate(words):
        flag, _, value = word.partition("=")
        if flag not in ("--config", "-config"):
            continue
        if value:
            words[i] = f"{flag}={find(value)}"
        elif word == flag and i + 1 < len(words):
            words[i + 1] = find(words[i + 1])
    return words


def require(mode: str, config: Config, form: str = "") -> None:
    """Refuse a mode that needs more than is installed, before anything starts.

    Args:
        mode: One of the program's modes.
        config: Its configuration.
        form: The format that it writes, "" where there is no choice.

    Raises:
        MissingExtraError: Names what is missing and the extra that installs it.
    """
    if form in EXTRA_OF_FORMAT:
        extras.require(EXTRA_OF_FORMAT[form], f"--mode {mode} --format {form}")
    elif (needed := EXTRA_OF_MODE.get(mode, "train")) is not None:
        extras.require(needed, f"--mode {mode}")
    engine = config.evaluation.engine
    if mode in EVALUATING and engine in OTHER_ENGINES:
        extras.require(engine, f"--config.evaluation.engine={engine}")
    if mode in TRAINING:
        for name in set(config.trackers) & set(trackers.EXTRAS):
            extras.require(name, f"--config.trackers={name}")
    if config.rerank.search in extras.FAISS_SEARCHES:
        extras.require("faiss", f"--config.rerank.search={config.rerank.search}")
