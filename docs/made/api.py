"""The reference of the public names, from their docstrings."""

import importlib
import inspect
import re
from typing import Any

UNLISTED = {
    "ceil_jax.training.matching": ["match"],
    "ceil_jax.training.schedules": ["warmup_multistep"],
    "ceil_jax.datasets.loading": ["load"],
}
"""Modules that list no public names, and those that others use."""


def of_package(name: str) -> str:
    """Everything that a package lists as public.

    Args:
        name: Of a package or module, such as "ceil_jax.rerank".

    Returns:
        Markdown that Sphinx's autodoc fills from the docstrings.
    """
    module = importlib.import_module(name)
    listed = UNLISTED.get(name) or module.__all__
    parts = []
    for each in sorted(listed, key=str.lower):
        found = getattr(module, each)
        if inspect.isclass(found):
            rules = ["   :members:"]
            if fields := getattr(found, "_fields", ()):  # the docstring has them
                rules.append(f"   :exclude-members: {', '.join(fields)}")
            parts.append("\n".join([f".. autoclass:: {name}.{each}", *rules]))
        elif not callable(found):
            parts.append(f".. autodata:: {name}.{each}")
        else:
            parts.append(f".. autofunction:: {name}.{each}")
    body = "\n\n".join(parts)
    return f"```{{eval-rst}}\n{body}\n```"


def on_docstring(
    app: Any, what: str, name: str, found: Any, options: Any, lines: list[str]
) -> None:
    """Sphinx has read a docstring: what it means plainly must stay plain."""
    lines[:] = plain("\n".join(lines)).split("\n")


def on_signature(
    app: Any,
    what: str,
    name: str,
    found: Any,
    options: Any,
    signature: str | None,
    returned: str | None,
) -> tuple[str | None, str | None]:
    """Sphinx has read a signature: types are shown without where they are defined."""
    return short(signature), short(returned)


def short(signature: str | None) -> str | None:
    """A signature with the last words of its types alone."""
    return signature and re.sub(r"~?\b(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_])", "", signature)


def plain(text: str) -> str:
    """A docstring as reStructuredText that shows the same.

    Args:
        text: With code in single backticks, as Markdown has it.

    Returns:
        Code in double backticks; elsewhere stars, bars and trailing underscores mean
        nothing special.
    """
    parts = re.split(r"(``[^`]*``|`[^`]*`)", text)
    for i, part in enumerate(parts):
        if i % 2:
            parts[i] = f"``{part.strip('`')}``"
        else:
            parts[i] = re.sub(r"(?<!\\)([*|]|(?<=\w)_(?=\W|$))", r"\\\1", part)
    return "".join(parts)
