"""Check and measure everything on this machine's accelerator, in under nine minutes.

python -m benchmarks.gpu                  # writes gpu.json and the page's part
python -m benchmarks.gpu --small          # the smallest sizes, on any machine
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from absl import app, flags

from benchmarks import flagged, markdown, record
from benchmarks.gpu import bare

IS_BARE = bare.provide_annotations()

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"

_FLAGS = flagged.own(__name__)
_SMALL = flags.DEFINE_bool(
    "small", False, "Smallest sizes, to try the suite itself.", flag_values=_FLAGS
)
_SECONDS = flags.DEFINE_integer(
    "seconds", 500, "What is not begun by then is left out.", flag_values=_FLAGS
)
_PAGE = flags.DEFINE_string(
    "page", str(PAGE), "Page to write; '' for none.", flag_values=_FLAGS
)
_PARTS = flags.DEFINE_list(
    "parts", [], "Only these: kernels, gcr, training.", flag_values=_FLAGS
)


def _about() -> dict[str, str]:
    import jax

    from benchmarks import measure

    device = jax.local_devices()[0]
    about = {"device": device.device_kind, "platform": device.platform}
    return about | measure.machine()


def main(argv: list[str]) -> None:
    """Measure part after part, and write what there is after each."""
    del argv
    from benchmarks.gpu import suite

    deadline = time.monotonic() + _SECONDS.value
    tables: list[record.Table] = []
    notes: list[str] = []
    try:
        for found in _found(suite.run(small=_SMALL.value, deadline=deadline)):
            if isinstance(found, str):
                notes.append(found)
                print(found, flush=True)
            else:
                tables.append(found)
                print(f"{found.markdown()}\n", flush=True)
            _write(tables, notes)
    except suite.WrongResultError as error:
        sys.exit(f"error: {error}; nothing was measured after it")


def _found(
    parts: Iterator[tuple[str, Iterator[record.Table | str]]],
) -> Iterator[record.Table | str]:
    for name, part in parts:
        if not _PARTS.value or name in _PARTS.value:
            yield from part


def _write(tables: list[record.Table], notes: list[str]) -> None:
    about = _about()
    one = record.Record(
        f"On one {about['device']}",
        "python -m benchmarks.gpu",
        tables,
        [],
        notes,
        about,
    )
    record.write(one, Path(record.OUTPUT.value or "gpu.json"))
    if _PAGE.value and not _SMALL.value:
        page = Path(_PAGE.value)
        machine = ", ".join(f"{name} {value}" for name, value in about.items())
        content = f"Measured on {one.date}: {machine}.\n\n{one.markdown()}"
        page.write_text(markdown.replace_part(page.read_text(), "gpu", content))


if __name__ == "__main__":
    app.run(main)
