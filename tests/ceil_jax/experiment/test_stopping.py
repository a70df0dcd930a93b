"""Signals: what a program does that is told to end, and that it does so in time."""

import signal
import subprocess
import sys
import textwrap
import threading
import time
from typing import NamedTuple

import pytest

from ceil_jax.experiment import stopping
from tests.repo import source

PROGRAM = """
import contextlib, ctypes, os, signal, sys, threading, time
from ceil_jax.experiment import stopping

# Whatever these tests run under may ignore some.
for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
    usual = signal.default_int_handler if each == signal.SIGINT else signal.SIG_DFL
    signal.signal(each, signal.SIG_IGN if each in {ignored} else usual)

def begun():
    print("begun", flush=True)

def soon(act):
    threading.Timer(0.3, act).start()

def after():
    pass

def stuck():
    '''Wait in C for ever, where no handler of Python can run.'''
    mutex = ctypes.create_string_buffer(256)
    lock = ctypes.CDLL(None).pthread_mutex_lock
    lock(mutex)
    soon(begun)
    lock(mutex)

def work(stop):
{body}

try:
    with stopping.Stopping(main_seconds=2.0, all_seconds=4.0) as stop:
        work(stop)
    after()
    print("worked", flush=True)
except stopping.Stopped as stopped:
    print(f"\\n{{stopped}}", file=sys.stderr)
    stopping.leave(stopped.status)
"""
MAIN, ALL = 2.0, 4.0
SLACK = 10.0
"""What a busy machine may add."""


class Ended(NamedTuple):
    status: int
    out: list[str]
    err: str
    seconds: float


def run(body: str, *signals: int | float, ignored: tuple[int, ...] = ()) -> Ended:
    """Run a program; once it has begun send signals, or wait between them."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            PROGRAM.format(
                body=textwrap.indent(textwrap.dedent(body), "    "),
                ignored=tuple(map(int, ignored)),
            ),
        ],
        cwd=source.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        begin = time.monotonic()
        for each in signals:
            if isinstance(each, float):
                time.sleep(each)
            else:
                process.send_signal(each)
        out, err = process.communicate(timeout=60)
        seconds = time.monotonic() - begin
    finally:
        process.kill()
    return Ended(process.returncode, out.splitlines(), err, seconds)


def said(number: int, how: str = stopping.NOTHING) -> str:
    """All of stderr: one line."""
    return f"\nstopped by {signal.Signals(number).name}: {how}\n"


SIGNALS = {
    signal.SIGTERM: 143,
    signal.SIGINT: 130,
    signal.SIGHUP: 129,
    signal.SIGUSR1: 138,
}
IN_PYTHON = "begun(); time.sleep(60)"


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(
    "body",
    [
        IN_PYTHON,
        "begun()\nwhile True: pass",
        "lock = threading.Lock(); lock.acquire(); begun(); lock.acquire()",
        "begun(); threading.Event().wait()",
    ],
    ids=["asleep", "busy", "locked", "waiting"],
)
def test_a_signal_ends_the_program_with_its_status_and_a_line(number, body):
    ended = run(body, number)
    assert (ended.status, ended.out) == (SIGNALS[number], [])
    assert ended.err == said(number)


@pytest.mark.parametrize("number", SIGNALS)
def test_what_was_ignored_stays_ignored(number):
    ended = run("begun(); time.sleep(1)", number, 0.2, number, ignored=(number,))
    assert ended[:3] == (0, ["worked"], "")


def test_others_end_a_program_that_ignores_one():
    ignored = (signal.SIGHUP,)
    ended = run(IN_PYTHON, signal.SIGHUP, 0.5, signal.SIGTERM, ignored=ignored)
    assert ended[:3] == (143, [], said(signal.SIGTERM))


def test_other_signals_are_none_of_its_business():
    body = """
    signal.signal(signal.SIGUSR2, lambda *unused: print("mine", flush=True))
    begun()
    time.sleep(2)
    """
    ended = run(body, signal.SIGUSR2, 0.3, signal.SIGUSR2)
    assert ended[:3] == (0, ["mine", "mine", "worked"], "")


DEFERRED = """
with stop.deferred():
    with stop.deferred():
        begun()
        time.sleep(1.2)
    print("inner", flush=True)
    time.sleep({seconds})
    print("outer", flush=True)
