"""Writing a split's examples in order, one at a time."""

import contextlib
import itertools
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds
from array_record.python import (
    array_record_module,  # pyright: ignore[reportAttributeAccessIssue]
)
from tensorflow_datasets.core import example_serializer, file_adapters, naming, writer
from tensorflow_datasets.core.utils import shard_utils

KeyAndFields = tuple[str, dict[str, Any]]
KeyAndBytes = tuple[Any, bytes]


class PlainRecordWriter(writer.ExampleWriter):
    """Writes array_record files without compression, and other formats as TFDS does.

    Photographs as bytes hardly shrink, and compressing them costs more time than
    anything else but resizing.
    """

    def write(self, path: Any, examples: Iterable[Any]) -> Any:
        """Write one file.

        Args:
            path: The file.
            examples: Keys, which are not stored, and serialised examples.

        Returns:
            Positions of the examples, for formats that have them.

        Raises:
            OSError: The file cannot be written, be it that the disk is full.
        """
        if self.file_format != file_adapters.FileFormat.ARRAY_RECORD:
            return super().write(path, examples)
        options = "group_size:1,uncompressed"
        with _write_errors():
            file = array_record_module.ArrayRecordWriter(os.fspath(path), options)
        try:
            for _, record in examples:
                with _write_errors():
                    file.write(record)
        except BaseException:
            with contextlib.suppress(RuntimeError):  # the first error counts
                file.close()
            raise
        with _write_errors():
            file.close()
        return None


@contextlib.contextmanager
def _write_errors() -> Iterator[None]:
    """Raise what array_record has to say of the file system as such an error."""
    try:
        yield
    except RuntimeError as error:
        raise OSError(str(error)) from error


@contextlib.contextmanager
def room_for(folder: Path, needed: int) -> Iterator[None]:
    """Stop before a disk is filled, and say how much room there is if it is full.

    Args:
        folder: Where files will be written, an existing folder.
        needed: Their size in bytes.

    Yields:
        Nothing; files are written then.

    Raises:
        OSError: There is less room than that, or writing failed.
    """
    if shutil.disk_usage(folder).free < needed:
        raise OSError(_room(folder, needed))
    try:
        yield
    except OSError as error:
        raise OSError(f"{error}; {_room(folder, needed)}") from error


def _room(folder: Path, needed: int) -> str:
    free = shutil.disk_usage(folder).free
    return (
        f"{needed / 2**20:.0f} MiB are needed, {free / 2**20:.0f} MiB are free "
        "(--config.prepared_dir or CEIL_JAX_CACHE names another place)"
    )


def write_split(
    name: str,
    examples: Iterable[KeyAndFields],
    total: int,
    *,
    image_bytes: int,
    features: tfds.features.FeaturesDict,
    template: naming.ShardedFileTemplate,
    example_writer: writer.ExampleWriter,
    shards: shard_utils.ShardConfig | None,
) -> tfds.core.SplitInfo:
    """Write a split as files of similar length.

    Args:
        name: The split.
        examples: Key and fields of each example.
        total: How many there are, at least one.
        image_bytes: Size of an image, about that of an example.
        features: What is stored of each.
        template: Names of the files.
        example_writer: What writes one file.
        shards: How many files or how large ones; None for TFDS's own choice.

    Returns:
        What TFDS wants to know of the split.
    """
    specs: Any = features.get_serialized_info()
    serializer = example_serializer.ExampleSerializer(specs)
    num_bytes = num_written = 0

    def serialised() -> Iterator[KeyAndBytes]:
        nonlocal num_bytes, num_written
        for key, fields in examples:
            record = serializer.serialize_example(features.encode_example(fields))
            num_bytes += len(record)
            num_written += 1
            yield key, record

    chosen = shards or shard_utils.ShardConfig()
    num_shards = min(total, chosen.get_number_shards(total * image_bytes, total))
    ends = [0, *shard_utils.get_shard_boundaries(total, num_shards)]
    records = serialised()
    for shard, (start, end) in enumerate(itertools.pairwise(ends)):
        path = template.sharded_filepath(shard_index=shard, num_shards=num_shards)
        example_writer.write(path, itertools.islice(records, end - start))
    assert num_written == total, f"{num_written} examples instead of {total}"
    return tfds.core.SplitInfo(
        name=name,
        shard_lengths=[end - start for start, end in itertools.pairwise(ends)],
        num_bytes=num_bytes,
        filename_template=template,
    )
