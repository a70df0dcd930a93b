"""Every field of the configuration as tables, from where the fields are defined.

python -m docs.made.fields
"""

import dataclasses
import importlib
import pkgutil
import re
from typing import Any

import configs
from ceil_jax.experiment import usage
from ceil_jax.experiment.config import Config, definitions
from docs.made.when import WHEN

HEADERS = "| field | default | meaning | may hold | when to change |"
TAGS = {"training": "", "free": " ○"}


def _cell(value: Any) -> str:
    """A value as it is written on the command line."""
    text = str(value).replace(" ", "") if isinstance(value, tuple) else str(value)
    return f"`{text}`" if text else '`""`'


def _elsewhere() -> dict[str, dict[str, list[str]]]:
    """By field the values that files of `configs/` give it, other than the default."""
    found: dict[str, dict[str, list[str]]] = {name: {} for name in definitions()}
    for module in pkgutil.iter_modules(configs.__path__):
        config = importlib.import_module(f"configs.{module.name}").get_config()
        for name, definition in definitions().items():
            value = config
            for part in name.split("."):
                value = getattr(value, part)
            if value != definition.default and not name.startswith(("dataset", "init")):
                text = _cell(value) if len(str(value)) < 20 else "a file"
                found[name].setdefault(text, []).append(module.name)
    return found


def _short(within: str) -> str:
    """A range as a cell of a table."""
    within = re.sub(r"each at least (\S+) and at most (\S+)", r"each \1 to \2", within)
    within = re.sub(
        r"a whole number, at least (\S+) and at most (\S+)", r"whole, \1 to \2", within
    )
    return re.sub(r"a number between (\S+) and (\S+)", r"\1 to \2", within)


def _row(name: str, definition: Any, comment: str, others: dict[str, list[str]]) -> str:
    """One field."""
    within = definition.metadata["within"].fault(object()).removeprefix("must be ")
    options = within.removeprefix("one of ")
    comment = comment.removesuffix(options).rstrip(": ") or "one of them"
    default = _cell(definition.default)
    for value, names in others.items():
        default += f"; {value} in {', '.join(names)}"
    mark = TAGS[definition.metadata["tag"]]
    cells = [f"`{name}`{mark}", default, comment, _short(within), WHEN[name]]
    return "| " + " | ".join(cells) + " |"


def tables() -> str:
    """A table for the fields of the top and one for each group.

    Returns:
        Markdown with a heading for each.
    """
    others, comments = _elsewhere(), usage.comments()
    groups = {"": "The experiment"}
    for part in dataclasses.fields(Config):
        kind = part.default_factory
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            groups[f"{part.name}."] = (kind.__doc__ or "").splitlines()[0]
    parts = []
    for prefix, title in groups.items():
        rows = [
            _row(name, definition, comments[f"config.{name}"], others[name])
            for name, definition in definitions().items()
            if name.rpartition(".")[0] == prefix.rstrip(".")
        ]
        heading = f"## {prefix.rstrip('.') or 'config'}\n\n{title.rstrip('.')}."
        parts.append("\n".join([heading, "", HEADERS, "|---|---|---|---|---|", *rows]))
    return "\n\n".join(parts)


if __name__ == "__main__":
    print(tables())
