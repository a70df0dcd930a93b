"""Progress bars that stay quiet where nobody watches."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from tqdm import tqdm

T = TypeVar("T")


def bar(
    iterable: Iterable[T] | None = None,
    *,
    total: int | None = None,
    desc: str = "",
    unit: str = "it",
    shown: bool = True,
) -> "tqdm[Any]":
    """A progress bar with rate and time left, silent unless stderr is a terminal.

    Args:
        iterable: What to walk through, or None to call `update` by hand.
        total: Number of units; taken from `iterable` where it has a length.
        desc: What is going on, in one or two words.
        unit: What is counted, e.g. "image".
        shown: Whether it may show at all.

    Returns:
        The bar; also a context manager.
    """
    # Only here: what shows no bar does without it.
    from tqdm import tqdm

    return tqdm(
        iterable,
        total=total,
        desc=desc,
        unit=unit,
        leave=False,
        dynamic_ncols=True,
        disable=not (shown and sys.stderr.isatty()),
    )
