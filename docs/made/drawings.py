"""The method in drawings: each says one thing, in its caption, by seven labels at most.

python -m docs.made.drawings epoch
"""

import sys
from collections.abc import Callable
from html import escape

from docs.made.canvas import Canvas


def epoch() -> Canvas:
    """One epoch, round and round."""
    canvas = Canvas(380, 190)
    names = ["1 Embed\nevery image", "2 Cluster\neach modality", "3 Split\nby camera"]
    names += [
        "4 Memories:\nmean rows",
        "5 Match\n(stage 2 only)",
        "6 Fit\nsome batches",
    ]
    for number, words in enumerate(names):
        column, row = (number, 0) if number < 3 else (5 - number, 1)
        canvas.box(6 + 130 * column, 14 + 105 * row, 108, 56, words, dashed=number == 4)
    for x in (114, 244):
        canvas.line((x, 42), (x + 22, 42))
        canvas.line((x + 22, 147), (x, 147))
    canvas.line((320, 70), (320, 119))
    canvas.line((60, 119), (60, 70), token="accent", width=2)
    canvas.text(72, 95, "next epoch", anchor="start", token="accent")
    return canvas


def dcmu() -> Canvas:
    """A row of the memory and the members of its cluster in a batch."""
    canvas = Canvas(380, 230)
    x, y = 100, 122
    canvas.circle(x, y, 66, "edge")
    for a, b in [(-38, 26), (18, 40), (-34, -36), (26, -34)]:
        canvas.mark(x + a, y + b, "visible", hollow=True)
    for a, b in [(84, -22), (66, 58), (96, 22)]:
        canvas.mark(x + a, y + b, "visible")
    canvas.mark(x, y, "memory", hollow=True)
    canvas.line((x + 8, y + 1), (x + 70, y + 12), token="accent", width=2)
    canvas.mark(x + 80, y + 13, "memory")
    canvas.text(x, y - 90, "mean distance of its members", token="ink2")
    canvas.text(x - 12, y + 2, "old row", anchor="end", token="accent")
    canvas.text(x + 112, y + 4, "new row", anchor="start", token="accent", bold=True)
    canvas.text(x + 104, y - 34, "hard members: averaged", anchor="start")
    canvas.text(x + 112, y + 28, "the hardest: counts most", anchor="start")
    canvas.text(x, y + 84, "members inside: left out")
    return canvas


def cdl() -> Canvas:
    """An image, and the proxies of three cameras."""
    canvas = Canvas(380, 240)
    canvas.mark(42, 120, "visible", size=8)
    canvas.text(42, 142, "an image")
    for column, camera in enumerate(("camera 1", "camera 2", "camera 4")):
        x = 170 + 75 * column
        canvas.text(x, 14, camera)
        canvas.box(x - 24, 28, 48, 168)
        for row, y in enumerate((56, 112, 168)):
            canvas.mark(x, y, "memory", size=7, hollow=row > 0)
    for column in range(3):
        x = 170 + 75 * column
        canvas.line((52, 114), (x - 12, 58 + 2 * column), token="right", width=1.5)
    canvas.line((170, 70), (170, 100), token="wrong", dashed=True, arrow=False)
    canvas.line((170, 124), (170, 156), token="wrong", dashed=True, arrow=False)
    for x in (245, 320):
        canvas.line((x, 70), (x, 100), token="wrong", dashed=True, arrow=False)
        canvas.line((x, 124), (x, 156), token="wrong", dashed=True, arrow=False)
    canvas.text(80, 62, "drawn to its own\nproxies", token="right")
    canvas.text(245, 218, "and from the others of the same camera", token="wrong")
    return canvas


def pcm() -> Canvas:
    """Rows of both modalities and who is whose partner."""
    canvas = Canvas(380, 230)
    left, right = 96, 284
    canvas.text(left, 14, "visible", token="visible", bold=True)
    canvas.text(right, 14, "infrared", token="infrared", bold=True)
    rows = [44 + 40 * n for n in range(5)]
    squares = [64, 124, 184]
    for y in rows:
        canvas.mark(left, y, "visible", size=7)
    for y in squares:
        canvas.mark(right, y, "infrared", size=7)
    for a, b in [(0, 0), (2, 1), (4, 2)]:
        start, end = (left + 12, rows[a]), (right - 12, squares[b])
        canvas.line(start, end, token="accent", width=2)
        canvas.line(end, start, token="accent", width=2)
    for a, b in [(1, 0), (3, 2)]:
        canvas.line(
            (left + 12, rows[a]),
            (right - 14, squares[b] + 6),
            token="ink3",
            dashed=True,
        )
    canvas.text(190, 34, "first round: both ways", token="accent")
    canvas.text(190, 216, "next rounds: one way", token="ink3")
    return canvas


def gcr() -> Canvas:
    """A query that finds its person through the neighbours of its neighbours."""
    canvas = Canvas(380, 225)
    query, near, far, person = (50, 110), (165, 50), (165, 170), (300, 110)
    canvas.line(query, near, width=1.5, arrow=False)
    canvas.line(query, far, width=4, arrow=False)
    canvas.line(near, person, width=4, arrow=False)
    canvas.line(far, person, width=4, arrow=False)
    canvas.line((62, 110), (286, 110), token="accent", width=2, dashed=True)
    canvas.mark(*query, "infrared", size=8)
    canvas.mark(*near, "infrared", size=8)
    canvas.mark(*far, "visible", size=8)
    canvas.mark(*person, "visible", size=8)
    canvas.text(50, 136, "query")
    canvas.text(165, 22, "neighbour, same camera:\na light link")
    canvas.text(165, 204, "neighbour, another camera:\na heavy link")
    canvas.text(300, 142, "right answer")
    canvas.text(180, 96, "a round hands it on", token="accent", bold=True)
    return canvas


DRAWINGS: dict[str, tuple[Callable[[], Canvas], str, str]] = {
    "epoch": (
        epoch,
        "Six steps in a ring: embed, cluster, split by camera, memories, match, fit.",
        "Pseudo-labels are made anew in every epoch, from what the encoder has just "
        "learnt; only stage 2 matches the modalities.",
    ),
    "dcmu": (
        dcmu,
        "A row of the memory moves to the weighted mean of its hard members.",
        "DCMU replaces a row of the memory by a mean of those members of the batch "
        "that are least like it, so easy images change nothing.",
    ),
    "cdl": (
        cdl,
        "An image is drawn to its cluster's proxy of each camera, and away from the "
        "other proxies of that camera.",
        "CDL compares within one camera at a time, so that what cameras differ in "
        "cannot tell people apart.",
    ),
    "pcm": (
        pcm,
        "Five visible rows and three infrared ones: three pairs both ways, two visible "
        "rows point to an infrared one.",
        "PCM gives every row a partner in the other modality: pairs first, then the "
        "rows that are left over, one way only.",
    ),
    "gcr": (
        gcr,
        "A query reaches the right answer by two neighbours, one of another camera.",
        "GCR finds people by the company that they keep: links to other cameras weigh "
        "more, and each round carries them one step further.",
    ),
}


def figure(name: str) -> str:
    """A drawing with its caption.

    Args:
        name: One of `DRAWINGS`.

    Returns:
        Markdown that holds the element as it is.
    """
    draw, title, caption = DRAWINGS[name]
    body = draw().svg(f"drawing-{name}", title)
    caption = f"<figcaption>{escape(caption)}</figcaption>"
    return f'```{{raw}} html\n<figure class="drawn">{body}{caption}</figure>\n```'


if __name__ == "__main__":
    print(figure(sys.argv[1]))
