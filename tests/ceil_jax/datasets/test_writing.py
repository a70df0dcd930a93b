from pathlib import Path
from typing import Any

import pytest
from tensorflow_datasets.core import file_adapters

from ceil_jax.datasets import writing
from ceil_jax.datasets.writing import PlainRecordWriter, room_for


class FullDisk:
    """Stands for array_record's writer on a disk that has room for two records."""

    def __init__(self, path: str, options: str) -> None:
        self.left = 2

    def write(self, record: bytes) -> None:
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("write() failed: No space left on device")

    def close(self) -> None:
        if self.left < 0:
            raise RuntimeError("closed after a failure")


@pytest.fixture
def writer(monkeypatch) -> PlainRecordWriter:
    module: Any = writing.array_record_module
    monkeypatch.setattr(module, "ArrayRecordWriter", FullDisk)
    return PlainRecordWriter(file_adapters.FileFormat.ARRAY_RECORD)


def test_a_full_disk_is_an_error_of_the_system(writer: PlainRecordWriter):
    writer.write("x", [("a", b"1"), ("b", b"2")])
    with pytest.raises(OSError, match="No space left on device"):
        writer.write("x", [("a", b"1"), ("b", b"2"), ("c", b"3")])


def test_errors_of_the_examples_stay_what_they_are(writer: PlainRecordWriter):
    def examples():
        yield "a", b"1"
        raise RuntimeError("no example")

    with pytest.raises(RuntimeError, match="no example"):
        writer.write("x", examples())


def test_other_formats_are_left_to_tfds(monkeypatch, tmp_path: Path):
    written = []
    base: Any = PlainRecordWriter.__mro__[1]
    monkeypatch.setattr(base, "write", lambda self, path, rows: written.append(path))
    other = PlainRecordWriter(file_adapters.FileFormat.PARQUET)
    other.write(tmp_path / "x", [("a", b"1")])
    assert written == [tmp_path / "x"]


def test_space_is_compared_with_what_is_needed(tmp_path: Path):
    with room_for(tmp_path, 1):
        pass
    with (
        pytest.raises(
            OSError, match=r"^1099511627776 MiB are needed, \d+ MiB are free"
        ),
        room_for(tmp_path, 2**60),
    ):
        pytest.fail("nothing is written")


def test_a_disk_that_fills_on_the_way_says_how_much_was_needed(tmp_path: Path):
    with (
        pytest.raises(OSError, match=r"^x; 3 MiB are needed, \d+ MiB are free \(--co"),
        room_for(tmp_path, 3 * 2**20),
    ):
        raise OSError("x")
