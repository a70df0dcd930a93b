"""An exception for the main thread, raised where it can be raised without harm.

A signal's handler runs between any two instructions of Python, so also in functions
that compiled libraries call: in a callback of the garbage collector an exception is
swallowed with a traceback, in a half-loaded module it ends the process by SIGSEGV or
SIGABRT. There the exception waits until a line of this project is reached.
"""

import contextlib
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

_OURS = tuple(
    str(Path(__file__).resolve().parents[2] / name)
    for name in ("ceil_jax", "pallas_kernels")
)
_STANDARD = sysconfig.get_path("stdlib")
_WAITING = ("/filelock/",)
"""Libraries in plain Python that wait for long."""


def interrupt(
    frame: FrameType | None, error: Callable[[], BaseException | None]
) -> None:
    """Raise an exception here, or in the next line of ours that is reached.

    Args:
        frame: What the handler has interrupted.
        error: Makes the exception; None where it is not to be raised any more.

    Raises:
        BaseException: What `error` makes, where it does no harm here.
    """
    ours = _behind_a_library(frame)
    if ours is None or sys.gettrace() is not None:
        if made := error():
            raise made
        return

    _arm(ours, error)


def disarm() -> None:
    """Forget an exception that waits."""
    if sys.gettrace() is _look_at_no_other:
        sys.settrace(None)


def _arm(frame: FrameType, error: Callable[[], BaseException | None]) -> None:
    """Raise in a frame when its next line begins, or it ends."""

    def look(frame: FrameType, event: str, argument: Any) -> None:
        del event, argument
        sys.settrace(None)
        frame.f_trace = None
        if made := error():
            raise made

    frame.f_trace = look
    sys.settrace(_look_at_no_other)


def _look_at_no_other(frame: FrameType, event: str, argument: Any) -> None:
    """Without a tracer of its own a new frame is not looked at."""


def _innermost(frame: FrameType | None) -> FrameType | None:
    """The innermost frame of ours."""
    while frame is not None and not _is_ours(frame):
        frame = frame.f_back
    return frame


def _behind_a_library(frame: FrameType | None) -> FrameType | None:
    """The innermost frame of ours, if something else than plain Python runs in it."""
    ours = _innermost(frame)
    while frame is not None and frame is not ours:
        if not _is_plain(frame.f_code.co_filename):
            return ours
        frame = frame.f_back
    return None


def _is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_OURS)


def _is_plain(path: str) -> bool:
    """Whether a file is Python's own, or of a library that is all Python."""
    is_standard = path.startswith(_STANDARD) and "site-packages" not in path
    return is_standard or any(name in path for name in _WAITING)


@contextlib.contextmanager
def swallowed(
    kind: type[BaseException], error: Callable[[], BaseException | None]
) -> Iterator[None]:
    """A part in which an exception that Python must ignore comes again.

    That is so in destructors and in callbacks of weak references.

    Args:
        kind: Of the exception.
        error: As of `interrupt`.

    Yields:
        Nothing.
    """
    earlier = sys.unraisablehook

    def hook(seen: Any) -> None:
        if not isinstance(seen.exc_value, kind):
            earlier(seen)
            return
        ours = _innermost(sys._getframe(1))
        if ours is not None and sys.gettrace() is None:
            _arm(ours, error)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        if sys.unraisablehook is hook:
            sys.unraisablehook = earlier
