"""A progress bar for the preparation of a data set."""

import sys
from collections.abc import Iterable
from typing import Any, TypeVar

from tqdm import tqdm

T = TypeVar("T")


def images_bar(total: int, description: str, *, shown: bool) -> "tqdm[Any]":
    """A bar that counts images, with their rate and the time left.

    Args:
        total: How many images there are.
        description: What is going on.
        shown: Whether it may show; it never does where stderr is no terminal.

    Returns:
        The bar, also a context manager.
    """
    return tqdm(
        total=total,
        desc=description,
        unit="image",
        leave=False,
        dynamic_ncols=True,
        disable=not (shown and sys.stderr.isatty()),
    )


def counted(examples: Iterable[T], bar: "tqdm[Any]") -> Iterable[T]:
    """The same examples, each counted on the bar as it passes."""
    for example in examples:
        yield example
        bar.update()
