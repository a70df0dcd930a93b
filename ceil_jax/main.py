"""Command line: flags, and nothing else.

python -m ceil_jax.main --config configs/synthetic.py --workdir runs/demo
"""

import difflib
import os
import re
import sys
from collections.abc import Sequence

from absl import flags
from ml_collections import config_flags

from ceil_jax import config as config_lib
from ceil_jax.errors import UserError

_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "File that describes the experiment, e.g. configs/regdb.py."
)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of the run; one with a checkpoint in it is resumed."
)
_MODE = flags.DEFINE_enum(
    "mode",
    "train",
    ["train", "evaluate"],
    "train: train what is left, then evaluate. evaluate: the newest checkpoint.",
)

USAGE = """\
python -m ceil_jax.main --config FILE --workdir DIR [--mode train|evaluate]
                        [--config.FIELD=VALUE ...]

  --config FILE    describes the experiment: configs/synthetic.py, regdb.py,
                   sysu_mm01.py or llcm.py
  --workdir DIR    folder of the run; one with a checkpoint in it is resumed
  --mode train     train what is left, then evaluate (the default)
  --mode evaluate  evaluate the newest checkpoint of the folder
"""


def _help(argv: Sequence[str]) -> str:
    """Usage, and every field of the configuration with its value."""
    found = _config_path(argv)
    config = config_lib.Config()
    title = "Fields and defaults"
    if found is not None:
        try:
            flags.FLAGS([argv[0], f"--config={found}"])
            config, title = _CONFIG.value, f"Fields and values of {found}"
        except (flags.Error, OSError, ImportError):
            pass
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
    by_leaf = [k for k in known if k.rsplit(".", 1)[-1] == name.rsplit(".", 1)[-1]]
    return f"there is no --{name}; the nearest is --{(by_leaf or near)[0]}"


def _check_names(argv: Sequence[str]) -> None:
    """Refuse fields that do not exist, before the flag library words it its own way."""
    known = config_lib.field_names(config_lib.Config())
    for word in argv[1:]:
        match = re.match(r"--?(?:no)?(config\.[\w.]+)", word)
        if match and match[1] not in known:
            raise UserError(_nearest(match[1]))


def parse(argv: Sequence[str]) -> config_lib.Config:
    """Read the command line.

    Args:
        argv: Program name and words.

    Returns:
        The configuration, checked.

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
        rest = flags.FLAGS(list(argv))
    except flags.UnrecognizedFlagError as error:
        raise UserError(_nearest(error.flagname)) from error
    except (flags.Error, TypeError, ValueError, AttributeError) as error:
        raise UserError(" ".join(str(error).split())) from error
    if len(rest) > 1:
        raise UserError(f"{rest[1]!r} is not a flag: flags begin with --")
    config = _CONFIG.value
    if not isinstance(config, config_lib.Config):
        raise UserError(f"--config={path}: get_config() must return a ceil_jax Config")
    config_lib.check(config)
    return config


def run(argv: Sequence[str]) -> None:
    """Do what the command line says.

    Args:
        argv: Program name and words.

    Raises:
        UserError: A mistake that the user can mend.
    """
    config = parse(argv)
    if not _WORKDIR.value:
        raise UserError("--workdir is missing: give a folder for the run")
    # Imported late: a typing mistake is answered at once, not after JAX has started.
    from ceil_jax import compilation, model, train

    compilation.use_cache(config.compilation_cache)
    workdir = model.workdir_of(_WORKDIR.value)
    if _MODE.value == "evaluate":
        train.evaluate_checkpoint(config, workdir)
    else:
        train.train_and_evaluate(config, workdir)


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
