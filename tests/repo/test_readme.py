"""The commands that the documents show exist and are understood."""

import re
import shlex
import sys

import pytest
from absl import flags
from ml_collections import config_flags

from ceil_jax.config import Config, check
from tests.repo import source

DOCUMENTS = ("README.md", "CONTRIBUTING.md")
GUIDES = [source.relative(path) for path in sorted(source.ROOT.glob("docs/*.md"))]
BLOCK = re.compile(r"^```(?:bash|sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(make [a-z][^`]*)`")
TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)


def commands(document: str) -> list[list[str]]:
    """Words of every command in shell blocks, and of every `make` in the text."""
    text = (source.ROOT / document).read_text(encoding="utf-8")
    lines = [
        line.removeprefix("$ ")
        for block in BLOCK.findall(text)
        for line in block.replace("\\\n", " ").splitlines()
    ]
    words = [shlex.split(line, comments=True) for line in lines + INLINE.findall(text)]
    return [w for w in words if w]


def arguments_of_main(words: list[str]) -> list[str] | None:
    """What stands after `python -m ceil_jax.main`, or None in other commands."""
    for start in range(len(words) - 2):
        python, dash, module = words[start : start + 3]
        if python.endswith(("python", "python3")) and dash == "-m":
            return words[start + 3 :] if module == "ceil_jax.main" else None
    return None


@pytest.mark.parametrize("document", DOCUMENTS)
def test_make_targets_exist(document):
    targets = set(TARGET.findall((source.ROOT / "Makefile").read_text()))
    shown = {w for words in commands(document) if words[0] == "make" for w in words[1:]}
    shown = {word for word in shown if "=" not in word and not word.startswith("-")}
    assert shown, f"{document} shows no make command"
    assert shown <= targets


@pytest.mark.parametrize("document", [*DOCUMENTS, *GUIDES])
def test_commands_of_the_program_parse(document, monkeypatch):
    monkeypatch.chdir(source.ROOT)
    for words in commands(document):
        arguments = arguments_of_main(words)
        if arguments is not None:
            # The library finds the overridden fields there.
            monkeypatch.setattr(sys, "argv", ["main", *arguments])
            parse(sys.argv)


def parse(argv: list[str]) -> None:
    """Read arguments as the program does, with flags of this test's own.

    Raises:
        Exception: A flag, a config file or a field does not exist.
    """
    values = flags.FlagValues()
    config_flags.DEFINE_config_file("config", flag_values=values)
    flags.DEFINE_string("workdir", None, "", flag_values=values)
    flags.DEFINE_enum("mode", "train", ["train", "evaluate"], "", flag_values=values)
    left = values(argv)
    assert left == ["main"], f"{left[1:]} are no flags"
    assert isinstance(values.config, Config), "no --config"
    check(values.config)


def test_readme_shows_the_two_commands():
    shown = commands("README.md")
    assert ["make", "demo"] in shown
    assert ["make", "test"] in shown


def test_files_named_in_links_exist():
    for document in (*DOCUMENTS, *GUIDES, "CHANGELOG.md"):
        text = (source.ROOT / document).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
            if not re.match(r"[a-z]+:", target):
                path = (source.ROOT / document).parent / target
                assert path.exists(), f"{document}: {target}"
