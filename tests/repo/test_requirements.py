"""The lists of requirements agree with the code and with each other."""

import sys

import pytest
from packaging.requirements import Requirement

from tests.repo import source

# Where the name that is imported is not the name that is installed.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "absl": "absl-py",
    "faiss": "faiss-cpu",
    "orbax": "orbax-checkpoint",
    "sklearn": "scikit-learn",
}
PYTHONS = ("3.11", "3.12", "3.13")


def canonical(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def requirements(name: str) -> list[Requirement]:
    """Requirements of a file and of the files it includes."""
    found = []
    for line in (source.ROOT / name).read_text(encoding="utf-8").splitlines():
        line = line.split(" #")[0].strip()
        if line.startswith("-r "):
            found += requirements(line.removeprefix("-r ").strip())
        elif line and not line.startswith("#"):
            found.append(Requirement(line))
    return found


def names(file: str) -> set[str]:
    return {canonical(r.name) for r in requirements(file)}


def third_party(*folders: str) -> set[str]:
    tops = {i.split(".")[0] for p in source.files(*folders) for i in source.imports(p)}
    ours = {*source.PACKAGES, "tests"}
    tops = {t for t in tops if t not in sys.stdlib_module_names and t not in ours}
    return {canonical(DISTRIBUTIONS.get(t, t)) for t in tops}


def test_every_import_is_listed():
    # Benchmarks compare with libraries that no user needs.
    users = [name for name in source.PACKAGES if name != "benchmarks"]
    assert third_party(*users) <= names("requirements.txt")
    development = names("requirements.txt") | names("requirements-dev.txt")
    assert third_party("tests", "benchmarks") <= development | {
        "packaging"
    }  # pytest's own


@pytest.mark.parametrize("cuda", ["12", "13"])
def test_one_faiss_only(cuda):
    assert "faiss-gpu" not in names("requirements.txt")
    gpu = requirements(f"requirements-cuda{cuda}.txt")
    assert "faiss-cpu" not in {r.name for r in gpu}
    assert {f"cuda{cuda}"} in [r.extras for r in gpu if r.name == "jax"]
    assert "faiss-gpu" in {r.name for r in gpu}


@pytest.mark.parametrize("python", PYTHONS)
def test_constraints_are_within_the_ranges(python):
    environment = {"python_version": python}
    pinned = {
        canonical(r.name): str(r.specifier).removeprefix("==")
        for r in requirements("constraints.txt")
        if r.marker is None or r.marker.evaluate(environment)
    }
    asked = requirements("requirements.txt") + requirements("requirements-dev.txt")
    for requirement in asked:
        assert requirement.specifier.contains(pinned[canonical(requirement.name)])
