"""Command line: flags, and nothing else.

python -m ceil_jax.main --config configs/synthetic.py --workdir runs/demo
"""

import contextlib
import os
import re
import signal
import sys
import traceback
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

if (
    __name__ == "__main__" and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
):  # until `Stopping` answers: an end without a traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from absl import flags
from absl import logging as absl_logging
from ml_collections import config_flags

from ceil_jax import __version__
from ceil_jax.common.errors import UserError
from ceil_jax.experiment import command as command_lib
from ceil_jax.experiment import config as config_lib
from ceil_jax.experiment import (
    formats,
    packaged,
    settings,
    stopping,
    sweeps,
    usage,
)
from ceil_jax.experiment import words as words_lib
from ceil_jax.experiment.dispatch import Command, do


class Words(NamedTuple):
    """The flags of a mode.

    Attributes:
        needed: Those that must be given.
        possible: Those that may be.
    """

    needed: tuple[str, ...]
    possible: tuple[str, ...] = ()


# `config` may be missing where `workdir` holds the config.json of a run.
MODES = {
    "train": Words(("config", "workdir"), ("seeds", "take-over")),
    "evaluate": Words(("config", "workdir"), ("weights", "output", "take-over")),
    "trials": Words(("config", "workdir"), ("trials", "take-over")),
    "export": Words(("config", "workdir"), ("weights", *formats.CHOICES, "output")),
    "package": Words(("workdir", "output")),
    "embed": Words(
        ("images", "modality", "output"),
        ("model", "workdir", "engine", "on-error", "quality", "value-range"),
    ),
    "report": Words(("workdir",), ("explain", "weights")),
    "score": Words(("config", "features", "workdir"), ("names", "trials", "take-over")),
    "sweep": Words(("config", "workdir", "sweep"), ("seeds", "take-over")),
    "compare": Words((), ("output",)),
    "prepare": Words(("config",)),
    "convert": Words(("weights", "output")),
}
EXAMPLES = {
    "config": "a file, e.g. configs/synthetic.py",
    "workdir": "a folder for the run",
    "weights": "a file, e.g. RN50.pt",
    "output": "a folder to write",
    "model": "whatever ceil_jax.load takes, e.g. a run's folder",
    "images": "a folder of images",
    "engine": ", ".join(formats.ENGINES),
    "on-error": " or ".join(formats.ON_ERROR),
    "value-range": "two numbers, LOW,HIGH, that become 0 and 255",
    "format": ", ".join(formats.FORMATS),
    "target": ", ".join(formats.TARGETS),
    "modality": " or ".join(formats.MODALITIES),
    "trials": "all, or numbers such as 1,3-5",
    "seeds": "numbers such as 1-6",
    "sweep": "a field and its values, e.g. config.objective.temperature=0.05,0.07",
    "features": "a file, e.g. features.npz, or features_{split}.npz",
    "names": "a file, e.g. names.csv",
}
EXAMPLES_OF = {("embed", "output"): "a file, e.g. rows.npz"}  # where it is another
REPEATED = ("features", "names", "images", "sweep")  # may be given several times
SWITCHES = ("take-over", "quality", "explain")  # without a word
FLAGS = (*EXAMPLES, *SWITCHES)
NO_PATHS = ("seeds", "sweep", "value-range")


def _read(
    argv: Sequence[str], recorded: config_lib.Config | None = None
) -> tuple[flags.FlagValues, list[str]]:
    """The flags of a command line, and the words that are none.

    A configuration that a run recorded stands in the place of --config.
    """
    values = flags.FlagValues()
    if recorded is None:
        config_flags.DEFINE_config_file("config", None, "", flag_values=values)
    else:
        argv = words_lib.without_config(argv)
        config_flags.DEFINE_config_dataclass(
            "config", recorded, "", flag_values=values, sys_argv=list(argv)
        )
    for name in EXAMPLES:
        if name in REPEATED:
            flags.DEFINE_multi_string(name, None, "", flag_values=values)
        elif name != "config":
            flags.DEFINE_string(name, None, "", flag_values=values)
    flags.DEFINE_enum("mode", "train", list(MODES), "", flag_values=values)
    for name in SWITCHES:
        flags.DEFINE_boolean(name, False, "", flag_values=values)
    # The library looks for overridden fields in the process's own command line, and
    # warns in its own words of a file that returns nothing.
    process_argv, sys.argv = sys.argv, list(argv)
    level = absl_logging.get_verbosity()
    absl_logging.set_verbosity(absl_logging.ERROR)
    sys.modules.pop("config_config", None)  # what it took from the file before
    try:
        return values, values(list(argv))[1:]
    finally:
        absl_logging.set_verbosity(level)
        sys.argv = process_argv


