"""One picture of a few queries with the head of their ranked lists."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

# Right and wrong also differ in line style and mark, for readers who see no colours.
_RIGHT, _WRONG, _QUERY, _INK = "#1a8f3c", "#d62728", "#1f4e9c", "#333333"
_Style = str | tuple[float, tuple[float, ...]]
_MARKS: dict[bool, tuple[str, _Style, str]] = {
    True: (_RIGHT, "solid", "✓"),
    False: (_WRONG, (0.0, (3.0, 1.2)), "✗"),
}

# The drawing's unit is the width of a gallery image.
_GAP, _ROW_GAP, _QUERY_GAP = 0.16, 0.22, 0.62
_LABEL_WIDTH, _TOP, _BOTTOM = 0.95, 0.75, 0.65
_INCHES_PER_UNIT = 0.62
_DPI = 150


def ranked_lists(
    query_images: np.ndarray,
    gallery_images: np.ndarray,
    rankings: Mapping[str, np.ndarray],
    correct: Mapping[str, np.ndarray],
    query_titles: Sequence[str],
    *,
    title: str = "",
) -> Figure:
    """Draw queries and, beside each, one row of gallery images per ranking.

    A right image has a solid green frame and a tick, a wrong one a dashed red frame and
    a cross; the query's frame is blue.

    Args:
        query_images: (n, H, W, 3) uint8.
        gallery_images: (m, H, W, 3) uint8, of the same size.
        rankings: By the name of the ranking, in the order of the rows: indices into
            `gallery_images`, (n, top), best first; -1 leaves a place empty.
        correct: By the same names: whether that image shows the query's person, (n,
            top) bool.
        query_titles: Text above each query, n of them.
        title: Text above the picture.

    Returns:
        The figure, bound to no window and to no global state.

    Raises:
        ValueError: Shapes, types, names or indices that do not fit.
    """
    query_images, gallery_images = np.asarray(query_images), np.asarray(gallery_images)
    _check_images(query_images, gallery_images, query_titles)
    _check_rankings(rankings, correct, len(query_images), len(gallery_images))
    height = query_images.shape[1] / query_images.shape[2]
    num_places = next(iter(rankings.values())).shape[1]
    # The query is as tall as its rows together.
    block = len(rankings) * (height + _ROW_GAP) - _ROW_GAP
    query_width = block / height
    left = query_width + _LABEL_WIDTH
    figure, axes = _canvas(
        left + num_places * (1 + _GAP),
        _TOP + len(query_images) * (block + _QUERY_GAP) + _BOTTOM,
    )
    axes.text(0, 0.3, title, size=9, weight="bold", color=_INK, va="center")
    y = _TOP + _QUERY_GAP / 2
    for i, image in enumerate(query_images):
        _image(axes, image, (0.0, y), (query_width, block), _QUERY, "solid")
        axes.text(0, y - 0.16, f"query: {query_titles[i]}", size=6.5, color=_QUERY)
        for place in range(num_places):
            x = left + place * (1 + _GAP) + 0.5
            axes.text(x, y - 0.16, f"{place + 1}", size=6.5, color=_INK, ha="center")
        for row, name in enumerate(rankings):
            corner = left, y + row * (height + _ROW_GAP)
            ranked = rankings[name][i], correct[name][i]
            _row(axes, name, corner, height, gallery_images, ranked)
        y += block + _QUERY_GAP
    _legend(axes, left, y)
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


def _check_images(
    query_images: np.ndarray, gallery_images: np.ndarray, query_titles: Sequence[str]
) -> None:
    for name, images in (("query", query_images), ("gallery", gallery_images)):
        if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8:
            raise ValueError(
                f"{name}_images are {images.dtype} of shape {images.shape}, must be "
                "uint8 of shape (N, H, W, 3)"
            )
    if query_images.shape[1:] != gallery_images.shape[1:]:
        raise ValueError(
            f"query_images are of size {query_images.shape[1:3]}, gallery_images of "
            f"{gallery_images.shape[1:3]}"
        )
    if len(query_images) == 0 or len(query_titles) != len(query_images):
        raise ValueError(
            f"there are {len(query_images)} query_images and {len(query_titles)} "
            "query_titles: there must be as many of both, and at least one"
        )


def _check_rankings(
    rankings: Mapping[str, np.ndarray],
    correct: Mapping[str, np.ndarray],
    num_queries: int,
    num_gallery: int,
) -> None:
    if not rankings or rankings.keys() != correct.keys():
        raise ValueError(
            f"rankings are of {list(rankings)}, correct of {list(correct)}: they must "
            "have the same names, and at least one"
        )
    shapes = {array.shape for array in (*rankings.values(), *correct.values())}
    [shape, *others] = sorted(shapes)
    if others or len(shape) != 2 or shape[0] != num_queries:
        raise ValueError(
            f"rankings and correct have shapes {sorted(shapes)}, must all be "
            f"({num_queries}, top)"
        )
    for name, ranking in rankings.items():
        if ranking.max() >= num_gallery:
            raise ValueError(
                f"rankings[{name!r}] holds {ranking.max()}, there are {num_gallery} "
                "gallery_images"
            )


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
    gallery_images: np.ndarray,
    ranked: tuple[np.ndarray, np.ndarray],
) -> None:
    """One ranked list, its first image's upper left corner at `corner`."""
    x, y = corner
    label: dict[str, Any] = {"ha": "right", "va": "center", "weight": "bold"}
    axes.text(x - 0.2, y + height / 2, name, size=8, color=_INK, **label)
    for index, right in zip(*ranked, strict=True):
        if index < 0:
            axes.add_patch(Rectangle((x, y), 1, height, color="#f2f2f2", linewidth=0))
        else:
            colour, style, mark = _MARKS[bool(right)]
            _image(axes, gallery_images[index], (x, y), (1.0, height), colour, style)
            _badge(axes, x + 0.86, y + height - 0.13, mark, colour)
        x += 1 + _GAP


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
    gap = 0.035
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
    axes.text(x, y, mark, size=5.5, color="white", zorder=4, **centred)


def _legend(axes: Axes, x: float, y: float) -> None:
    entries = (("same person", *_MARKS[True]), ("another person", *_MARKS[False]))
    for text, colour, style, mark in entries:
        axes.plot([x, x + 0.5], [y, y], color=colour, linestyle=style, linewidth=2)
        _badge(axes, x + 0.75, y, mark, colour)
        axes.text(x + 1.0, y, text, size=7.5, color=_INK, va="center")
        x += 3.4
