"""How long the report takes to open in a browser, at the size of real data sets.

Generated runs with noisy pictures, all lists and what matched in their first answers.
Needs chromium, chromedriver and selenium.

    python -m benchmarks.opening              # measure and write docs/report.md
    python -m benchmarks.opening --norun      # only write
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from absl import app, flags

from benchmarks import flagged, record
from benchmarks.record import Record, Table
from ceil_jax.report import run_page
from tests.browser import chrome
from tests.ceil_jax.report import generated

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "benchmarks" / "recorded" / "opening.json"
PAGE = ROOT / "docs" / "report.md"

_FLAGS = flagged.own(__name__)
_REPEATS = flags.DEFINE_integer(
    "repeats", 5, "How often each page is opened.", flag_values=_FLAGS
)
_RUN = flags.DEFINE_bool(
    "run", True, "Measure; else only write the page anew.", flag_values=_FLAGS
)
# Two frames later everything that was asked for has been laid out and painted.
_PAINTED = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"


def opening(browser: Any, page: Path) -> dict[str, float]:
    """Open a page once, and use it.

    Args:
        browser: One of `chrome.browser`.
        page: The file.

    Returns:
        Seconds until it is painted and answers, until all lists of a search are shown
        instead of one group, and until what matched is drawn in all of these.
    """
    browser.get("about:blank")

    def clocked(act: Callable[[], Any]) -> float:
        begin = time.perf_counter()
        act()
        browser.execute_async_script(_PAINTED)
        return time.perf_counter() - begin

    def run(script: str) -> float:
        return clocked(lambda: browser.execute_script(script))

    return {
        "opened": clocked(lambda: browser.get(page.as_uri())),
        "all lists": run("document.querySelector('.filters [value=every]').click()"),
        "what matched": run("document.querySelector('.matches-switch').click()"),
    }


def measure(repeats: int) -> Table:
    """Open the page of every size.

    Args:
        repeats: How often.

    Returns:
        A row for each.
    """
    rows = []
    with tempfile.TemporaryDirectory(prefix="opening_") as folder:
        for name in generated.SIZES:
            text = run_page.html(generated.of_size(name))
            page = Path(folder) / f"{name}.html"
            page.write_text(text, encoding="utf-8")
            with chrome.browser() as browser:
                found = [opening(browser, page) for _ in range(repeats)]
            medians = {
                part: statistics.median(each[part] for each in found)
                for part in found[0]
            }
            size, lists = f"{page.stat().st_size / 1e6:.1f}", text.count("<article")
            seconds = [f"{value:.2f}" for value in medians.values()]
            rows.append([name, size, lists, text.count("<image id="), *seconds])
    return Table(
        "Seconds from opening the file until it is painted and answers; until all "
        "lists of a search are shown; until what matched is drawn in them: medians of "
        f"{repeats}, chromium without a window.",
        [
            *("size of", "MB", "lists", "pictures"),
            *("opened, s", "all lists, s", "what matched, s"),
        ],
        rows,
    )


def main(argv: list[str]) -> None:
    """Measure, record, write the page.

    Args:
        argv: Program name.
    """
    del argv
    if _RUN.value:
        table = measure(_REPEATS.value)
        found = Record("Opening the report", "python -m benchmarks.opening", [table])
        record.write(found, RECORDED)
    record.on_page(RECORDED, PAGE, "measured", "processor", "cores")


if __name__ == "__main__":
    app.run(main)