print("after", flush=True)
"""


def test_a_deferred_signal_is_answered_at_the_end_of_the_part():
    ended = run(DEFERRED.format(seconds=0), signal.SIGTERM)
    assert ended[:3] == (143, ["inner", "outer"], said(signal.SIGTERM))


def test_a_second_signal_ends_it_at_once():
    ended = run(DEFERRED.format(seconds=60), signal.SIGINT, 0.4, signal.SIGTERM)
    assert (ended.status, ended.out) == (143, [])
    assert ended.err == said(signal.SIGTERM, "at once, at the second signal")


def test_a_signal_that_comes_twice_at_once_is_one():
    ended = run(DEFERRED.format(seconds=0), signal.SIGTERM, signal.SIGTERM)
    assert ended[:3] == (143, ["inner", "outer"], said(signal.SIGTERM))
    # As by a launcher that passes on what its whole group got.
    ended = run(DEFERRED.format(seconds=0), signal.SIGINT, 0.02, signal.SIGINT)
    assert ended[:3] == (130, ["inner", "outer"], said(signal.SIGINT))


def test_a_mistake_in_a_deferred_part_comes_first():
    body = """
    try:
        with stop.deferred():
            begun()
            time.sleep(0.5)
            raise KeyError("its own")
    except KeyError:
        print("told", flush=True)
    with stop.deferred():
        print("done", flush=True)
    """
    ended = run(body, signal.SIGTERM)
    assert ended[:3] == (143, ["told", "done"], said(signal.SIGTERM))


@pytest.mark.parametrize(
    ("save", "how"),
    [
        ("lambda: 'saved at epoch 3'", "saved at epoch 3"),
        (
            "lambda: [][0]",
            "not saved (list index out of range); the checkpoint before is whole",
        ),
        (
            "sys.exit",
            "not saved (); the checkpoint before is whole",
        ),
    ],
)
def test_where_the_main_thread_is_stuck_another_saves(save, how):
    ended = run(f"with stop.last_resort({save}): stuck()", signal.SIGTERM)
    assert (ended.status, ended.out, ended.err) == (143, [], said(signal.SIGTERM, how))
    assert MAIN <= ended.seconds < ALL + SLACK


def test_the_innermost_last_resort_counts_while_it_is_open():
    body = """
    with stop.last_resort(lambda: "outer"):
        with stop.last_resort(lambda: "inner"):
            pass
        stuck()
    """
    assert run(body, signal.SIGINT).err == said(signal.SIGINT, "outer")
    body = """
    with stop.last_resort(lambda: "saved"):
        pass
    stuck()
    """
    ended = run(body, signal.SIGHUP)
    assert (ended.status, ended.err) == (129, said(signal.SIGHUP))


def test_a_last_resort_that_is_stuck_too_does_not_keep_the_process():
    ended = run("with stop.last_resort(lambda: time.sleep(60)): stuck()", 15)
    assert (ended.status, ended.err) == (143, said(15, stopping.TOO_LONG))
    assert ALL <= ended.seconds < ALL + SLACK


def test_a_second_signal_is_heard_while_the_last_resort_is_stuck():
    body = "with stop.last_resort(lambda: time.sleep(60)): stuck()"
    ended = run(body, signal.SIGTERM, 2.5, signal.SIGINT)
    assert ended.status == 130
    assert ended.err == said(signal.SIGINT, "at once, at the second signal")


def test_what_saves_has_all_the_time_and_tells_it_itself():
    body = """
    try:
        begun()
        time.sleep(60)
    except stopping.Stopped as stopped:
        with stop.saving():
            time.sleep(2.7)
        time.sleep(0.5)
        raise stopping.Stopped(stopped.number, "saved at step 5") from None
    """
    ended = run(body, signal.SIGTERM)
    assert (ended.status, ended.err) == (143, said(15, "saved at step 5"))


def test_what_saves_too_long_is_ended():
    body = """
    with contextlib.suppress(stopping.Stopped):
        begun()
        time.sleep(60)
    with stop.saving():
        print("saving", flush=True)
        time.sleep(60)
    """
    ended = run(body, signal.SIGTERM)
    assert (ended.status, ended.out) == (143, ["saving"])
    assert ended.err == said(15, stopping.TOO_LONG)
    assert ALL <= ended.seconds < ALL + SLACK


def test_a_program_that_swallows_every_exception_is_ended():
    body = """
    soon(begun)
    while True:
        try:
            time.sleep(0.01)
        except BaseException:
            print("swallowed", flush=True)
    """
    ended = run(body, signal.SIGTERM)
    assert (ended.status, ended.out) == (143, ["swallowed"])
    assert ended.err == said(signal.SIGTERM)
    assert MAIN <= ended.seconds < ALL + SLACK


def test_it_is_ended_where_nobody_reads_the_line():
    body = """
    os.close(2)
    stuck()
    """
    assert run(body, signal.SIGTERM)[:3] == (143, [], "")


@pytest.mark.parametrize("number", SIGNALS)
def test_after_it_the_system_s_own_answer_is_back(number):
    body = f"""
    global after
    def after():
        try:
            soon(begun)
            time.sleep(60)
        except KeyboardInterrupt:
            os._exit(128 + {int(signal.SIGINT)})
    """
    want = 130 if number == signal.SIGINT else -number
    assert run(body, number)[:3] == (want, [], "")


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in SIGNALS]


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_nothing_is_left_of_it():
    before = handlers()
    for _ in range(3):
        with stopping.Stopping() as stop:
            assert stopping.current() is stop
            assert "stop" in threads()
            # What was ignored, as by nohup, stays ignored.
            heard = [
                now
                for now, then in zip(handlers(), before, strict=True)
                if then is not signal.SIG_IGN
            ]
            assert heard
            assert not set(heard) & set(before)
        assert handlers() == before
        assert "stop" not in threads()
        assert stopping.current() is not stop
        fd = signal.set_wakeup_fd(-1)
        assert fd == -1


def test_nothing_is_left_of_it_where_it_was_stopped():
    before = handlers()
    with pytest.raises(stopping.Stopped) as caught, stopping.Stopping() as stop:
        signal.raise_signal(signal.SIGUSR1)
    assert handlers() == before
    assert stop.number == signal.SIGUSR1
    assert (caught.value.number, caught.value.status) == (signal.SIGUSR1, 138)
    assert str(caught.value) == said(signal.SIGUSR1).strip()
    assert "stop" not in threads()


def test_in_another_thread_it_does_nothing():
    before, seen = handlers(), []

    def work() -> None:
        with stopping.Stopping() as stop:
            seen.append(handlers())
            seen.append("stop" in threads())
            seen.append(stopping.current() is stop)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before, False, False]
    assert handlers() == before


def test_without_one_its_parts_change_nothing():
    stop = stopping.current()
    done = []
    with stop.deferred(), stop.last_resort(lambda: "unused"):
        done.append(stop.number)
    with stop.saving():
        done.append(stop.number)
    assert done == [None, None]
    assert stopping.current().number is None


def test_a_line_says_what_was_saved():
    assert str(stopping.Stopped(15, "saved at epoch 4")) == (
        "stopped by SIGTERM: saved at epoch 4"
    )
    assert stopping.line(2) == f"stopped by SIGINT: {stopping.NOTHING}"
