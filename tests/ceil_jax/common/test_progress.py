"""Bars that stay quiet where nobody watches."""

import io
import sys

from ceil_jax.common import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_is_silent_where_stderr_is_no_terminal(capsys):
    assert list(progress.bar(range(5), desc="embedding")) == [0, 1, 2, 3, 4]
    with progress.bar(total=3, unit="image") as bar:
        bar.update(3)
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out == ""


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
