"""Numbers that a user lists, such as 1,3-5: training seeds, and splits."""

import copy
import re

from ceil_jax.common.errors import UserError
from ceil_jax.datasets import registry
from ceil_jax.experiment.config import Config


def ranges(text: str, flag: str, also: str = "") -> list[tuple[str, int, int]]:
    """Numbers and ranges such as "1,3-5".

    Args:
        text: What a user gave.
        flag: By which flag, for messages.
        also: What else could have been given, for messages.

    Returns:
        Each as it was written, its first and its last number.

    Raises:
        UserError: It is something else.
    """
    found = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        if match is None:
            raise UserError(f"--{flag}={text} must be {also}numbers such as 1,3-5")
        found.append((part.strip(), int(match[1]), int(match[2] or match[1])))
    return found


def parse_trials(text: str, num_splits: int, dataset: str) -> list[int]:
    """The splits that a user names.

    Args:
        text: "all", or numbers and ranges such as "1,3-5".
        num_splits: How many there are.
        dataset: Whose, for messages.

    Returns:
        Their numbers from 1, ascending, each once.

    Raises:
        UserError: It is neither, or there is no such split.
    """
    if text == "all":
        return list(range(1, num_splits + 1))
    found = set()
    for part, first, last in ranges(text, "trials", "all, or "):
        if not 1 <= first <= last <= num_splits:
            raise UserError(
                f"--trials={text}: {dataset} has splits 1 to {num_splits}, "
                f"{part} is none of them"
            )
        found |= set(range(first, last + 1))
    return sorted(found)


def num_splits(config: Config, mode: str) -> int:
    """How many splits the configuration's data set has, each with its own model.

    Args:
        config: The whole configuration.
        mode: What asks, for messages, such as "--mode trials".

    Returns:
        Two or more.

    Raises:
        UserError: It has one, or the configuration is for one split, or for one model
            on all of them.
    """
    found = registry.find(config.dataset).num_trials
    if found < 2:
        raise UserError(f"{mode}: {config.dataset} has one split")
    if config.evaluation.protocol:
        raise UserError(
            f"config.evaluation.protocol={config.evaluation.protocol} scores one model "
            f"on all splits, {mode} a model on each"
        )
    if config.trial != 1:
        raise UserError(
            f"config.trial={config.trial} is for one split: with {mode} say "
            f"--trials={config.trial}"
        )
    return found


def of_split(config: Config, split: int) -> Config:
    """The configuration of one of several splits.

    Args:
        config: That of all.
        split: Its number, from 1.

    Returns:
        A copy.
    """
    chosen = copy.deepcopy(config)
    chosen.trial = split
    return chosen
