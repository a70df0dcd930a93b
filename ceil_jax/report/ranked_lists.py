"""One picture of a few queries with the head of their ranked lists."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

# Right and wrong also differ in line style and mark, for readers who see no colours.
_RIGHT, _WRONG, _INK, _EMPTY = "#00725a", "#b5380a", "#15181c", "#eceff1"
_Style = str | tuple[float, tuple[float, ...]]
_MARKS: dict[bool, tuple[str, _Style, str]] = {
    True: (_RIGHT, "solid", "✓"),
    False: (_WRONG, (0.0, (3.0, 1.2)), "✗"),
}

# The drawing's unit is the width of a gallery image.
_GAP, _ROW_GAP, _QUERY_GAP = 0.16, 0.62, 1.15
_LABEL_WIDTH, _TOP, _BOTTOM = 0.85, 0.45, 0.3
_LINE, _LONGEST = 0.16, 18  # between lines of small text; characters of such a line
_INCHES_PER_UNIT = 0.8
_DPI = 120


class Answer(NamedTuple):
    """A gallery image at its place.

    Attributes:
        image: (H, W, 3) uint8.
        is_right: Whether it shows the query's person.
        place: From 1.
        lines: What stands under it; lines that are too long lose their beginning.
    """

    image: np.ndarray
    is_right: bool
    place: int
    lines: tuple[str, ...] = ()


class Asked(NamedTuple):
    """A query with its lists.

    Attributes:
        image: (H, W, 3) uint8.
        title: What stands above it.
        lists: Answers by the name of the ranking, in the order of the rows, best first.
    """

    image: np.ndarray
    title: str
    lists: Mapping[str, Sequence[Answer]]


def ranked_lists(
    queries: Sequence[Asked], *, top: int = 10, title: str = "", note: str = ""
) -> Figure:
    """Draw queries and, beside each, one row of gallery images per ranking.

    A right image has a solid green frame and a tick, a wrong one a dashed orange frame
    and a cross.

    Args:
        queries: With images of one size, and lists of the same names.
        top: Places of a row; those that a list does not fill stay empty.
        title: Text above the picture.
        note: Text under it, beside what the frames mean.

    Returns:
        The figure, bound to no window and to no global state.

    Raises:
        ValueError: No query, or images, lists or names that do not fit.
    """
    shape, names = _checked(queries, top)
    height = shape[0] / shape[1]
    # The query is as tall as its rows together.
    block = len(names) * (height + _ROW_GAP) - _ROW_GAP
    query_width = block / height
    left = query_width + _LABEL_WIDTH
    figure, axes = _canvas(
        left + top * (1 + _GAP) - _GAP,
        _TOP + len(queries) * (block + _QUERY_GAP) + _BOTTOM,
    )
    _text(axes, 0, 0.2, title, size=10, weight="bold", va="center")
    y = _TOP + _QUERY_GAP / 2
    for query in queries:
        _text(axes, 0, y - 0.28, query.title, size=7.5, weight="bold")
        _image(axes, query.image, (0.0, y), (query_width, block), _INK, "solid")
        for row, name in enumerate(names):
            corner = left, y + row * (height + _ROW_GAP)
            _row(axes, name, corner, height, query.lists[name], top)
        y += block + _QUERY_GAP
    _legend(axes, y - _QUERY_GAP / 2 + 0.35, note)
    return figure


def save(figure: Figure, target: str | Path | BinaryIO) -> None:
    """Write a figure as a picture.

    Args:
        figure: What `ranked_lists` returned.
        target: Path of the picture, whose suffix says the format, or an open file,
            which becomes a PNG.

    Raises:
        OSError: It cannot be written.
    """
    if isinstance(target, str | Path):
        target = Path(target).expanduser()
    figure.savefig(target, dpi=_DPI, facecolor="white")


def _checked(queries: Sequence[Asked], top: int) -> tuple[tuple[int, int], list[str]]:
    """The size of the images, and the names of the lists."""
    if not queries:
        raise ValueError("queries are none: there must be at least one")
    shape, names = np.shape(queries[0].image), list(queries[0].lists)
    if not names:
        raise ValueError("lists are none: there must be at least one")
    for query in queries:
        if list(query.lists) != names:
            raise ValueError(f"lists are of {names} and {list(query.lists)}")
        answers = [answer for each in query.lists.values() for answer in each]
        if max(map(len, query.lists.values())) > top:
            raise ValueError(f"lists must have at most {top=} answers")
        for image in (query.image, *(answer.image for answer in answers)):
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
                raise ValueError(
                    f"an image is {image.dtype} of shape {image.shape}, must be uint8 "
                    "of shape (H, W, 3)"
                )
            if image.shape != shape:
                raise ValueError(f"images are of shapes {shape} and {image.shape}")
    return shape[:2], names


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """Axes over the whole figure; x to the right, y down."""
    margin = 0.2
    inches = [(size + 2 * margin) * _INCHES_PER_UNIT for size in (width, height)]
    figure = Figure(figsize=(inches[0], inches[1]))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(-margin, width + margin)
    axes.set_ylim(height + margin, -margin)
    axes.set_axis_off()
    return figure, axes


def _row(
    axes: Axes,
    name: str,
    corner: tuple[float, float],
    height: float,
    answers: Sequence[Answer],
    top: int,
) -> None:
    """One ranked list, its first image's upper left corner at `corner`."""
    x, y = corner
    _text(axes, x - 0.2, y + height / 2, name, size=9, ha="right", va="center")
    for answer in answers:
        colour, style, mark = _MARKS[bool(answer.is_right)]
        _text(axes, x + 0.5, y - 0.08, f"{answer.place}", size=6, ha="center")
        _image(axes, answer.image, (x, y), (1.0, height), colour, style)
        _badge(axes, x + 0.88, y + height - 0.1, mark, colour)
        for n, line in enumerate(answer.lines):
            if len(line) > _LONGEST:
                line = "…" + line[1 - _LONGEST :]
            below = y + height + _LINE * (n + 1.2)
            _text(axes, x + 0.5, below, line, size=5.5, ha="center")
        x += 1 + _GAP
    for _ in range(top - len(answers)):
        axes.add_patch(Rectangle((x, y), 1, height, color=_EMPTY, linewidth=0))
        x += 1 + _GAP


