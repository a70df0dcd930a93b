"""Command line: flags, and nothing else.

python -m ceil_jax.main --config configs/synthetic.py --workdir runs/demo
"""

import difflib
import os
import re
import sys
from collections.abc import Sequence
from typing import NamedTuple

from absl import flags
from ml_collections import config_flags

from ceil_jax import config as config_lib
from ceil_jax.errors import UserError

MODES = ("train", "evaluate")

USAGE = """\
python -m ceil_jax.main --config FILE --workdir DIR [--mode train|evaluate]
                        [--config.FIELD=VALUE ...]

  --config FILE    describes the experiment: configs/synthetic.py, regdb.py,
                   sysu_mm01.py or llcm.py
  --workdir DIR    folder of the run; one with a checkpoint in it is resumed
  --mode train     train what is left, then evaluate (the default)
  --mode evaluate  evaluate the newest checkpoint of the folder
"""


class Command(NamedTuple):
    """What a command line asks for.

    Attributes:
        config: The configuration, checked.
        workdir: Folder of the run.
        mode: One of `MODES`.
    """

    config: config_lib.Config
    workdir: str
    mode: str


def _read(argv: Sequence[str]) -> tuple[flags.FlagValues, list[str]]:
    """The flags of a command line, and the words that are none."""
    values = flags.FlagValues()
    config_flags.DEFINE_config_file("config", None, "", flag_values=values)
    flags.DEFINE_string("workdir", None, "", flag_values=values)
    flags.DEFINE_enum("mode", MODES[0], MODES, "", flag_values=values)
    # The library looks for overridden fields in the process's own command line.
    process_argv, sys.argv = sys.argv, list(argv)
    try:
        return values, values(list(argv))[1:]
    finally:
        sys.argv = process_argv


def _help(argv: Sequence[str]) -> str:
    """Usage, and every field of the configuration with its value."""
    found = _config_path(argv)
    config = config_lib.Config()
    title = "Fields and defaults"
    if found is not None:
        try:
            read = _read([argv[0], f"--config={found}"])[0].config
        except Exception:  # told when the file is used; help is still help
            read = None
        # The library may give something else that raises when it is looked at.
        if isinstance(read, config_lib.Config):
            config, title = read, f"Fields and values of {found}"
        else:
            title += f" ({found} cannot be read)"
    fields = "\n".join(
        f"  --{name}={value!r}"
        for name, value in config_lib.field_names(config).items()
    )
    return f"{USAGE}\n{title}:\n{fields}\n"


def _config_path(argv: Sequence[str]) -> str | None:
    for i, word in enumerate(argv):
        if word in ("--config", "-config") and i + 1 < len(argv):
            return argv[i + 1]
        if match := re.match(r"--?config=(.+)", word):
            return match[1]
    return None


def _nearest(name: str) -> str:
    """The message about a field or flag that does not exist."""
    known = list(config_lib.field_names(config_lib.Config()))
    known += ["config", "workdir", "mode"]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    inside = [k for k in known if k.startswith(f"{name}.")]
    if inside:
        return f"--{name} is a group of fields: --{', --'.join(inside)}"
    by_leaf = [k for k in known if k.rsplit(".", 1)[-1] == name.rsplit(".", 1)[-1]]
    return f"there is no --{name}; the nearest is --{(by_leaf or near)[0]}"


def _check_names(argv: Sequence[str]) -> None:
    """Refuse fields that do not exist, before the flag library words it its own way."""
    known = config_lib.field_names(config_lib.Config())
    for word in argv[1:]:
        match = re.match(r"--?(?:no)?(config\.[\w.]+)", word)
        if match and match[1] not in known:
            raise UserError(_nearest(match[1]))


def parse(argv: Sequence[str]) -> Command:
    """Read the command line.

    Args:
        argv: Program name and words.

    Returns:
        What it asks for.

    Raises:
        UserError: A flag or field is unknown, missing, of the wrong type or out of its
            range.
    """
    path = _config_path(argv)
    if path is None:
        raise UserError("--config is missing: give a file, e.g. configs/synthetic.py")
    if not os.path.isfile(path):
        raise UserError(f"--config={path}: no such file")
    _check_names(argv)
    try:
        values, rest = _read(argv)
    except flags.UnrecognizedFlagError as error:
        raise UserError(_nearest(error.flagname)) from error
    except flags.Error as error:
        # Of an error inside a file's get_config only the last line of its trace.
        text = str(error).strip()
        if "Traceback" in text:
            text = f"--config={path}: {text.splitlines()[-1]}"
        raise UserError(text) from error
    except Exception as error:  # the file is a program and may fail in any way
        kind = type(error).__name__
        raise UserError(f"--config={path}: {kind}: {error}") from error
    if rest:
        raise UserError(f"{rest[0]!r} is not a flag: flags begin with --")
    if not isinstance(values.config, config_lib.Config):
        raise UserError(f"--config={path}: get_config() must return a ceil_jax Config")
    config_lib.check(values.config)
    if not values.workdir:
        raise UserError("--workdir is missing: give a folder for the run")
    return Command(values.config, values.workdir, values.mode)


def run(argv: Sequence[str]) -> None:
    """Do what the command line says.

    Args:
        argv: Program name and words.

    Raises:
        UserError: A mistake that the user can mend.
    """
    command = parse(argv)
    # Imported late: a typing mistake is answered at once, not after JAX has started.
    from ceil_jax import compilation, model, train, trained

    compilation.use_cache(command.config.compilation_cache)
    workdir = model.workdir_of(command.workdir)
    if command.mode == "evaluate":
        trained.evaluate_checkpoint(command.config, workdir)
    else:
        train.train_and_evaluate(command.config, workdir)


def main(argv: Sequence[str] | None = None) -> int:
    """The command.

    Args:
        argv: Program name and words; those of the process by default.

    Returns:
        The exit status: 0 if the work was done, 2 after a mistake of the user.
    """
    argv = list(sys.argv if argv is None else argv)
    if any(word in ("--help", "-h", "-help", "--helpfull") for word in argv[1:]):
        print(_help(argv))
        return 0
    from data.errors import DataError

    try:
        run(argv)
    except (UserError, DataError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; the same command resumes", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