def _help(argv: Sequence[str]) -> str:
    """Usage, and every field of the configuration with its value."""
    argv = packaged.found(argv)
    found = words_lib.word_of(argv, "config")
    title = "Fields and defaults"
    if found is not None:
        try:
            if found.endswith(".json"):
                read = settings.read(Path(found))
            else:
                read = _read([argv[0], f"--config={found}"])[0].config
            config_lib.check(read)
            return usage.text(read, f"Fields and values of {found}")
        except (KeyboardInterrupt, stopping.Stopped):
            raise
        except BaseException:  # told when the file is used; help is still help
            title += f" ({found} cannot be used)"
    return usage.text(config_lib.Config(), title)


def _nearest(name: str) -> str:
    """The message about a field or flag that does not exist."""
    fields = config_lib.field_names(config_lib.Config())
    return command_lib.unknown(name, fields, [*FLAGS, "mode"])


def _check_names(argv: Sequence[str]) -> None:
    """Refuse fields that do not exist, before the flag library words it its own way."""
    known = config_lib.field_names(config_lib.Config())
    for word in argv[1:]:
        match = re.match(r"--?(?:no)?(config\.[\w.-]*)", word)
        if match and match[1] not in known:
            raise UserError(_nearest(match[1]))


def _values(
    argv: Sequence[str], path: str | None, recorded: config_lib.Config | None
) -> tuple[flags.FlagValues, tuple[str, ...]]:
    """The flags and the runs of a command line, its mistakes in our own words."""
    _check_names(argv)
    try:
        values, rest = _read(argv, recorded)
    except flags.UnrecognizedFlagError as error:
        if path is None and recorded is None and error.flagname.startswith("config."):
            raise _missing("config") from error
        raise UserError(_nearest(error.flagname)) from error
    except flags.Error as error:
        raise UserError(command_lib.of_library(str(error), path)) from error
    except (KeyboardInterrupt, stopping.Stopped):
        raise
    except BaseException as error:  # the file is a program and may do anything
        raise UserError(f"--config={path}: {command_lib.reason(error)}") from error
    if rest and values.mode != "compare":
        raise UserError(f"{rest[0]!r} is not a flag: flags begin with --")
    return values, tuple(rest)


def parse(argv: Sequence[str]) -> Command:
    """Read the command line.

    Args:
        argv: Program name and words.

    Returns:
        What it asks for.

    Raises:
        UserError: A flag or field is unknown, missing, of the wrong type, out of its
            range, or not used by the mode.
    """
    named = words_lib.word_of(argv, "config")
    if named is not None:
        command_lib.check_path("config", named)
    argv = packaged.found(argv)
    path = words_lib.word_of(argv, "config")
    if path is None and {"--config", "-config"} & {*argv}:
        raise _missing("config")
    if path is not None and not os.path.isfile(path):
        raise UserError(f"--config={path}: no such file")
    source = words_lib.recorded_path(argv, path)
    recorded = settings.read(Path(source)) if source else None
    values, runs = _values(argv, path, recorded)
    words = _words(values)
    switches = {name: bool(values[name].value) for name in SWITCHES}
    said = {name for name, word in words.items() if any(word)}
    said |= {name for name in SWITCHES if switches[name]}
    takes_config = "config" in MODES[values.mode].needed
    given = said | {"config"} if path or (recorded and takes_config) else said
    _check_given(values.mode, given, words["workdir"])
    has_config = path is not None or recorded is not None
    config = values.config if has_config else config_lib.Config()
    if not isinstance(config, config_lib.Config):
        raise UserError(f"--config={path}: get_config() must return a ceil_jax Config")
    command_lib.check_values(config, argv, source or path)
    if values.mode == "evaluate" and words["weights"] and words["output"]:
        raise UserError("--output is for a run's model; with --weights give --workdir")
    if values.mode == "report" and words["weights"] and not switches["explain"]:
        raise UserError("--weights is used by --mode report with --explain alone")
    if values.mode == "export":
        formats.wanted(words)
    if values.mode == "embed":
        formats.check_embed(words)
    variants = []
    for overrides in sweeps.combinations(words.pop("sweep")):
        of_variant = _values([*argv, *overrides], path, recorded)[0].config
        command_lib.check_values(of_variant, [*argv, *overrides], source or path)
        variants.append(sweeps.Variant.of(overrides, of_variant))
    for run_path in runs:
        command_lib.check_path("mode compare", run_path)
    given_words: dict[str, Any] = {
        name.replace("-", "_"): w for name, w in (words | switches).items()
    }
    return Command(
        values.mode, config, runs=runs, variants=tuple(variants), **given_words
    )


