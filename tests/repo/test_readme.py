"""The commands that the documents show exist and are understood."""

import re
import shlex
import sys

import pytest

from tests.repo import program, source

DOCUMENTS = ("README.md", "CONTRIBUTING.md", "SECURITY.md")
GUIDES = [source.relative(path) for path in sorted(source.ROOT.glob("docs/*.md"))]
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FLAG = re.compile(r'DEFINE_\w+\(\s*"(\w+)"')
BLOCK = re.compile(r"^```(?:bash|sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(make [a-z][^`]*)`")
TARGET = re.compile(r"^([a-z][a-z0-9-]*):", re.MULTILINE)


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


@pytest.mark.parametrize("document", [*DOCUMENTS, *GUIDES])
def test_make_targets_exist(document):
    targets = set(TARGET.findall((source.ROOT / "Makefile").read_text()))
    shown = {w for words in commands(document) if words[0] == "make" for w in words[1:]}
    shown = {word for word in shown if "=" not in word and not word.startswith("-")}
    assert shown or document in GUIDES, f"{document} shows no make command"
    assert shown <= targets


@pytest.mark.parametrize("document", GUIDES)
def test_benchmarks_have_the_flags_that_are_shown(document):
    for words in commands(document):
        if len(words) < 3 or words[1] != "-m" or not words[2].startswith("benchmarks."):
            continue
        place = source.ROOT.joinpath(*words[2].split("."))
        files = [place.with_suffix(".py")] if not place.is_dir() else place.glob("*.py")
        known = {flag for file in files for flag in FLAG.findall(file.read_text())}
        shown = {word[2:].partition("=")[0] for word in words if word.startswith("--")}
        # `benchmarks.record` defines --output for those that leave a record.
        assert shown <= known | {"output"}, " ".join(words)


@pytest.mark.parametrize("document", [*DOCUMENTS, *GUIDES])
def test_python_is_python(document):
    text = (source.ROOT / document).read_text(encoding="utf-8")
    for block in PYTHON.findall(text):
        compile(block, document, "exec")


@pytest.mark.parametrize("document", [*DOCUMENTS, *GUIDES])
def test_commands_of_the_program_parse(document, monkeypatch):
    monkeypatch.chdir(source.ROOT)
    for words in commands(document):
        arguments = program.arguments_of_main(words)
        if arguments is not None:
            # The library finds the overridden fields there.
            monkeypatch.setattr(sys, "argv", ["main", *arguments])
            program.parse(sys.argv)


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