def _text(axes: Axes, x: float, y: float, text: str, **style: Any) -> None:
    """Text of the user's: no formula, and "?" for what the font cannot draw."""
    known = "".join(c if _is_drawn(c) else "?" for c in text)
    axes.text(x, y, known, color=style.pop("color", _INK), parse_math=False, **style)


@functools.cache
def _is_drawn(character: str) -> bool:
    """Whether Matplotlib's own font has a character."""
    font = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    return character.isprintable() and bool(font.get_char_index(ord(character)))


def _image(
    axes: Axes,
    image: np.ndarray,
    corner: tuple[float, float],
    size: tuple[float, float],
    colour: str,
    style: _Style,
) -> None:
    (x, y), (width, height) = corner, size
    axes.imshow(
        image,
        extent=(x, x + width, y + height, y),
        interpolation="bicubic",
        aspect="auto",
        zorder=1,
    )
    gap = 0.03
    axes.add_patch(
        Rectangle(
            (x - gap, y - gap),
            width + 2 * gap,
            height + 2 * gap,
            fill=False,
            edgecolor=colour,
            linewidth=2.0,
            linestyle=style,
            joinstyle="round",
            zorder=2,
        )
    )


def _badge(axes: Axes, x: float, y: float, mark: str, colour: str) -> None:
    disc: dict[str, Any] = {
        "markersize": 8,
        "markeredgecolor": "white",
        "markeredgewidth": 0.7,
    }
    axes.plot([x], [y], "o", color=colour, zorder=3, **disc)
    centred: dict[str, Any] = {
        "ha": "center",
        "va": "center_baseline",
        "weight": "bold",
    }
    _text(axes, x, y, mark, size=5.5, color="white", zorder=4, **centred)


def _legend(axes: Axes, y: float, note: str) -> None:
    x = 0.0
    entries = (("same person", *_MARKS[True]), ("another person", *_MARKS[False]))
    for text, colour, style, mark in entries:
        axes.plot([x, x + 0.5], [y, y], color=colour, linestyle=style, linewidth=2)
        _badge(axes, x + 0.7, y, mark, colour)
        _text(axes, x + 0.9, y, text, size=7.5, va="center")
        x += 2.6
    _text(axes, x, y, note, size=7.5, va="center")
