"""Configuration files that are none: one line each, whatever they hold."""

import pytest

from ceil_jax import main
from ceil_jax.common.errors import UserError

WORKDIR = "--workdir=runs/never"
PROGRAM = "from ceil_jax.experiment.config import *\ndef get_config():\n    "
NO_PROGRAMS = {
    "binary": (bytes(range(256)), "SyntaxError"),
    "empty": (b"", "it defines no get_config()"),
    "Latin-1": (b"# \xe9\nx = '\xe9'\n", "SyntaxError"),
    "UTF-16": ("x = 1".encode("utf-16"), "SyntaxError"),
    "no function": ("get_config = 3", "TypeError"),
    "arguments": ("def get_config(size): pass", "TypeError"),
    "nothing": ("def get_config(): return None", "must return a ceil_jax Config"),
    "a list": ("def get_config(): return []", "must return a ceil_jax Config"),
    "a number": ("def get_config(): return 3", "must return a ceil_jax Config"),
    "the class": (f"{PROGRAM}return Config", "must return a ceil_jax Config"),
    "a part": (f"{PROGRAM}return EncoderConfig()", "must return a ceil_jax Config"),
    "a generator": (f"{PROGRAM}yield Config()", "must return a ceil_jax Config"),
    "exit": ("raise SystemExit(3)", "SystemExit: 3"),
    "exit when called": (f"{PROGRAM}raise SystemExit", "SystemExit"),
    "generator exit": ("raise GeneratorExit", "GeneratorExit"),
    "recursion": ("def get_config(): return get_config()", "RecursionError"),
    "memory": ("x = ' ' * 10**15", "MemoryError"),
    "long message": ("raise ValueError('x ' * 100_000)", "x x x"),
    "dumb error": (
        "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
        "E",
    ),
    "dumb value": (
        f"class A:\n    def __repr__(self): raise ValueError\n{PROGRAM}"
        "return Config(seed=A())",
        "config.seed=an A must be a whole number",
    ),
    "no group": (f"{PROGRAM}return Config(encoder=None)", "config.encoder=None must"),
    "a dictionary": (f"{PROGRAM}return Config(batch={{}})", "config.batch={} must be"),
    "no value": (f"{PROGRAM}c = Config(); del c.seed; return c", "config.seed=None"),
    "huge": (f"{PROGRAM}return Config(stage1_epochs=10**12)", "stage1_epochs=1000"),
    "switch": (f"{PROGRAM}return Config(seed=True)", "config.seed=True must be"),
    "prints": (f"print('hello')\n{PROGRAM}return Config(seed=-1)", "config.seed=-1"),
}


@pytest.mark.parametrize("kind", NO_PROGRAMS)
def test_files_that_are_no_configuration(kind, tmp_path, capsys):
    content, part = NO_PROGRAMS[kind]
    path = tmp_path / "mine.py"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main.main(["main", f"--config={path}", WORKDIR]) == 2
    out, error = capsys.readouterr()
    assert out == ("hello\n" if kind == "prints" else "")
    assert error.startswith("error: ")
    assert str(path) in error
    assert part in error
    assert error[:-1].isprintable()
    assert len(error) < 500
    assert main.main(["main", "--help", f"--config={path}"]) == 0


NO_RECORDS = {
    "empty": b"",
    "a list": b"[1]",
    "a number": b"3",
    "nothing": b"null",
    "cut": b'{"seed": 1, "enco',
    "binary": bytes(range(256)),
    "Latin-1": b'{"data_dir": "\xe9"}',
    "UTF-16": '{"seed": 1}'.encode("utf-16"),
    "unknown": b'{"sede": 1}',
    "many unknown": str({f"a{i}" * 99: 1 for i in range(99)})
    .replace("'", '"')
    .encode(),
    "deep": b"[" * 100_000,
    "digits": b'{"seed": ' + b"9" * 5000 + b"}",
    "no group": b'{"encoder": 3}',
    "a group": b'{"seed": {}}',
    "not a number": b'{"optimizer": {"rate": NaN}}',
    "infinite": b'{"cache_gib": Infinity}',
}


@pytest.mark.parametrize("kind", NO_RECORDS)
@pytest.mark.parametrize("by_workdir", [True, False])
def test_records_that_are_no_configuration(kind, by_workdir, tmp_path, capsys):
    path = tmp_path / "config.json"
    path.write_bytes(NO_RECORDS[kind])
    words = [f"--workdir={tmp_path}"] if by_workdir else [f"--config={path}", WORKDIR]
    assert main.main(["main", *words]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith(f"error: {path}")
    assert error[:-1].isprintable()
    assert len(error) < 700
    assert path.read_bytes() == NO_RECORDS[kind]


def test_one_file_does_not_borrow_from_the_one_before(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(f"{PROGRAM}return Config()")
    assert main.parse(["main", f"--config={path}", WORKDIR]).config.seed == 1
    other = tmp_path / "other.py"
    other.write_text("")
    with pytest.raises(UserError, match="defines no get_config"):
        main.parse(["main", f"--config={other}", WORKDIR])
