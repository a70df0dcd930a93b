"""Progress: a bar on a terminal, else a line every 30 s of long work, and no sleep."""

import io
import sys
import threading

import pytest

from ceil_jax.common import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def watch(clock, monkeypatch):
    """A watch by that clock, whose thread never looks by itself."""
    made = progress.Watch(clock, pause=lambda end: end.wait())
    monkeypatch.setattr(progress, "_WATCH", made)
    return made


@pytest.fixture
def lines(capsys):
    return lambda: capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (-1, "0 s"),
        (35.4, "35 s"),
        (59.7, "1 min 0 s"),
        (130, "2 min 10 s"),
        (3600, "1 h 0 min"),
        (3900, "1 h 5 min"),
        (90000, "25 h 0 min"),
    ],
)
def test_times_in_words(seconds, text):
    assert progress.duration(seconds) == text


def test_short_work_says_nothing(capsys):
    assert list(progress.bar(range(5), desc="embedding")) == [0, 1, 2, 3, 4]
    with progress.bar(total=3, unit="image") as bar:
        bar.update(3)
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out == ""


def test_long_work_says_how_far_it_is_and_what_is_left(watch, clock, lines):
    with progress.bar(total=22258, desc="embedding visible", unit="img") as bar:
        clock.seconds = 29.0
        bar.update(4000)
        assert lines() == []
        clock.seconds = 35.0
        bar.update(96)
        # 35 s for 4,096 images: 155.2 s for the 18,162 that are left.
        assert lines() == [
            "embedding visible: 4,096 of 22,258 images, 35 s, 2 min 35 s left"
        ]
        clock.seconds = 64.0
        bar.update(4096)
        assert lines() == []
        clock.seconds = 65.0
        bar.update(4096)
        assert len(lines()) == 1


def test_work_that_is_walked_through_counts_itself(watch, clock, lines):
    seen = []
    for item in progress.bar(["a", "b", "c", "d"], desc="reading", unit="file"):
        clock.seconds += 20
        seen.append(item)
    assert seen == ["a", "b", "c", "d"]
    assert lines() == [
        "reading: 2 of 4 files, 40 s, 40 s left",
        "reading: 4 of 4 files, 1 min 20 s",
    ]


def test_short_work_is_silent_however_often_it_is_done(watch, clock, lines):
    for _ in range(100):
        with progress.bar(total=1, desc="neighbours") as bar:
            clock.seconds += 5
            bar.update()
    assert lines() == []


def test_many_short_parts_of_long_work_are_told_of(watch, clock, lines):
    with progress.heartbeat("training"):
        for number in range(12):
            with progress.bar(total=2, desc=f"part {number}", unit="row") as bar:
                clock.seconds += 10
                bar.update(2)
    told = [line.split(":")[0] for line in lines()]
    assert told == ["part 2", "part 5", "part 8", "part 11"]


def test_work_without_a_count_is_told_of_by_the_thread(clock, lines, monkeypatch):
    looks = iter([10.0, 31.0, 45.0, 62.0])
    done = threading.Event()

    def pause(end):
        clock.seconds = next(looks, clock.seconds)
        if clock.seconds == 62.0:
            watch.tell()
            done.set()
            return end.wait()
        return False

    watch = progress.Watch(clock, pause=pause)
    monkeypatch.setattr(progress, "_WATCH", watch)
    with progress.heartbeat("compiling"):
        assert done.wait(10)
    assert lines() == ["compiling: 31 s", "compiling: 1 min 2 s"]


def test_the_thread_ends_with_the_last_part(clock):
    ended = []

    def pause(end):
        ended.append(end)
        return end.wait()

    watch = progress.Watch(clock, pause=pause)
    outer = progress.Part(watch, desc="outer")
    [thread] = [t for t in threading.enumerate() if t.name == "progress"][-1:]
    inner = progress.Part(watch, desc="inner")
    outer.close()
    assert thread.is_alive()
    inner.close()
    inner.close()
    thread.join(10)
    assert not thread.is_alive()
    assert len(ended) == 1


def test_a_closed_stderr_does_not_stop_the_work(watch, clock, monkeypatch):
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(progress.sys, "stderr", closed)
    part = progress.Part(watch, total=2)
    clock.seconds = 40
    part.update()
    part.close()
    assert part.n == 1


def test_what_may_not_show_shows_nothing(watch, clock, lines):
    with progress.bar(total=2, shown=False) as bar:
        clock.seconds = 100
        bar.update()
    assert lines() == []


def test_shows_what_how_many_and_the_unit_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    walked = []
    for item in progress.bar(iter("abc"), total=3, desc="embedding", unit="image"):
        walked.append(item)
    assert walked == ["a", "b", "c"]
    shown = terminal.getvalue()
    for part in ("embedding", "0/3", "image/s"):
        assert part in shown


def test_is_updated_by_hand(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress.bar(total=10, desc="fitting") as bar:
        bar.update(4)
        bar.refresh()
        assert bar.n == 4
    assert "4/10" in terminal.getvalue()


def test_a_terminal_needs_no_heartbeat(watch, clock, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress.heartbeat("compiling"):
        clock.seconds = 100
        watch.tell()
    assert terminal.getvalue() == ""
