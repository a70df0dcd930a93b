"""What the table of extras is made of; installing them takes minutes and an index."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from benchmarks import extras, markdown
from ceil_jax.common import extras as known


def test_every_extra_is_measured_or_needs_a_gpu():
    asked = set(extras.direct())
    assert asked == {*extras.ENTRIES, *extras.NOT_MEASURED}
    assert set(extras.ENTRIES) | {"trackio"} == {extras.CORE, *known.EXTRAS}


def test_an_extra_asks_for_libraries_and_not_for_ceil_jax():
    asked = extras.direct()
    assert asked["export"] == ["flatbuffers", "onnx"]
    assert asked["onnxruntime"] == ["onnxruntime"]
    assert "jax" in asked[extras.CORE]


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (["Apache-2.0", "License :: OSI Approved :: MIT License"], "Apache-2.0"),
        (["a whole\ntext", "License :: OSI Approved :: MIT License"], "MIT License"),
        (["long " * 20, "License :: OSI Approved", "BSD"], "BSD"),
        (["BSD-3-Clause AND " + " AND ".join("ABCDEFGHIJ")], "BSD-3-Clause and others"),
        ([], "-"),
    ],
)
def test_a_licence_is_a_name(texts: list[str], name: str):
    assert extras.licence(texts) == name


def test_libraries_are_those_of_the_environment():
    found = extras._libraries(Path(sys.executable))
    assert found["numpy"].version == metadata.version("numpy")
    assert not {"pip", "setuptools", "ceil-jax"} & set(found)
    import tabulate

    module = Path(tabulate.__file__).stat().st_size / 1e6
    assert module <= found["tabulate"].megabytes < 10 * module
    assert found["jaxlib"].megabytes > 100


def test_an_import_is_timed_in_a_process_of_its_own():
    # What it works counts, what it sleeps does not.
    work = "import time\nwhile time.process_time() < 0.5: pass"
    assert extras._imported(Path(sys.executable), work) == pytest.approx(0.5, abs=0.2)
    assert extras._imported(Path(sys.executable), "import time; time.sleep(0.5)") < 0.3


def test_the_seconds_are_those_of_one_command_and_what_it_starts():
    work = "import time\nwhile time.process_time() < 0.3: pass"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}])"
    command = [sys.executable, "-c", f"{nested}; import time; time.sleep(0.5)"]
    assert 0.3 <= extras._processor(command) < 0.7
    with pytest.raises(subprocess.CalledProcessError):
        extras._processor([sys.executable, "-c", "raise SystemExit(3)"])


def test_rows_of_the_tables():
    library = extras.Library("1.2", 3.25, "MIT")
    names = extras.direct()["parquet"]
    libraries = {names[0]: library, "other": library}
    found = {"parquet": extras.Cost(10.2, libraries, 0.123, 1)}
    assert extras.costs(found) == [["`.[parquet]`", 2, "6", "10", "0.12", "1.00"]]
    assert extras.shares(found) == [["pyarrow", "`parquet`", "1.2", "MIT", "3.2"]]


def test_the_page_has_its_part():
    page = extras.PAGE.read_text(encoding="utf-8")
    assert markdown.replace_part(page, "extras", "new") != page
