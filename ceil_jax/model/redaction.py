"""Paths of this machine, which are nobody's business, reduced to their last names."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

SENTENCES = "warnings"
"""Key of lists of sentences: one that begins with a path is no path."""

# What stands before a slash that begins no path: a name, a ratio, a pattern.
_NOT_AFTER = r"(?<![\w./~\\*^+)\]}>%$<-])"
_ROOTS = (
    r"[A-Za-z]:[\\/](?=[^\s\\/])",  # a drive of Windows
    r"\\\\(?=[\w.])",  # a share of Windows
    r"~[\w.-]*/(?=[^\s/])",  # a home folder
    r"(?:(?<!:)//|/)(?=[\w.@$])",
)
_URL = r"(?!file:)[A-Za-z][\w+.-]+://\S+"
_REST = r"(?:[^\s\"'`<>|]|'(?=\w))*"
_END = ".,:;!?)]}"  # of a sentence or a bracket, not of a path
_IN_SENTENCES = re.compile(r"[:;]\s|\s[/~]|\n")


def reduced(value: Any, known: Iterable[str] = ()) -> Any:
    """Plain values whose absolute paths are reduced to their last names.

    Args:
        value: Text, numbers, mappings and lists of them, or None. Text is a path or a
            sentence that holds some.
        known: Paths with white space, which cannot be told in a sentence otherwise; see
            `spaced_paths`.

    Returns:
        The same; tuples become lists. URLs, ratios and paths that are relative stay.
    """
    return _reduced(value, _pattern(known), is_sentence=False)


def spaced_paths(value: Any) -> Iterator[str]:
    """The paths with white space among plain values.

    Args:
        value: As of `reduced`.

    Yields:
        Each text that is an absolute path, and nothing else, and has white space.
    """
    if isinstance(value, Mapping):
        for name, each in value.items():
            if name != SENTENCES:
                yield from spaced_paths(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from spaced_paths(each)
    elif isinstance(value, str) and _is_path(value) and re.search(r"\s", value):
        yield value.rstrip("/\\")


def sentence(text: str, known: Iterable[str] = ()) -> str:
    """A sentence whose absolute paths are reduced to their last names.

    Args:
        text: The sentence.
        known: As of `reduced`.

    Returns:
        The sentence.
    """
    return _sentence(text, _pattern(known))


def _reduced(value: Any, pattern: re.Pattern[str], *, is_sentence: bool) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _reduced(each, pattern, is_sentence=is_sentence or name == SENTENCES)
            for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_reduced(each, pattern, is_sentence=is_sentence) for each in value]
    if not isinstance(value, str):
        return value
    if not is_sentence and _is_path(value):
        return _last_name(value)
    return _sentence(value, pattern)


def _is_path(text: str) -> bool:
    """Whether a text is an absolute path, and nothing else."""
    is_absolute = (
        PurePosixPath(text).is_absolute()
        or PureWindowsPath(text).is_absolute()
        or bool(re.match(r"~[\w.-]*/", text))
    )
    return is_absolute and not _IN_SENTENCES.search(text)


def _last_name(path: str) -> str:
    """The last name of a path; the path itself where it has none, as "/"."""
    is_posix = path.startswith(("/", "~"))
    pure = PurePosixPath(path) if is_posix else PureWindowsPath(path)
    return pure.name or path


def _pattern(known: Iterable[str]) -> re.Pattern[str]:
    """What finds URLs, paths in quotes, and paths, in this order."""
    spaced = [
        re.escape(each) + r"(?![\w-])" for each in sorted({*known}, key=len)[::-1]
    ]
    root = f"(?:{'|'.join([*spaced, *_ROOTS])})"
    quoted = rf"(?<!\w)(?P<quote>[\"'`])(?P<inner>{root}(?:(?!(?P=quote))[^\n])*)"
    return re.compile(
        rf"(?P<url>{_URL})|{quoted}(?P=quote)|"
        rf"(?:file://[\w.-]*(?=/)|{_NOT_AFTER})(?P<path>{root}{_REST})"
    )


def _sentence(text: str, pattern: re.Pattern[str]) -> str:
    return pattern.sub(_replacement, text)


def _replacement(found: re.Match[str]) -> str:
    if found["url"]:
        return found[0]
    if found["inner"]:
        return found["quote"] + _last_name(found["inner"]) + found["quote"]
    path = found["path"].rstrip(_END)
    end = found["path"][len(path) :]
    if re.fullmatch(r"/[^/]?/?|/\d[^/]*/?", path):  # "5 /s" and "1 /2" are no paths
        return found[0]
    return _last_name(path) + end
