"""A signal inside a library: the program ends at the next line of ours."""

import signal
import subprocess
import sys
import textwrap

import pytest

from ceil_jax.experiment import interrupting, stopping
from tests.repo import source

LIBRARY = """
import gc, os, signal, sys, time, weakref

def told():
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(100):  # the handler runs in one of these lines
        time.sleep(0.001)

def collect():
    gc.callbacks.append(lambda phase, info: told() if phase == "start" else None)
    gc.collect()
    gc.callbacks.clear()

def call(function):
    return function()

def work():
    told()
    print("whole", flush=True)

def defer(stop):
    told()
    stop._deferrals += 1

def never():
    told()
    while True:
        time.sleep(0.01)

class Dying:
    def __init__(self, act):
        self.act = act

    def __del__(self):
        self.act()
"""
HALF = """
from library import told
told()
print("loaded", flush=True)
"""
PROGRAM = """
import sys
from ceil_jax.experiment import interrupting, stopping
interrupting._OURS = (sys.argv[1] + "/ours",)
sys.path[:0] = [sys.argv[1] + "/ours", sys.argv[1] + "/theirs"]
try:
    with stopping.Stopping(main_seconds=2.0, all_seconds=4.0) as stop:
        import ours
        ours.work(stop)
    print("worked", flush=True)
except stopping.Stopped as stopped:
    print(f"{stopped}", file=sys.stderr)
    stopping.leave(stopped.status)
"""
ENDED = (143, f"{stopping.line(signal.SIGTERM)}\n")


def run(folder, body: str) -> tuple[int, list[str], str]:
    """Run our code, which calls the library's."""
    (folder / "ours").mkdir()
    (folder / "theirs").mkdir()
    (folder / "theirs" / "library.py").write_text(LIBRARY)
    (folder / "theirs" / "half.py").write_text(HALF)
    text = "import library\n\ndef work(stop):\n" + textwrap.indent(
        textwrap.dedent(body).strip() + "\n", "    "
    )
    (folder / "ours" / "ours.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        cwd=source.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.mark.parametrize(
    ("body", "printed"),
    [
        ("library.work()\nprint('after')", ["whole"]),
        ("return library.work()", ["whole"]),
        ("import half\nprint('after')", ["loaded"]),
        ("library.collect()\nprint('after')", []),
        ("library.call(library.work)\nprint('after')", ["whole"]),
        ("library.call(lambda: library.work())\nprint('after')", ["whole"]),
        ("[library.work() for _ in range(3)]", ["whole"]),
        ("library.Dying(library.told)\nprint('after')", []),
        ("for _ in range(2):\n    library.work()", ["whole"]),
    ],
)
def test_a_library_s_part_is_done_and_nothing_after_it(tmp_path, body, printed):
    status, out, err = run(tmp_path, body)
    assert (status, err) == ENDED
    assert out == printed


def test_an_exception_in_a_destructor_comes_again(tmp_path):
    body = """
    def act():
        for _ in range(10**7):  # ours: raised at once, and swallowed
            pass

    import os, signal, threading
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
    library.Dying(act)
    for _ in range(10**9):
        pass
    """
    status, out, err = run(tmp_path, body)
    assert (status, err) == ENDED
    assert out == []


def test_a_part_that_is_not_left_half_way_is_done(tmp_path):
    body = """
    library.defer(stop)
    print("half", flush=True)
    print("done", flush=True)
    stop._deferrals -= 1
    with stop.deferred():
        print("another", flush=True)
    print("never")
    """
    status, out, err = run(tmp_path, body)
    assert (status, err) == ENDED
    # The first part ends without a look; that of the second one stops the program.
    assert out == ["half", "done", "another"]


def test_a_library_that_never_returns_is_ended(tmp_path):
    status, out, err = run(tmp_path, "library.never()\nprint('after')")
    assert (status, err.strip()) == (ENDED[0], ENDED[1].strip())
    assert out == []


def test_other_unraisable_exceptions_are_told_as_ever(tmp_path):
    body = """
    def act():
        raise KeyError("its own")

    library.Dying(act)
    print("after", flush=True)
    """
    status, out, err = run(tmp_path, body)
    assert (status, out) == (0, ["after", "worked"])
    assert "KeyError: 'its own'" in err


def test_where_nothing_is_ours_it_is_raised_at_once():
    with pytest.raises(stopping.Stopped):
        interrupting.interrupt(sys._getframe(), lambda: stopping.Stopped(15))
    interrupting.interrupt(sys._getframe(), lambda: None)
    assert sys.gettrace() is None
