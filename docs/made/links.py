"""The links of built pages: those inside are followed, those outside are listed.

python -m docs.made.links docs/_build/html
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

EXTERNAL = "external_links.txt"


class _Page(HTMLParser):
    """The anchors and the links of one page."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag is called and where it leads."""
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                self.targets.append(value)


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def faults(folder: Path) -> tuple[list[str], list[str]]:
    """What is wrong with the links of pages.

    Args:
        folder: The pages, `.html` files below it.

    Returns:
        A line for each link that leads nowhere; the addresses elsewhere, sorted.
    """
    pages = {path.resolve(): _read(path) for path in sorted(folder.rglob("*.html"))}
    wrong, outside = [], set()
    for path, page in pages.items():
        name = path.relative_to(folder.resolve())
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                if parts.scheme != "data":
                    outside.add(target)
                continue
            place = (
                (path.parent / unquote(parts.path)).resolve() if parts.path else path
            )
            if not place.is_file():
                wrong.append(f"{name}: {target} is no file")
            elif (
                parts.fragment
                and place in pages
                and unquote(parts.fragment) not in pages[place].anchors
            ):
                wrong.append(f"{name}: {target} is no anchor")
    return wrong, sorted(outside)


def check(folder: Path) -> list[str]:
    """Follow the links of pages; write those that lead outside to `EXTERNAL`.

    Args:
        folder: The pages.

    Returns:
        A line for each link that leads nowhere.
    """
    wrong, outside = faults(folder)
    (folder / EXTERNAL).write_text("".join(f"{each}\n" for each in outside))
    return wrong


if __name__ == "__main__":
    found = check(Path(sys.argv[1]))
    print(*found, sep="\n")
    sys.exit(1 if found else 0)
