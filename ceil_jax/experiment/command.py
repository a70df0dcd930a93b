"""Names and paths of a command line: what was meant, and what cannot be."""

import difflib
import io
import os
import re
import sys
from collections.abc import Collection, Mapping, Sequence

from ceil_jax.common.errors import UserError
from ceil_jax.experiment import ranges
from ceil_jax.experiment.config import Config, check, definitions
from ceil_jax.experiment.ranges import shown

ALIASES = {
    ("lr", "learning_rate", "base_lr", "lr0", "max_lr"): ("optimizer.rate",),
    ("wd", "decay", "l2"): ("optimizer.weight_decay",),
    ("batch_size", "bs", "batchsize", "train_batch_size"): ("batch.visible_rows",),
    ("num_instances", "instances", "num_pos"): ("batch.images_per_proxy",),
    ("eval_batch_size", "test_batch", "test_batch_size"): ("batch.embed_rows",),
    ("steps", "iters", "num_steps", "iterations", "steps_per_epoch"): (
        "batch.stage1_steps",
        "batch.stage2_steps",
    ),
    ("epochs", "num_epochs", "max_epochs", "n_epochs"): (
        "stage1_epochs",
        "stage2_epochs",
    ),
    ("gpus", "gpu", "devices", "num_gpus", "n_gpus", "ngpus"): ("num_devices",),
    ("k",): ("clustering.k1", "matching.k1", "rerank.k1"),
    ("temp", "tau", "t"): ("objective.temperature",),
    ("momentum", "ema"): ("objective.beta",),
    ("negatives", "num_neg"): ("objective.num_negatives",),
    ("radius", "epsilon"): ("clustering.eps",),
    ("minpts", "min_pts"): ("clustering.min_samples",),
    ("warmup", "warmup_steps"): ("optimizer.warmup_epochs",),
    ("scheduler", "lr_scheduler"): ("optimizer.schedule",),
    ("lr_steps", "lr_milestones"): ("optimizer.milestones",),
    ("precision", "amp", "fp16", "bf16"): ("encoder.dtype",),
    ("resume_from", "pretrained", "checkpoint", "ckpt", "pretrain"): ("init_from",),
    ("data", "root", "data_path", "dataset_dir", "data_root"): ("data_dir",),
    ("height", "img_size", "imgsize", "size", "resolution", "img_h"): ("image_size",),
    ("split", "fold"): ("trial",),
    ("cache", "cache_size"): ("cache_gib",),
    ("random_seed",): ("seed",),
    ("eval_freq", "eval_every", "eval_interval"): ("eval_step",),
    ("save_freq", "save_every", "save_interval"): ("save_epoch",),
}
"""Names that other programs have for what a field says."""
FLAG_ALIASES = {
    ("out", "out_dir", "output_dir", "logs_dir", "log_dir", "save_dir", "dir"): (
        "workdir"
    ),
    ("cfg", "config_file", "conf"): "config",
    ("task", "command", "action"): "mode",
    ("feats", "embeddings", "feature", "feat", "features_file"): "features",
    ("on_error", "onerror", "skip", "ignore_errors"): "on-error",
    ("image", "folder", "input", "source", "imgs"): "images",
}
_NO_FIELD = {
    ("workers", "num_workers", "threads", "num_threads", "j"): (
        "images are read by as many threads as there are cores, and no field sets it"
    ),
}
_LONGEST_REASON = 200


def _of(table: Mapping[tuple[str, ...], object], name: str) -> object:
    return next((found for names, found in table.items() if name in names), None)


def _leaf(name: str) -> str:
    return name.rsplit(".", 1)[-1].lower().replace("-", "_")


def _listed(names: Collection[str], word: str) -> str:
    *first, last = [f"--{name}" for name in names]
    return f"{', '.join(first)} {word} {last}" if first else last


def _meant(name: str, fields: Collection[str]) -> list[str]:
    """The fields whose last word, or an alias of it, is the name's."""
    leaf = _leaf(name)
    by_leaf = [field for field in fields if _leaf(field) == leaf]
    if by_leaf:
        outermost = f"config.{leaf}"
        return [outermost] if outermost in by_leaf else by_leaf
    found = _of(ALIASES, leaf) or ()
    assert isinstance(found, tuple)
    return [f"config.{field}" for field in found]


