"""Counting compilations, and keeping what they made."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax

from ceil_jax.common.files import user_path

_EVENT = "/jax/core/compile/backend_compile_duration"


class CompilationCounter:
    """Counts the programs that JAX compiles, or reads from its cache.

    An epoch after the first of its stage should add none: a new one means that some
    shape changed. What compiles in the background is not counted: it is nobody's epoch.
    """

    def __init__(self) -> None:
        """Start at 0."""
        self.count = 0
        self.seconds = 0.0

        def listen(event: str, duration_secs: float, **kwargs: str | int) -> None:
            del kwargs
            if event == _EVENT and not is_in_background():
                self.count += 1
                self.seconds += duration_secs

        jax.monitoring.register_event_duration_secs_listener(listen)


_BACKGROUND = "compile-ahead"


def background() -> ThreadPoolExecutor:
    """A thread that compiles, one program after another.

    Returns:
        The pool; the end of the process waits for the program that it compiles.
    """
    return ThreadPoolExecutor(1, thread_name_prefix=_BACKGROUND)


def is_in_background() -> bool:
    """Whether this is the thread of a `background`.

    Returns:
        True if it is.
    """
    return threading.current_thread().name.startswith(_BACKGROUND)


def use_cache(folder: str) -> None:
    """Keep compiled programs on disk, so that a second run starts at once.

    What compiles in less than a second is not worth a file, JAX says; its variable
    `JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS` says otherwise.

    Args:
        folder: Where; "" for the user's cache folder, "off" for nowhere.
    """
    if folder == "off":
        return
    path = (
        user_path(folder)
        if folder
        else Path.home() / ".cache" / "ceil_jax" / "compiled"
    )
    jax.config.update("jax_compilation_cache_dir", str(path))
