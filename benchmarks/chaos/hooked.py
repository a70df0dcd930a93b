"""The program with something that happens to it at a chosen place.

    python -m benchmarks.chaos.hooked HOOK WORDS

HOOK is a `Hook` as JSON, WORDS are those of `ceil_jax.main`.
"""

import ctypes
import dataclasses
import importlib
import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class Hook:
    """What happens just before a function of the program does its work.

    Attributes:
        at: The function, as module:name, or module:class.name.
        call: Which call of it, counted from 1.
        signal: A signal that the process then sends itself; 0 for none.
        after: Seconds later, from a thread.
        sleep: Seconds of a C call that no signal interrupts.
        every: Whether each later call sleeps, too.
        fill: A folder whose disk is filled; "" for none.
        limit: Bytes that files may have from now on; -1 for any number.
        remove: A folder or file that is removed; "" for none.
        wait: A file that is waited for; "" for none.
        note: A file that gets the monotonic time of the signal, or of the call.
    """

    at: str
    call: int = 1
    signal: int = 0
    after: float = 0.0
    sleep: float = 0.0
    every: bool = False
    fill: str = ""
    limit: int = -1
    remove: str = ""
    wait: str = ""
    note: str = ""

    def text(self) -> str:
        """As a word of a command line."""
        return json.dumps(
            {
                field.name: getattr(self, field.name)
                for field in dataclasses.fields(self)
                if getattr(self, field.name) != field.default
            }
        )


def install(hook: Hook) -> None:
    """Put the hook before its function.

    Args:
        hook: What happens where.
    """
    module, _, name = hook.at.partition(":")
    owner: Any = importlib.import_module(module)
    *parents, last = name.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    function, calls = getattr(owner, last), [0]

    def disturbed(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] == hook.call:
            _happen(hook)
        elif hook.every and calls[0] > hook.call:
            _sleep(hook.sleep)
        return function(*args, **kwargs)

    setattr(owner, last, disturbed)


def _happen(hook: Hook) -> None:
    if hook.remove:
        path = Path(hook.remove)
        path.unlink() if path.is_file() else shutil.rmtree(path)
    if hook.fill:
        fill(Path(hook.fill))
    if hook.limit >= 0:
        _limit_files(hook.limit)
    if hook.signal and hook.after:
        threading.Thread(target=_signal, args=(hook,), daemon=True).start()
    elif hook.signal:
        _signal(hook)
    elif hook.note:
        _note(hook)
    if hook.wait:
        while not Path(hook.wait).exists():
            time.sleep(0.02)
    _sleep(hook.sleep)


def _note(hook: Hook) -> None:
    draft = Path(f"{hook.note}.draft")
    draft.write_text(str(time.monotonic()))
    draft.replace(hook.note)


def _signal(hook: Hook) -> None:
    time.sleep(hook.after)
    if hook.note:
        _note(hook)
    os.kill(os.getpid(), hook.signal)


def _sleep(seconds: float) -> None:
    """Like a compiler or a library: the interpreter has no turn until it is over."""
    if seconds:
        # The signal goes to another thread: the call is not cut short.
        earlier = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        ctypes.CDLL(None).sleep(round(seconds))
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)


def _limit_files(size: int) -> None:
    import resource  # not on Windows

    # Python ignores SIGXFSZ: a write that is too long is an error.
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))


FILLER = ".filler"


def fill(folder: Path) -> None:
    """Write into a folder until its disk is full.

    Args:
        folder: On a small disk of its own.
    """
    with (folder / FILLER).open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 10, 1):
            try:
                while file.write(b"\0" * size):
                    pass
            except OSError:
                continue


def main(argv: list[str]) -> int:
    """Install the hook and be the program.

    Args:
        argv: Program name, the hook, the program's words.

    Returns:
        The program's exit status.
    """
    install(Hook(**json.loads(argv[1])))
    from ceil_jax.main import main as program

    return program(["ceil_jax.main", *argv[2:]])


if __name__ == "__main__":
    sys.exit(main(sys.argv))
