"""What is installed: import names, files, dependencies in layers."""

import tomllib
from importlib import import_module

import pytest
from packaging.requirements import Requirement

from ceil_jax.common import extras
from tests.repo import source
from tests.repo.test_requirements import DISTRIBUTIONS, canonical, requirements

PYPROJECT = tomllib.loads((source.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS = PYPROJECT["tool"]["setuptools"]
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
# `configs` stands at the top of the checkout and inside the package once installed.
MAPPED = {"ceil_jax.configs": "configs"}


def ranges(lines: list[str]) -> dict[str, Requirement]:
    """Requirements by canonical name, those of our own extras resolved."""
    found: dict[str, Requirement] = {}
    for requirement in map(Requirement, lines):
        if canonical(requirement.name) == "ceil-jax":
            for extra in requirement.extras:
                found |= ranges(EXTRAS[extra])
        else:
            found[canonical(requirement.name)] = requirement
    return found


CORE = ranges(PYPROJECT["project"]["dependencies"])


def listed(file: str) -> dict[str, Requirement]:
    return {canonical(r.name): r for r in requirements(file)}


def test_every_package_is_installed():
    folders = [
        path.parent.relative_to(source.ROOT)
        for top in ("ceil_jax", "pallas_kernels")
        for path in (source.ROOT / top).rglob("__init__.py")
    ]
    in_tree = {".".join(folder.parts) for folder in folders}
    assert SETUPTOOLS["packages"] == sorted({*in_tree, *MAPPED})
    assert SETUPTOOLS["package-dir"] == MAPPED
    tops = {name.split(".")[0] for name in SETUPTOOLS["packages"]}
    assert tops == {"ceil_jax", "pallas_kernels"}


def test_every_python_file_lies_in_a_package():
    for path in source.files("ceil_jax", "pallas_kernels", "configs"):
        assert (path.parent / "__init__.py").is_file(), path


def test_every_file_that_is_no_code_is_installed():
    patterns = SETUPTOOLS["package-data"]["*"]
    folders = [source.ROOT / top for top in ("ceil_jax", "pallas_kernels")]
    kinds = {
        f"*{path.suffix}"
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert kinds <= set(patterns)
    assert {"*.bib", "*.md", "*.safetensors", "*.json"} <= kinds


def test_the_core_has_no_flax():
    heavy = ("flax", "optax", "orbax-checkpoint", "tensorflow-datasets", "matplotlib")
    assert not {*heavy, "faiss-cpu", "faiss-gpu", "pillow"} & CORE.keys()


def test_all_layers_together_are_the_requirements():
    everything = {**CORE, **ranges(EXTRAS["train"])}
    base = listed("requirements-base.txt")
    assert {n: str(r) for n, r in everything.items()} == {
        n: str(r) for n, r in base.items()
    }
    assert not CORE.keys() & ranges(EXTRAS["train"]).keys()
    assert ranges(EXTRAS["model"]).keys() < ranges(EXTRAS["train"]).keys()


@pytest.mark.parametrize(
    ("extra", "file"),
    [
        ("faiss", "requirements.txt"),
        ("cuda12", "requirements-cuda12.txt"),
        ("cuda13", "requirements-cuda13.txt"),
    ],
)
def test_the_builds_of_faiss_and_jax_are_those_of_the_lists(extra, file):
    base = listed("requirements-base.txt")
    added = {
        name: requirement
        for name, requirement in listed(file).items()
        if name not in base or requirement.extras
    }
    got = ranges(EXTRAS[extra])
    assert {name: r.extras for name, r in got.items()} == {
        name: r.extras for name, r in added.items()
    }


@pytest.mark.parametrize("extra", extras.EXTRAS)
def test_messages_name_what_an_extra_installs(extra):
    installed = {
        canonical(DISTRIBUTIONS.get(name, name)) for name in extras.EXTRAS[extra]
    }
    assert installed == ranges(EXTRAS[extra]).keys()


def test_modules_whose_shapes_are_checked_import():
    options = PYPROJECT["tool"]["pytest"]["ini_options"]["addopts"].split()
    (words,) = [o for o in options if o.startswith("--jaxtyping-packages=")]
    *modules, checker = words.partition("=")[2].split(",")
    assert len(modules) >= 3
    for name in modules:
        assert source.is_module(name), name
        import_module(name)
    assert checker == "beartype.beartype"
