"""What each extra costs: seconds to install it, megabytes, seconds to import it.

Each is installed by `pip install --no-cache-dir -c constraints.txt '.[EXTRA]'` into a
fresh environment, from the index that pip is configured for. Seconds are those of the
processor: what passes depends on how near the index is. Writes the tables of
`docs/dependencies.md`.

    python -m benchmarks.extras --write
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from absl import app, flags

from benchmarks import flagged, markdown
from benchmarks.measure import machine

_FLAGS = flagged.own(__name__)
_ONLY = flags.DEFINE_list(
    "only", None, "Some of the extras; the core is '.'.", flag_values=_FLAGS
)
_JOBS = flags.DEFINE_integer("jobs", 1, "Installed at once.", flag_values=_FLAGS)
_WRITE = flags.DEFINE_bool(
    "write", False, "Put the tables into docs/dependencies.md.", flag_values=_FLAGS
)
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "dependencies.md"
CORE = "."
# What a program imports that was installed for the sake of the extra.
ENTRIES = {
    CORE: "import ceil_jax.rerank",
    "model": "import ceil_jax; ceil_jax.load",
    "export": "import ceil_jax.model.export; import onnx; import flatbuffers",
    "onnxruntime": "import ceil_jax.model.engines; import onnxruntime",
    "openvino": "from ceil_jax.model import engines; engines.import_openvino()",
    "pages": "from ceil_jax.report import pages",
    "parquet": "import ceil_jax.evaluation; from pyarrow import parquet",
    "faiss": "import ceil_jax.neighbours; import faiss",
    "wandb": "import ceil_jax; import wandb",
    "mlflow": "import ceil_jax; import mlflow.tracking",
    "train": "import ceil_jax.experiment.modes.train",
}
# They need a GPU to be of use, and several GB. Trackio goes against constraints.txt.
NOT_MEASURED = ("faiss-gpu", "cuda12", "cuda13", "trackio")
IMPORTS = 3
# Run by the Python of an environment: its libraries, by what their own records say.
_LIST = """
import json
from importlib import metadata

def megabytes(files):
    paths = [file.locate() for file in files or ()]
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6

def library(found):
    said = found.metadata
    kinds = [c for c in said.get_all("Classifier") or () if c.startswith("License")]
    texts = [said["License-Expression"], said["License"], *reversed(kinds)]
    return {
        "name": said["Name"],
        "version": found.version,
        "megabytes": megabytes(found.files),
        "licences": [text for text in texts if text],
    }

print(json.dumps([library(found) for found in metadata.distributions()]))
"""


class Library(NamedTuple):
    """An installed library.

    Attributes:
        version: As installed.
        megabytes: Of its files, 10^6 bytes.
        licence: As it says itself.
    """

    version: str
    megabytes: float
    licence: str


class Cost(NamedTuple):
    """What an extra costs.

    Attributes:
        pip: Seconds of the processor that pip took, with all that it started.
        libraries: All that it installed, by name.
        package: Seconds of the processor of a process that imports `ceil_jax`.
        entry: The same of one that imports what the extra is for.
    """

    pip: float
    libraries: dict[str, Library]
    package: float
    entry: float


def licence(texts: Sequence[str]) -> str:
    """The shortest way that a library names its licence.

    Args:
        texts: Its expression, its field "License" (which may be the whole text), its
            classifiers; those that there are.

    Returns:
        The first that is a name; "-" if none is.
    """
    for text in texts:
        name = text.rpartition(" :: ")[2].strip()
        if " AND " in name and len(name) > 40:  # of what a wheel brings along, too
            name = f"{name.partition(' AND ')[0]} and others"
        if "\n" not in name and len(name) <= 40 and name != "OSI Approved":
            return name
    return "-"


def direct() -> dict[str, list[str]]:
    """The libraries that each extra asks for itself.

    Returns:
        Names as in `pyproject.toml`, by extra; the core's at `CORE`.
    """
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = {CORE: project["dependencies"], **project["optional-dependencies"]}
    names = {key: [Requirement(line).name for line in asked[key]] for key in asked}
    return {k: [n for n in names[k] if n != project["name"]] for k in names}


def _install(extra: str, environment: Path) -> float:
    """Install an extra into an environment that is made for it, and time pip."""
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    what = CORE if extra == CORE else f".[{extra}]"
    command = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    command += ["--disable-pip-version-check", "--no-cache-dir"]
    command += ["-c", "constraints.txt", what]
    return _processor(command)


def _processor(command: Sequence[str]) -> float:
    """Run a command in the checkout: its seconds, whatever else runs beside it."""
    process = subprocess.Popen(command, cwd=ROOT)
    _, status, used = os.wait4(process.pid, 0)  # not on Windows
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return used.ru_utime + used.ru_stime


def _imported(python: Path, code: str) -> float:
    """Median seconds of the processor of a fresh process, from outside the checkout."""
    program = f"{code}\nimport time; print(time.process_time())"
    seconds = []
    for _ in range(IMPORTS):
        command = [python, "-I", "-c", program]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds.append(float(done.stdout))
    return statistics.median(seconds)


def _libraries(python: Path) -> dict[str, Library]:
    """What is installed beside pip itself and ceil-jax."""
    command = [python, "-I", "-c", _LIST]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Library] = {}
    for each in json.loads(done.stdout):
        name = each["name"].lower().replace("_", "-")
        if name not in ("pip", "setuptools", "ceil-jax"):
            shown = licence(each["licences"])
            found[name] = Library(each["version"], each["megabytes"], shown)
    return found


def measure(extra: str) -> Cost:
    """Install an extra and import what it is for.

    Args:
        extra: A key of `ENTRIES`.

    Returns:
        What it cost.

    Raises:
        subprocess.CalledProcessError: It cannot be installed or imported.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder)
        pip = _install(extra, environment)
        python = environment / "bin" / "python"
        libraries = _libraries(python)
        package = _imported(python, "import ceil_jax")
        entry = _imported(python, ENTRIES[extra])
    print(f"{extra}: {pip:.0f} s", file=sys.stderr)
    return Cost(pip, libraries, package, entry)


