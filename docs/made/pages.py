"""What the site adds to the Markdown of `docs/`.

Parts are made from the code, pages lie elsewhere in the checkout, and every link of
what was built is followed.

A line `<!-- made: NAME WORDS -->` in a page is replaced by what `MAKERS[NAME](WORDS)`
returns. The files themselves stay plain Markdown, which reads well anywhere.
"""

import posixpath
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from docs.made import api, drawings, fields, files, links, modes

ROOT = Path(__file__).resolve().parents[2]
# Where files of the checkout stand in the site.
PAGES = {
    "README.md": "docs/index.md",
    "CONTRIBUTING.md": "docs/contributing.md",
    "CHANGELOG.md": "docs/changes.md",
    "SECURITY.md": "docs/security.md",
    "data/README.md": "docs/data_sets.md",
    "ceil_jax/datasets": "docs/data_sets.md",
}
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
MADE = re.compile(r"^<!-- made: (\w+) ?(.*?) -->$", re.MULTILINE)
HEADING = re.compile(r"^(#+ )", re.MULTILINE)


def of_file(words: str) -> str:
    """A Markdown file of the checkout, as a page or below a heading.

    Args:
        words: Its path from the root of the checkout, and by how many levels its
            headings are lowered: none unless it is said.

    Returns:
        Markdown whose links are right for a page in `docs/`.
    """
    path, _, lower = words.partition(" ")
    text = (ROOT / path).read_text(encoding="utf-8")
    text = _outside_fences(
        text, lambda part: HEADING.sub("#" * int(lower or 0) + r"\1", part)
    )
    return relinked(text, posixpath.dirname(path))


def _outside_fences(text: str, change: Callable[[str], str]) -> str:
    """The text with what lies outside of its code blocks changed."""
    parts = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if i % 2 else change(part) for i, part in enumerate(parts))


def relinked(text: str, folder: str) -> str:
    """Markdown with its links made right for the site.

    Args:
        text: Of a file.
        folder: Where it lies, from the root of the checkout.

    Returns:
        The same, with links to files that are pages of the site led there.
    """

    def led(match: re.Match[str]) -> str:
        before, target, after = match.groups()
        path, mark, anchor = target.partition("#")
        if not path or re.match(r"[a-z]+:", path):
            return match[0]
        place = posixpath.normpath(posixpath.join(folder, path))
        if place.startswith("ceil_jax/datasets/") and (ROOT / place).is_dir():
            place, mark, anchor = "ceil_jax/datasets", "", ""
        place = PAGES.get(place, place)
        return f"{before}{posixpath.relpath(place, 'docs')}{mark}{anchor}{after}"

    return _outside_fences(text, lambda part: LINK.sub(led, part))


MAKERS: dict[str, Callable[[str], str]] = {
    "api": api.of_package,
    "drawing": drawings.figure,
    "fields": lambda words: fields.tables(),
    "file": of_file,
    "files": lambda words: files.table(),
    "modes": lambda words: modes.tables(),
}


def filled(text: str) -> str:
    """A page with its made parts in place.

    Args:
        text: Markdown.

    Returns:
        Markdown.
    """
    text = relinked(text, "docs")
    return MADE.sub(lambda match: MAKERS[match[1]](match[2]), text)


def on_source_read(app: Any, name: str, source: list[str]) -> None:
    """Sphinx has read a page: fill it."""
    if app.env.doc2path(name, base=False).suffix == ".md":
        source[0] = filled(source[0])


def on_finished(app: Any, error: Exception | None) -> None:
    """Sphinx has written its pages: check their links, list those that lead away."""
    if error is None and app.builder.name == "html":
        for fault in links.check(Path(app.outdir)):
            print(f"WARNING: {fault}", file=sys.stderr)
            app.statuscode = 1
