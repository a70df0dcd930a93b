"""The lists of requirements agree with the code and with each other."""

import re
import sys
from collections.abc import Iterable
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.repo import source

# Where the name that is imported is not the name that is installed.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "absl": "absl-py",
    "faiss": "faiss-cpu",
    "mlflow": "mlflow-skinny",
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
    ours = {*source.PACKAGES, "docs", "tests"}
    tops = {t for t in tops if t not in sys.stdlib_module_names and t not in ours}
    return {canonical(DISTRIBUTIONS.get(t, t)) for t in tops}


def test_every_import_is_listed():
    # Benchmarks compare with libraries that no user needs.
    users = [name for name in source.PACKAGES if name != "benchmarks"]
    # What the extras that are in no list for the demo bring.
    optional = {"onnx", "onnxruntime", "openvino", "pyarrow"}
    optional |= {"mlflow-skinny", "wandb"}
    assert optional <= names("requirements-dev.txt")
    optional |= {"trackio"}  # it holds Pillow below 13: an environment of its own
    assert third_party(*users) <= names("requirements.txt") | optional
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


def versions(pinned: Iterable[Requirement], python: str) -> dict[str, str]:
    """Versions by name, of what one Python on Linux installs."""
    environment = {"python_full_version": f"{python}.0", "python_version": python}
    environment |= {"sys_platform": "linux"}
    return {
        canonical(pin.name): str(pin.specifier).removeprefix("==")
        for pin in pinned
        if pin.marker is None or pin.marker.evaluate(environment)
    }


@pytest.mark.parametrize("python", PYTHONS)
def test_constraints_are_within_the_ranges(python):
    pinned = versions(requirements("constraints.txt"), python)
    asked = requirements("requirements.txt") + requirements("requirements-dev.txt")
    for requirement in asked + requirements("requirements-docs.txt"):
        assert requirement.specifier.contains(pinned[canonical(requirement.name)])


LOCKS = ("demo", "dev", "docs")
INSTALLED = ("demo", "dev")  # here


def pins(lock: str) -> dict[tuple[str, str], list[str]]:
    """The lines of a lock: requirement and marker, and the hashes of its files."""
    text = (source.ROOT / "locks" / f"{lock}.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    found = {}
    for line in "\n".join(lines).replace("\\\n", "").splitlines():
        pin, *hashes = line.split(" --hash=")
        name, _, marker = (part.strip() for part in pin.partition(";"))
        found[name, marker] = [each.strip() for each in hashes]
    return found


def locked(lock: str, python: str) -> dict[str, str]:
    """Versions by name, on Linux."""
    found = (Requirement(f"{pin} ; {m}" if m else pin) for pin, m in pins(lock))
    return versions(found, python)


@pytest.mark.parametrize("lock", [*LOCKS, "build"])
def test_every_pin_of_a_lock_has_hashes(lock):
    assert pins(lock)
    for (pin, _), hashes in pins(lock).items():
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9.]+", pin)
        assert hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes)


@pytest.mark.parametrize("lock", [*LOCKS, "build"])
def test_locks_name_no_place(lock):
    text = (source.ROOT / "locks" / f"{lock}.txt").read_text(encoding="utf-8")
    for word in ("://", "index", "find-links", "trusted", "@"):
        assert word not in text


@pytest.mark.parametrize("python", PYTHONS)
def test_locks_hold_every_requirement_within_its_range(python):
    asked = {"demo": requirements("requirements.txt")}
    for lock in ("dev", "docs"):
        asked[lock] = asked["demo"] + requirements(f"requirements-{lock}.txt")
    for lock in LOCKS:
        versions = locked(lock, python)
        for requirement in asked[lock]:
            name = canonical(requirement.name)
            if name == "torch":  # has other files for every kind of machine
                assert name not in versions
            else:
                assert requirement.specifier.contains(versions[name])


@pytest.mark.parametrize("python", PYTHONS)
def test_locks_are_the_constraints(python):
    pinned = versions(requirements("constraints.txt"), python)
    for lock in LOCKS:
        for name, version in locked(lock, python).items():
            assert (name, version) == (name, pinned[name])
    for lock in LOCKS:
        assert locked("demo", python).items() <= locked(lock, python).items()


@pytest.mark.parametrize("lock", INSTALLED)
def test_locks_are_complete(lock):
    """What each asks for, as installed here, is locked, too: nothing comes unhashed."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    versions = locked(lock, python)
    top = requirements("requirements.txt")
    if lock == "dev":
        top += [r for r in requirements("requirements-dev.txt") if r.name != "torch"]
    seen, rest = set(), list(top)
    while rest:
        asked = rest.pop()
        if (key := (canonical(asked.name), frozenset(asked.extras))) in seen:
            continue
        seen.add(key)
        assert key[0] in versions
        for line in metadata.requires(asked.name) or []:
            inner = Requirement(line)
            extras = [{"extra": extra} for extra in (*asked.extras, "")]
            if inner.marker is None or any(map(inner.marker.evaluate, extras)):
                rest.append(inner)
    assert {name for name, _ in seen} == set(versions)


def test_past_vulnerabilities_are_mended_in_the_locked_versions():
    """The table of SECURITY.md: library, advisory, first version without it."""
    text = (source.ROOT / "SECURITY.md").read_text(encoding="utf-8")
    line = r"^\| `([\w.-]+)` \| (?:CVE|PYSEC|GHSA)-[^|]+ \| ([\d.]+) \|$"
    rows = re.findall(line, text, re.M)
    assert len(rows) == text.count("| CVE") + text.count("| PYSEC") + text.count(
        "| GHSA"
    )
    assert rows
    for python in PYTHONS:
        torch = [r for r in requirements("constraints.txt") if r.name == "torch"]
        versions = locked("dev", python) | locked("build", python)
        versions["torch"] = str(torch[0].specifier).removeprefix("==")
        for name, mended in rows:
            assert Version(versions[canonical(name)]) >= Version(mended)