def costs(found: dict[str, Cost]) -> list[list[markdown.Cell]]:
    """Rows of the first table, in the order of the extras.

    Args:
        found: Costs by extra.

    Returns:
        Install, number of libraries, megabytes, seconds of pip, of the two imports.
    """
    return [
        [
            f"`{CORE if extra == CORE else f'.[{extra}]'}`",
            len(cost.libraries),
            f"{sum(each.megabytes for each in cost.libraries.values()):,.0f}",
            f"{cost.pip:.0f}",
            f"{cost.package:.2f}",
            f"{cost.entry:.2f}",
        ]
        for extra, cost in found.items()
    ]


def shares(found: dict[str, Cost]) -> list[list[markdown.Cell]]:
    """Rows of the second table: the libraries that are asked for by name.

    Args:
        found: Costs by extra.

    Returns:
        Library, extra, version, licence, megabytes of its own.
    """
    rows: list[list[markdown.Cell]] = []
    for extra, names in direct().items():
        if extra not in found:
            continue
        for name in names:
            library = found[extra].libraries[name.lower().replace("_", "-")]
            size = f"{library.megabytes:.1f}"
            rows.append([name, f"`{extra}`", library.version, library.licence, size])
    return rows


def tables(extras: Sequence[str], jobs: int) -> str:
    """Measure, and make all tables.

    Args:
        extras: Keys of `ENTRIES`.
        jobs: How many are installed at once.

    Returns:
        Markdown.
    """
    with ThreadPoolExecutor(jobs) as pool:
        found = dict(zip(extras, pool.map(measure, extras), strict=True))
    facts = machine()
    about = (
        f"{facts['processor']}, {facts['cores']} cores, Python {facts['python']}. "
        "Seconds of the processor: of pip, and of whole processes that import, medians "
        "of three."
    )
    headers = (
        *("install", "libraries", "MB", "pip, s", "`import ceil_jax`, s"),
        "what the extra is for, s",
    )
    first = markdown.table("\n".join(textwrap.wrap(about, 96)), headers, costs(found))
    second = markdown.table(
        "The libraries asked for by name: MB of each alone, licence as it says itself.",
        ("library", "extra", "version", "licence", "MB"),
        shares(found),
    )
    return f"{first}\n\n{second}"


def main(argv: Sequence[str]) -> None:
    """Measure, and print or write the tables.

    Args:
        argv: Program name.
    """
    del argv
    text = tables(_ONLY.value or [*ENTRIES], _JOBS.value)
    if _WRITE.value:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(markdown.replace_part(page, "extras", text), "utf-8")
    else:
        print(text)


if __name__ == "__main__":
    app.run(main)