def unknown(name: str, fields: Collection[str], flags: Collection[str]) -> str:
    """The message about a field or flag that does not exist.

    Args:
        name: What was given, without its dashes.
        fields: Those that exist, e.g. "config.seed".
        flags: Those that exist, e.g. "workdir".

    Returns:
        One line with what was probably meant: of a field, fields; of a flag, flags,
        or the field of just that name.
    """
    is_field = name.startswith("config.")
    inside = [field for field in fields if field.startswith(f"{name}.")]
    if inside:
        return f"--{name} is a group of fields: {_listed(inside, 'and')}"
    missing = f"there is no --{name}"
    if reason := _of(_NO_FIELD, _leaf(name)):
        return f"{missing}: {reason}"
    if not is_field and (flag := _of(FLAG_ALIASES, _leaf(name))):
        return f"{missing}; the flag is --{flag}"
    meant = _meant(name, fields)
    if meant:
        what = "the field is" if len(meant) == 1 else "the fields of that kind are"
        return f"{missing}; {what} {_listed(meant, 'and')}"
    known = fields if is_field else flags
    [near] = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"{missing}; the nearest is --{near}"


def check_path(name: str, path: str) -> None:
    """Refuse what no file or folder can be called.

    Args:
        name: The flag or field, for the message.
        path: What the user gave; it need not exist.

    Raises:
        UserError: It holds a null character, or a name in it is too long.
    """
    reason = ranges.path_fault(path)
    if reason:
        shown = path if len(path) <= 60 else f"{path[:40]}...{path[-10:]}"
        raise UserError(f"--{name}={shown!r}: {reason}")


def of_library(text: str, path: str | None) -> str:
    """A message of the flag library in our own words.

    It is about a value that cannot be read as the field's type, or about an error
    inside a file's get_config, of whose trace only the last line is told.

    Args:
        text: The message.
        path: The file of the configuration, if there is one.

    Returns:
        One line.
    """
    match = re.match(r"flag --config\.([\w.]+)=(.*?): ", text, re.DOTALL)
    definition = definitions().get(match[1]) if match else None
    if match and definition is not None:
        fault = definition.metadata["within"].fault(match[2])
        return f"config.{match[1]}={shown(match[2])} {fault}"
    if "Traceback" in text:
        return f"--config={path}: {_one_line(text.strip().splitlines()[-1])}"
    return _one_line(text)


def reason(error: BaseException) -> str:
    """What went wrong inside a configuration file.

    Args:
        error: What it raised.

    Returns:
        One line.
    """
    if isinstance(error, AttributeError) and error.name == "get_config":
        return "it defines no get_config(), which must return a ceil_jax Config"
    try:
        return _one_line(f"{type(error).__name__}: {error}")
    except Exception:  # an error of the file's own that cannot say what it is
        return type(error).__name__


def _one_line(text: str) -> str:
    """A text that may be very long, for a message."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_REASON else f"{line[:_LONGEST_REASON]}..."


def check_values(config: Config, argv: Sequence[str], source: str | None) -> None:
    """Refuse what cannot work; a value that stands in a file is said to stand there.

    Args:
        config: The whole configuration.
        argv: The command line, which has changed some of its fields.
        source: The file that it comes from; None for the defaults.

    Raises:
        UserError: Names the first field that is out of range and what it must be.
    """
    try:
        check(config)
    except UserError as error:
        text = str(error)
        name = re.split(r"[= ]", text, maxsplit=1)[0]
        is_given = any(re.match(rf"--?(no)?{re.escape(name)}\b", word) for word in argv)
        raise UserError(
            text if is_given or not source else f"{source}: {text}"
        ) from None


def print_anything() -> None:
    """Let names of files be printed that the terminal has no letters for."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def quietly(text: str) -> None:
    """Print, and end quietly if whoever reads has stopped, as `head` does.

    Args:
        text: What to print on stdout.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        close_stdout()


def close_stdout() -> None:
    """Send what is still to be printed nowhere: nobody reads stdout any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
