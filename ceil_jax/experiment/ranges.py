"""What a field of the configuration may hold, said beside its definition."""

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

SMALLEST = 2.0**-126
"""The least number above 0 that float32 holds with all its digits."""
_LONGEST_SHOWN = 60
_LONGEST_NAME, _LONGEST_PATH = 255, 4095


class Range(Protocol):
    """What a field may hold."""

    def fault(self, value: Any) -> str:
        """What is wrong with a value.

        Args:
            value: Anything at all.

        Returns:
            What it must be, as the rest of a sentence; "" if it may stand.
        """
        ...


@dataclass(frozen=True)
class Whole:
    """Whole numbers.

    Attributes:
        least: The smallest.
        most: The largest.
    """

    least: int
    most: int

    def fault(self, value: Any) -> str:
        """What is wrong with a value, see `Range.fault`."""
        if type(value) is int and self.least <= value <= self.most:
            return ""
        return (
            f"must be a whole number, at least {self.least} and at most {self.most:,}"
        )


@dataclass(frozen=True)
class Number:
    """Finite numbers that float32 can tell from 0.

    Attributes:
        least: The smallest.
        most: The largest.
        without: Those between them that are left out.
    """

    least: float
    most: float
    without: tuple[float, ...] = ()

    def fault(self, value: Any) -> str:
        """What is wrong with a value, see `Range.fault`."""
        is_number = isinstance(value, float) or type(value) is int
        if is_number and self.least <= value <= self.most and value not in self.without:
            if value == 0 or abs(value) >= SMALLEST:
                return ""
            return f"must be 0 or at least {SMALLEST:.3g}, the least that float32 holds"
        text = f"must be a number between {self.least:g} and {self.most:g}"
        left_out = " and ".join(f"{number:g}" for number in self.without)
        return f"{text}, without {left_out}" if left_out else text


@dataclass(frozen=True)
class Wholes:
    """Several whole numbers.

    Attributes:
        least: The smallest of each.
        most: The largest of each.
        count: How many there are; None for any number of them.
        multiple_of: What each must divide by.
        ascending: Whether none may be smaller than the one before.
    """

    least: int
    most: int
    count: int | None = None
    multiple_of: int = 1
    ascending: bool = False

    def fault(self, value: Any) -> str:
        """What is wrong with a value, see `Range.fault`."""
        if isinstance(value, tuple | list) and self._hold(value):
            return ""
        count = "" if self.count is None else f"{self.count} "
        text = (
            f"must be {count}whole numbers in brackets, each at least {self.least} and"
        )
        text += f" at most {self.most:,}"
        if self.multiple_of > 1:
            text += f", multiples of {self.multiple_of}"
        return f"{text}, ascending" if self.ascending else text

    def _hold(self, value: tuple[Any, ...] | list[Any]) -> bool:
        return (
            all(type(n) is int and self.least <= n <= self.most for n in value)
            and self.count in (None, len(value))
            and not any(n % self.multiple_of for n in value)
            and not (self.ascending and list(value) != sorted(value))
        )


@dataclass(frozen=True, init=False)
class Choice:
    """One of a few values.

    Attributes:
        options: The values.
    """

    options: tuple[str | int, ...]

    def __init__(self, *options: str | int) -> None:
        object.__setattr__(self, "options", options)

    def fault(self, value: Any) -> str:
        """What is wrong with a value, see `Range.fault`."""
        if any(type(value) is type(each) and value == each for each in self.options):
            return ""
        return f"must be one of {self.listed}"

    @property
    def listed(self) -> str:
        """The options in words."""
        return ", ".join(str(each) or '""' for each in self.options)


@dataclass(frozen=True, init=False)
class Several:
    """Any of a few names, each at most once.

    Attributes:
        options: The names.
    """

    options: tuple[str, ...]

    def __init__(self, *options: str) -> None:
        object.__setattr__(self, "options", options)

    def fault(self, value: Any) -> str:
        """What is wrong with a value, see `Range.fault`."""
        is_list = isinstance(value, tuple | list)
        known = is_list and all(type(v) is str and v in self.options for v in value)
        if known and len(set(value)) == len(value):
            return ""
        return f"must be names in brackets, each once, of {', '.join(self.options)}"


@dataclass(frozen=True)
class Switch:
    """True or False."""

    def fault(self, value: Any) -> str:
        """What is wrong with a value, see `Range.fault`."""
        return "" if type(value) is bool else "must be True or False"


@dataclass(frozen=True)
class Name:
    """A name of letters, digits, `_`, `-` and `.`."""

    def fault(self, value: Any) -> str:
        """What is wrong with a value, see `Range.fault`."""
        if type(value) is str and re.fullmatch(r"[\w.-]{1,100}", value):
            return ""
        return "must be a name of letters, digits, _, - and ."


@dataclass(frozen=True)
class Place:
    """A path that may exist, or "" for none."""

    def fault(self, value: Any) -> str:
        """What is wrong with a value, see `Range.fault`."""
        if type(value) is not str:
            return "must be a path, as text"
        reason = path_fault(value)
        return f"is no path: {reason}" if reason else ""


def path_fault(path: str) -> str:
    """What is wrong with a path as such.

    Args:
        path: What the user gave.

    Returns:
        The reason; "" if it may exist.
    """
    if "\0" in path:
        return "a path cannot hold a null character"
    raw = os.fsencode(path)
    if len(raw) > _LONGEST_PATH:
        return f"a path has at most {_LONGEST_PATH} bytes, this one has {len(raw)}"
    longest = max(map(len, raw.split(b"/")))
    if longest > _LONGEST_NAME:
        return f"a name has at most {_LONGEST_NAME} bytes, one here has {longest}"
    if path.startswith("~"):
        try:
            Path(path).expanduser()
        except RuntimeError:
            return "there is no such home folder"
    return ""


def of_default(default: Any) -> Range:
    """The range of a field that says none.

    Args:
        default: Its default.

    Returns:
        The range.

    Raises:
        TypeError: It is neither True nor False: such a field must say its range.
    """
    if type(default) is not bool:
        raise TypeError(f"a field with the default {default!r} must say its range")
    return Switch()


def shown(value: Any) -> str:
    """A value for a message of one line.

    Args:
        value: Anything at all.

    Returns:
        It as Python writes it, on one line, its middle cut out where it is long.
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:  # numbers of thousands of digits, or what is no program of ours
        kind = type(value).__name__
        size = f" of {math.log10(abs(value)):.0f} digits" if type(value) is int else ""
        return f"{'a' if kind[0].lower() not in 'aeiou' else 'an'} {kind}{size}"
    if len(text) > _LONGEST_SHOWN:
        text = f"{text[:40]}...{text[-10:]}"
    return text if text.isprintable() else ascii(text)
