"""Charts as SVG that takes its colours from the page's theme.

Matplotlib draws with the stand-in colours of `TOKENS`; `svg` turns each into the CSS
variable of its name, so that one drawing serves light, dark and print.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_NAMES = (
    *("ink", "ink2", "ink3", "line", "edge", "paper", "accent", "plain"),
    *("visible", "infrared", "right", "wrong", "sunk"),
)
TOKENS = {name: f"#0102{i + 16:02x}" for i, name in enumerate(_NAMES)}
"""Stand-in colours by the name of a CSS variable of `theme.css`."""
_T = TOKENS
STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": _T["edge"],
    "axes.linewidth": 0.8,
    "axes.labelcolor": _T["ink2"],
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": _T["line"],
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "xtick.color": _T["edge"],
    "ytick.color": _T["edge"],
    "xtick.labelcolor": _T["ink2"],
    "ytick.labelcolor": _T["ink2"],
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "xtick.major.width": 0.8,
    "text.color": _T["ink"],
    "lines.linewidth": 2,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}
"""Settings of Matplotlib for every chart."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """The table under a chart.

    Attributes:
        headings: Of the columns; the first is that of the rows' names.
        rows: Texts, as many in each as there are headings.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart, as the macro `figure` of `shared.html.j2` shows it.

    Attributes:
        name: Unique on the page; made of letters, digits and hyphens.
        title: Above it.
        svg: The drawing.
        caption: Says what to see, in words, with a figure.
        numbers: The table under it; None for none.
        data: What the read-out of `page.js` needs; None for none.
    """

    name: str
    title: str
    svg: Markup
    caption: str = ""
    numbers: Numbers | None = None
    data: dict[str, Any] | None = None


def panel(
    width: int = 360,
    height: int = 220,
    *,
    left: int = 42,
    right: int = 14,
    top: int = 14,
    bottom: int = 38,
) -> tuple[Figure, Axes]:
    """A figure of one panel.

    Args:
        width: CSS pixels, likewise all others.
        height: Of the figure.
        left: Margin.
        right: Margin.
        top: Margin.
        bottom: Margin.

    Returns:
        The figure, bound to no window and to no global state, and its axes.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width / 72, height / 72))
        inner = (width - left - right) / width, (height - top - bottom) / height
        axes = figure.add_axes((left / width, bottom / height, *inner))
    return figure, axes


def svg(figure: Figure, name: str, title: str, description: str) -> Markup:
    """A figure as an element of a page, with a name and a description.

    Args:
        figure: Drawn with the colours of `TOKENS`.
        name: Unique on the page; made of letters, digits and hyphens.
        title: Its accessible name.
        description: What it shows, with a figure.

    Returns:
        The element.
    """
    out = io.StringIO()
    nothing: Any = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with matplotlib.rc_context(STYLE | {"svg.hashsalt": name}):
        figure.savefig(out, format="svg", metadata=nothing)
    text = out.getvalue()
    text = text[text.index("<svg") :]
    # Global styles and comments are not for a page that holds several drawings.
    for part in ("<metadata>.*?</metadata>", "<style.*?</style>", "<!--.*?-->"):
        text = re.sub(part, "", text, flags=re.DOTALL)
    text = _own_ids(text, name)
    for token, colour in TOKENS.items():
        text = text.replace(colour, f"var(--{token})")
    # Places of a tenth of a pixel will do; what stands between tags is read.
    text = re.sub(r"<[^>]+>", _to_tenths, text)
    text = re.sub(r'font: (?:\w+ )?([\d.]+)px [^;"]+', r"font-size: \1px", text)
    text = re.sub(r"<g>\s*</g>|<defs>\s*</defs>", "", text)
    text = re.sub(r"\n\s*", "\n", text)
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)
    assert box is not None, "Matplotlib writes the size of every drawing"
    head = (
        f'<svg class="chart" viewBox="0 0 {box[1]} {box[2]}" role="img" '
        f'aria-labelledby="{name}-t {name}-d"><title id="{name}-t">{escape(title)}'
        f'</title><desc id="{name}-d">{escape(description)}</desc>'
    )
    return Markup(head + text[text.index(">") + 1 :])


def _to_tenths(tag: re.Match[str]) -> str:
    """A tag whose numbers have one decimal."""
    return re.sub(r"(\d+\.\d)\d+", r"\1", tag[0])


def _own_ids(text: str, name: str) -> str:
    """Names of parts that no other drawing of the page has; unused ones go."""
    used = {
        *re.findall(r"url\(#([^)]+)\)", text),
        *re.findall(r'href="#([^"]+)"', text),
    }
    text = re.sub(
        r' id="([^"]+)"',
        lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "",
        text,
    )
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', text)
    return text.replace("xlink:href", "href")


def path(x: np.ndarray, y: np.ndarray) -> str:
    """Points as the path of their marks: a few bytes each where a marker takes 100.

    Points of the same pixel are drawn once.

    Args:
        x: Pixels, (n,).
        y: Pixels, (n,).

    Returns:
        The attribute `d`; a round cap makes each a disc, a square one a square.
    """
    at = np.unique(np.round(np.column_stack([x, y])).astype(int), axis=0)
    return "".join(f"M{a} {b}h.1" for a, b in at.tolist())


def with_dots(
    text: Markup,
    axes: Axes,
    groups: Sequence[tuple[str, np.ndarray, np.ndarray]],
    *,
    size: float = 3.6,
    opacity: float = 0.7,
) -> Markup:
    """Add points to a drawing, one path per colour.

    Args:
        text: What `svg` made.
        axes: The axes it was made of.
        groups: Colour, x and y of points, in the units of the axes.
        size: Diameter, CSS pixels.
        opacity: Of each path, 0 to 1.

    Returns:
        The drawing with them.
    """
    width, height = axes.figure.get_size_inches() * 72  # type: ignore[union-attr]
    box = axes.get_position()
    out = ""
    for token, x, y in groups:
        (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
        across = box.x0 + (np.asarray(x) - x0) / (x1 - x0) * box.width
        up = box.y0 + (np.asarray(y) - y0) / (y1 - y0) * box.height
        out += (
            f'<path d="{path(across * width, (1 - up) * height)}" fill="none" '
            f'stroke="var(--{token})" stroke-width="{size}" stroke-linecap="round" '
            f'stroke-opacity="{opacity}"/>'
        )
    drawing = str(text)
    return Markup(drawing[: drawing.rindex("</svg>")] + out + "</svg>")


def frame(axes: Axes) -> dict[str, Any]:
    """Where the axes are in a drawing, for its read-out.

    Args:
        axes: Those of a `panel`.

    Returns:
        "box" (left, top, right, bottom in CSS pixels) and "x" (limits).
    """
    width, height = axes.figure.get_size_inches() * 72  # type: ignore[union-attr]
    box = axes.get_position()
    edges = box.x0 * width, (1 - box.y1) * height, box.x1 * width, (1 - box.y0) * height
    return {
        "box": [round(float(edge), 1) for edge in edges],
        "x": [float(limit) for limit in axes.get_xlim()],
    }
