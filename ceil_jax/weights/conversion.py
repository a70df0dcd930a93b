"""Files of weights to folders that Orbax reads, once and for all."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import jax

from ceil_jax.common.files import user_path
from ceil_jax.weights import converted, files
from ceil_jax.weights.architecture import Architecture, architecture
from ceil_jax.weights.openai import OPENAI_SHA256


class Summary(NamedTuple):
    """What was converted; `str` of it is a report of some lines.

    Attributes:
        source: Name of the file.
        output: The folder that was written.
        sha256: Of the file, hexadecimal.
        naming: Whose names the tensors had.
        place: Where in the file they stood, "" for the file itself.
        sizes: Stage sizes and width of the encoder.
        num_tensors: Tensors that were taken.
        num_others: Tensors beside them that were passed over.
        num_parameters: Numbers that training changes.
        is_openai: Whether the file is, byte for byte, the one that OpenAI publishes.
    """

    source: str
    output: str
    sha256: str
    naming: str
    place: str
    sizes: Architecture
    num_tensors: int
    num_others: int
    num_parameters: int
    is_openai: bool

    def __str__(self) -> str:
        """Four lines for a terminal."""
        place = f" under {self.place!r}" if self.place else ""
        published = " (the file that OpenAI publishes)" if self.is_openai else ""
        return (
            f"{self.source}: SHA-256 {self.sha256}{published}\n"
            f"{self.num_tensors} tensors{place} in the naming of {self.naming}, "
            f"{self.num_others} others passed over\n"
            f"encoder of {self.sizes}: {self.num_parameters:,} parameters\n"
            f"written to {self.output}: --config.init_from={self.output} starts from it"
        )


def convert(weights_path: str | Path, output_dir: str | Path) -> Summary:
    """Read a file of weights and write its encoder as an Orbax checkpoint.

    The folder holds `{"params": ..., "batch_stats": ...}`, which `load` and
    `orbax.checkpoint.StandardCheckpointer` read, with the summary as its metadata.

    Args:
        weights_path: The file, of any kind that `load` reads.
        output_dir: The folder to write; it must not exist, or be empty.

    Returns:
        What was read and written.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file cannot be used, see `load`, or the folder is not empty.
    """
    source, output = user_path(weights_path), user_path(output_dir)
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise ValueError(
            f"{output}: is there already and not empty; name another folder"
        )
    if source.is_dir():
        raise ValueError(f"{source}: a folder; give the file to convert")
    found = files.find(source)
    with source.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    summary = Summary(
        source=source.name,
        output=str(output),
        sha256=sha256,
        naming=found.naming,
        place=found.place,
        sizes=architecture(found.variables),
        num_tensors=found.num_tensors,
        num_others=found.num_others,
        num_parameters=sum(x.size for x in jax.tree.leaves(found.variables["params"])),
        is_openai=sha256 == OPENAI_SHA256,
    )
    metadata = {
        k: v for k, v in summary._asdict().items() if k not in ("output", "sizes")
    }
    metadata |= {"stage_sizes": summary.sizes.stage_sizes, "width": summary.sizes.width}
    converted.write(output, found.variables, metadata)
    return summary