def _words(values: flags.FlagValues) -> dict[str, Any]:
    """What each flag but --config is given: "" or () for nothing, checked as a path."""
    words: dict[str, Any] = {}
    for name in [name for name in EXAMPLES if name != "config"]:
        given = values[name].value
        words[name] = tuple(given or ()) if name in REPEATED else given or ""
        for word in words[name] if name in REPEATED else [words[name]]:
            if name not in NO_PATHS:
                command_lib.check_path(name, word)
    return words


def _check_given(mode: str, given: Collection[str], workdir: str) -> None:
    """Refuse a mode without what it needs, or with what it does not use."""
    needed, possible = MODES[mode]
    for name in needed:
        if name not in given:
            where = f" with --mode {mode}" if mode != "train" else ""
            if name == "config" and "workdir" in given and mode != "train":
                raise UserError(
                    f"--workdir={workdir} is no run: it holds no config.json; give the "
                    f"folder of a run, or --config, {EXAMPLES['config']}"
                )
            raise _missing(name, where, EXAMPLES_OF.get((mode, name), ""))
    for name in FLAGS:
        if name in given and name not in (*needed, *possible):
            taken = ", ".join(f"--{word}" for word in (*needed, *possible))
            raise UserError(
                f"--{name} is not used by --mode {mode}, which takes {taken}"
            )


def _missing(name: str, mode: str = "", example: str = "") -> UserError:
    return UserError(f"--{name} is missing{mode}: give {example or EXAMPLES[name]}")


def run(argv: Sequence[str]) -> None:
    """Do what the command line says.

    Args:
        argv: Program name and words.

    Raises:
        UserError: A mistake that the user can mend.
    """
    command = parse(argv)
    try:
        do(command)
    except Exception:
        if command.config.debug:
            traceback.print_exc()
        raise


def main(argv: Sequence[str] | None = None) -> int:
    """The command.

    Args:
        argv: Program name and words; those of the process by default.

    Returns:
        The exit status: 0 if the work was done, 2 after a mistake of the user.
    """
    argv = list(sys.argv if argv is None else argv)
    command_lib.print_anything()
    if "--version" in argv[1:]:
        print(f"ceil-jax {__version__}")
        return 0
    if any(word in ("--help", "-h", "-help", "--helpfull") for word in argv[1:]):
        command_lib.quietly(_help(argv))
        return 0
    from ceil_jax.common.errors import DataError
    from ceil_jax.common.files import explained

    stop = stopping.Stopping()
    try:
        with stop:
            run(argv)
    except stopping.Stopped as stopped:
        _leave(stopped)
    except BrokenPipeError:  # whoever reads the lines has stopped
        command_lib.close_stdout()
        return 141
    except (UserError, DataError, OSError) as error:
        text = str(error)
        if isinstance(error, OSError):
            text = explained(error, error.filename or "a file of this run")
        line = " ".join(text.split())
        readable = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
        print(f"error: {readable}", file=sys.stderr)
        return 2
    except BaseException:
        if stop.number is None:
            raise
        _leave(stopping.Stopped(stop.number))  # what a library made of it
    return 0


def _leave(stopped: stopping.Stopped) -> None:
    """End as a signal asks for."""
    with contextlib.suppress(OSError, ValueError):  # nobody reads any more
        print(f"\n{stopped}", file=sys.stderr)
    stopping.leave(stopped.status)


if __name__ == "__main__":
    sys.exit(main())
