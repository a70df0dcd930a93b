"""What `--sweep` asks for: every combination of the values of some fields."""

import hashlib
import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

from ceil_jax.common.errors import UserError
from ceil_jax.experiment.config import Config

MOST = 1000
"""Combinations that one command may ask for."""
_EXAMPLE = "config.objective.temperature=0.05,0.07"
_LONGEST = 120  # of a folder's name


class Variant(NamedTuple):
    """One combination.

    Attributes:
        name: The overrides, such as "rerank.k1=20,seed=3".
        folder: The same as a folder can be named.
        overrides: Each of them by itself.
        config: The whole configuration with them.
    """

    name: str
    folder: str
    overrides: tuple[str, ...]
    config: Config

    @classmethod
    def of(cls, words: Sequence[str], config: Config) -> "Variant":
        """Name a combination.

        Args:
            words: One of `combinations`.
            config: The whole configuration with them.

        Returns:
            The combination.
        """
        overrides = tuple(word.removeprefix("--config.") for word in words)
        name = ",".join(overrides)
        return cls(name, folder_of(name), overrides, config)


def combinations(texts: Sequence[str]) -> list[tuple[str, ...]]:
    """The words of a command line for each combination.

    Args:
        texts: What each `--sweep` was given: a field and its values, with commas
            between; those inside of brackets or quotes belong to a value.

    Returns:
        Overrides such as ("--config.rerank.k1=20", "--config.seed=3"); the last field
        changes first. None where nothing is asked for.

    Raises:
        UserError: A text names no field or no value, a field or a value twice, or
            they are too many.
    """
    if not texts:
        return []
    fields: dict[str, list[str]] = {}
    for text in texts:
        match = re.fullmatch(r"(config\.[\w.-]+)=(.+)", text, re.DOTALL)
        if match is None:
            raise UserError(
                f"--sweep={text[:60]!r} must be a field and its values, such as "
                f"{_EXAMPLE}"
            )
        name, values = match[1], _split(match[2])
        if name in fields:
            raise UserError(f"--sweep: {name} is given twice; name its values once")
        if "" in values or len({*values}) < len(values):
            what = "is empty" if "" in values else "stands there twice"
            raise UserError(f"--sweep={text[:60]}: a value {what}")
        fields[name] = values
    words = [[f"--{name}={value}" for value in fields[name]] for name in fields]
    total = 1
    for each in words:
        total *= len(each)
    if total > MOST:
        raise UserError(f"--sweep asks for {total:,} trainings, at most {MOST:,}")
    return list(itertools.product(*words))


def folder_of(name: str) -> str:
    """A combination's name as a folder can be named.

    Args:
        name: The overrides, with commas between.

    Returns:
        The same where it can be; else with a digest that tells it from others.
    """
    plain = re.sub(r"[^\w.=,+-]+", "_", name)
    if plain == name and len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{plain[:_LONGEST]}-{digest}"


def _split(text: str) -> list[str]:
    """Values between the commas that are in no brackets and no quotes."""
    values, depth, quote = [""], 0, ""
    for sign in text:
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        else:
            depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and not quote and depth == 0:
            values.append("")
        else:
            values[-1] += sign
    return [_unquoted(value.strip()) for value in values]


def _unquoted(value: str) -> str:
    """A value without the quotes that kept its commas together."""
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value
