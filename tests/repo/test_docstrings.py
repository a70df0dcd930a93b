"""Public functions say what they do, and their Args are the signature's."""

import ast
import re

import pytest

from tests.repo import source

FOLDERS = (*source.PACKAGES, "docs")
FILES = [p for p in source.files(*FOLDERS) if p.name != "__main__.py"]
SECTION = re.compile(r"^(\w[\w ]*):$", re.MULTILINE)
ENTRY = re.compile(r"^ {4}(\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: \([^)]*\))?:", re.MULTILINE)


def is_public(name: str) -> bool:
    return not any(part.startswith("_") for part in name.split("."))


def parameters(function: source.Function) -> set[str]:
    arguments = function.args
    named = arguments.posonlyargs + arguments.args + arguments.kwonlyargs
    extra = [a for a in (arguments.vararg, arguments.kwarg) if a]
    return {a.arg for a in named + extra} - {"self", "cls"}


def documented(docstring: str) -> set[str] | None:
    """Names under Args, or None without that section."""
    parts = SECTION.split(docstring)
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        if title == "Args":
            groups = ENTRY.findall(text)
            return {n.strip().lstrip("*") for group in groups for n in group.split(",")}
    return None


def public_functions(path):
    for name, function in source.functions(source.tree(path)):
        overrides = any(
            isinstance(d, ast.Name) and d.id in ("override", "overload")
            for d in function.decorator_list
        )
        if is_public(name) and not overrides:
            yield name, function


@pytest.mark.parametrize("path", FILES, ids=source.relative)
def test_module_and_functions_have_docstrings(path):
    module = source.tree(path)
    if path.stat().st_size:
        assert ast.get_docstring(module), "the module has no docstring"
    for name, function in public_functions(path):
        assert ast.get_docstring(function), f"{name} has no docstring"


@pytest.mark.parametrize("path", FILES, ids=source.relative)
def test_args_match_the_signature(path):
    for name, function in public_functions(path):
        names = documented(ast.get_docstring(function) or "")
        if names is not None:
            assert names == parameters(function), name
        elif source.relative(path).startswith("ceil_jax/"):
            assert len(parameters(function)) < 2, f"{name} has no Args"


@pytest.mark.parametrize("path", FILES, ids=source.relative)
def test_public_functions_are_annotated(path):
    for name, function in public_functions(path):
        arguments = function.args
        named = arguments.posonlyargs + arguments.args + arguments.kwonlyargs
        bare = [
            a.arg for a in named if not a.annotation and a.arg not in ("self", "cls")
        ]
        assert not bare, f"{name}: {bare} have no annotation"
        assert function.returns or function.name == "__init__", (
            f"{name}: no return type"
        )


def test_the_reader_of_docstrings_reads():
    text = (
        "One line.\n\nArgs:\n    a: One\n        thing: not a name.\n"
        "    b, c (int): Two.\n    **more: All.\n\nReturns:\n    d: no."
    )
    assert documented(text) == {"a", "b", "c", "more"}
    assert documented("One line.") is None
