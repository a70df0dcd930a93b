"""Boxes, arrows and marks as inline SVG in the colours of the page's theme."""

import math
from html import escape


class Canvas:
    """A picture whose every colour is a token of `docs.made.theme`.

    Lengths are CSS pixels at natural size, from the upper left corner.
    """

    def __init__(self, width: float, height: float) -> None:
        """An empty picture.

        Args:
            width: Its width.
            height: Its height.
        """
        self.width, self.height = width, height
        self.parts: list[str] = []
        self.labels: list[str] = []

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        token: str = "ink2",
        anchor: str = "middle",
        bold: bool = False,
    ) -> None:
        """A label, its middle at the height y."""
        weight = ' font-weight="650"' if bold else ""
        self.labels.append(words)
        lines = words.split("\n")
        first = y - 7.5 * (len(lines) - 1)
        for number, line in enumerate(lines):
            self.parts.append(
                f'<text x="{x:g}" y="{first + 15 * number + 4:g}" font-size="12" '
                f'text-anchor="{anchor}"{weight} fill="var(--{token})">'
                f"{escape(line)}</text>"
            )

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        words: str = "",
        *,
        token: str = "edge",
        dashed: bool = False,
    ) -> None:
        """A rectangle with a label in its middle."""
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" '
            f'fill="var(--page)" stroke="var(--{token})"{dash}/>'
        )
        if words:
            self.text(x + width / 2, y + height / 2, words, token="ink", bold=True)

    def circle(self, x: float, y: float, radius: float, token: str) -> None:
        """A dashed circle."""
        self.parts.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="none" '
            f'stroke="var(--{token})" stroke-dasharray="3 3"/>'
        )

    def line(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        *,
        token: str = "edge",
        width: float = 1.5,
        dashed: bool = False,
        arrow: bool = True,
    ) -> None:
        """A straight line, with a head at its end unless it is told not to."""
        (x, y), (u, v) = start, end
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        angle, head = math.atan2(v - y, u - x), 7 if arrow else 0
        a, b = u - head * math.cos(angle), v - head * math.sin(angle)
        self.parts.append(
            f'<path d="M{x:.1f} {y:.1f}L{a:.1f} {b:.1f}" fill="none" '
            f'stroke="var(--{token})" stroke-width="{width:g}"{dash}/>'
        )
        if arrow:
            across, along = -math.sin(angle) * 4, math.cos(angle) * 4
            self.parts.append(
                f'<path d="M{u:.1f} {v:.1f}L{a + across:.1f} {b + along:.1f}'
                f'L{a - across:.1f} {b - along:.1f}Z" fill="var(--{token})"/>'
            )

    def mark(
        self, x: float, y: float, kind: str, *, size: float = 6, hollow: bool = False
    ) -> None:
        """A disc for visible, a square for infrared, a diamond for a memory's row."""
        token = {"visible": "visible", "infrared": "infrared"}.get(kind, "accent")
        paint = f'stroke="var(--{token})" stroke-width="1.5" '
        paint += f'fill="var(--{"paper" if hollow else token})"'
        if kind == "visible":
            shape = f'<circle cx="{x:g}" cy="{y:g}" r="{size:g}" {paint}/>'
        else:
            turn = f' transform="rotate(45 {x:g} {y:g})"' if kind == "memory" else ""
            place = f'x="{x - size:g}" y="{y - size:g}"'
            side = f'width="{2 * size:g}" height="{2 * size:g}"'
            shape = f"<rect {place} {side}{turn} {paint}/>"
        self.parts.append(shape)

    def svg(self, name: str, title: str) -> str:
        """The picture.

        Args:
            name: Of letters, unlike any other on the page.
            title: What it shows, for those who do not see it.

        Returns:
            An `svg` element on one line.
        """
        return (
            f'<svg class="drawing" viewBox="0 0 {self.width:g} {self.height:g}" '
            f'role="img" aria-labelledby="{name}-title">'
            f'<title id="{name}-title">{escape(title)}</title>'
            f"{''.join(self.parts)}</svg>"
        )
