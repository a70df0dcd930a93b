import io

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from PIL import Image

from ceil_jax.report.ranked_lists import ranked_lists, save

GREEN, RED, BLUE = "#1a8f3c", "#d62728", "#1f4e9c"


def picture(rng, **changes):
    """Two queries, two rankings, three places."""
    arguments = {
        "query_images": rng.integers(0, 256, (2, 8, 4, 3), dtype=np.uint8),
        "gallery_images": rng.integers(0, 256, (5, 8, 4, 3), dtype=np.uint8),
        "rankings": {
            "plain": np.array([[0, 1, 2], [3, 4, 0]]),
            "GCR": np.array([[2, 1, -1], [3, 0, -1]]),
        },
        "correct": {
            "plain": np.array([[True, False, True], [False, False, False]]),
            "GCR": np.array([[True, True, False], [True, False, False]]),
        },
        "query_titles": ["id 1, cam 3", "id 2, cam 6"],
    } | changes
    return arguments, ranked_lists(**arguments)


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def boxes(figure):
    """Left, right, upper and lower edge of each image, in the order of drawing."""
    extents = [image.get_extent() for image in figure.axes[0].images]
    return [(left, right, top, bottom) for left, right, bottom, top in extents]


def places(arguments):
    """Of each image in the order of drawing: query, row, place; a query's is -1, -1."""
    found = []
    for i in range(len(arguments["query_images"])):
        found.append((i, -1, -1))
        for row, ranking in enumerate(arguments["rankings"].values()):
            found += [(i, row, place) for place in np.flatnonzero(ranking[i] >= 0)]
    return found


def within(box, text):
    (x, y), (left, right, top, bottom) = text.get_position(), box
    return left <= x <= right and top <= y <= bottom


class TestRankedLists:
    def test_frames_and_marks(self, rng):
        _, figure = picture(rng)
        frames = [p for p in figure.axes[0].patches if isinstance(p, Rectangle)]
        colours = [to_hex(p.get_edgecolor()) for p in frames if not p.get_fill()]
        # 5 right and 5 wrong images, 2 queries; two places are empty.
        assert [colours.count(c) for c in (GREEN, RED, BLUE)] == [5, 5, 2]
        assert sum(p.get_fill() for p in frames) == 2
        # ... and one of each mark in the legend.
        assert (texts(figure).count("✓"), texts(figure).count("✗")) == (6, 6)

    def test_every_image_has_its_own_frame_and_mark(self, rng):
        # 6 right and 4 wrong, so that they cannot be taken for each other.
        correct = {
            "plain": np.array([[True, False, True], [False, True, False]]),
            "GCR": np.array([[True, True, False], [True, False, False]]),
        }
        arguments, figure = picture(rng, correct=correct)
        axes = figure.axes[0]
        frames = {}
        for patch in axes.patches:
            if isinstance(patch, Rectangle) and not patch.get_fill():
                key = patch.get_x() + patch.get_width() / 2, patch.get_y()
                frames[key] = to_hex(patch.get_edgecolor())
        for box, (i, row, place) in zip(boxes(figure), places(arguments), strict=True):
            around = [
                colour
                for (middle, top), colour in frames.items()
                if abs(middle - (box[0] + box[1]) / 2) < 1e-6 and 0 < box[2] - top < 0.1
            ]
            marks = [t.get_text() for t in axes.texts if within(box, t)]
            if row < 0:
                assert (around, marks) == ([BLUE], [])
            else:
                right = list(correct.values())[row][i, place]
                assert around == [GREEN if right else RED]
                assert marks == ["✓" if right else "✗"]

    def test_lists_run_to_the_right_and_queries_down(self, rng):
        arguments, figure = picture(rng)
        at = dict(zip(places(arguments), boxes(figure), strict=True))
        axes = figure.axes[0]
        for limits, span in ((axes.get_xlim(), 1), (axes.get_ylim(), -1)):
            assert (limits[1] - limits[0]) * span > 0  # y is counted downwards
        for (i, row, place), (left, right, top, bottom) in at.items():
            assert left < right
            assert top < bottom
            if row >= 0:
                _, query_right, query_top, query_bottom = at[i, -1, -1]
                assert query_right < left
                assert query_top - 1e-6 <= top < bottom <= query_bottom + 1e-6
            if place > 0:
                assert at[i, row, place - 1][1] < left
            if row > 0:
                assert at[i, row - 1, 0][3] < top
            if i > 0:
                assert at[i - 1, -1, -1][3] < top

    def test_titles_stand_above_their_own_query_and_place(self, rng):
        arguments, figure = picture(rng)
        at = dict(zip(places(arguments), boxes(figure), strict=True))
        shown = [(t.get_text(), *t.get_position()) for t in figure.axes[0].texts]

        def heights(name, left, right):
            """Where a text stands between two edges, from above."""
            return [y for text, x, y in shown if text == name and left <= x <= right]

        above = -np.inf
        for i, title in enumerate(arguments["query_titles"]):
            left, right, top, bottom = at[i, -1, -1]
            [y] = heights(f"query: {title}", left, right)
            assert above < y < top
            for place in range(3):
                left, right, top, _ = at[i, 0, place]
                assert sum(
                    above < y < top for y in heights(f"{place + 1}", left, right)
                )
                assert len(heights(f"{place + 1}", left, right)) == 2  # one a query
            for row, name in enumerate(arguments["rankings"]):
                left, _, top, lower = at[i, row, 0]
                named = heights(name, at[i, -1, -1][1], left)
                assert sum(top < y < lower for y in named) == 1
            above = bottom

    def test_images_stand_upright(self, rng):
        """Rendered: each quarter of an image has its colour where it belongs."""
        quarters = np.array([[[250, 0, 0], [0, 250, 0]], [[0, 0, 250], [250, 250, 0]]])
        image = quarters.astype(np.uint8).repeat(20, 0).repeat(10, 1)
        _, figure = picture(
            rng,
            query_images=image[None].repeat(2, 0),
            gallery_images=image[None].repeat(5, 0),
        )
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[..., :3]
        to_pixels = figure.axes[0].transData.transform
        for left, right, top, bottom in boxes(figure):
            for i, j in np.ndindex(2, 2):
                x = left + (right - left) * (0.3 + 0.4 * j)
                y = top + (bottom - top) * (0.3 + 0.4 * i)
                column, from_below = to_pixels((x, y))
                got = pixels[len(pixels) - 1 - int(from_below), int(column)]
                np.testing.assert_allclose(got, quarters[i, j], atol=3)

    def test_right_and_wrong_differ_without_colour(self, rng):
        _, figure = picture(rng)
        styles = {
            (to_hex(p.get_edgecolor()), str(p.get_linestyle()))
            for p in figure.axes[0].patches
            if not p.get_fill()
        }
        assert len(styles) == 3
        assert (GREEN, "solid") in styles
        assert (RED, "solid") not in styles

    def test_images_stand_in_the_order_of_the_rankings(self, rng):
        arguments, figure = picture(rng)
        gallery = arguments["gallery_images"]
        drawn = [np.asarray(image.get_array()) for image in figure.axes[0].images]
        expected = []
        for i in range(2):
            expected.append(arguments["query_images"][i])
            for ranking in arguments["rankings"].values():
                expected += [gallery[index] for index in ranking[i] if index >= 0]
        assert len(drawn) == len(expected) == 2 + 10
        for one, other in zip(drawn, expected, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_labels(self, rng):
        _, figure = picture(rng, title="all search")
        shown = texts(figure)
        assert shown.count("plain") == shown.count("GCR") == 2
        assert {"all search", "query: id 1, cam 3", "query: id 2, cam 6"} <= set(shown)
        assert {"same person", "another person", "1", "2", "3"} <= set(shown)

    def test_saved_picture(self, rng, tmp_path):
        _, figure = picture(rng)
        save(figure, tmp_path / "ranked_lists.png")
        with Image.open(tmp_path / "ranked_lists.png") as image:
            pixels = np.asarray(image.convert("RGB"))
        assert min(pixels.shape[:2]) > 300
        present = {
            tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in (GREEN, RED)
        }
        assert present <= set(map(tuple, pixels.reshape(-1, 3).tolist()))

    def test_same_input_same_bytes(self, rng):
        arguments, figure = picture(rng)
        files = [io.BytesIO(), io.BytesIO()]
        figure.savefig(files[0])
        ranked_lists(**arguments).savefig(files[1])
        assert files[0].getvalue() == files[1].getvalue()

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"query_images": np.zeros((2, 8, 4, 3))}, "query_images are float64"),
            (
                {"gallery_images": np.zeros((5, 9, 4, 3), np.uint8)},
                r"size \(8, 4\), gallery_images of \(9, 4\)",
            ),
            ({"query_titles": ["one"]}, "2 query_images and 1 query_titles"),
            ({"correct": {}}, "they must have the same names"),
            (
                {
                    "correct": {"plain": np.zeros((2, 3), bool)}
                    | {"GCR": np.ones((2, 2))}
                },
                r"must all be \(2, top\)",
            ),
            (
                {"rankings": dict.fromkeys(("plain", "GCR"), np.full((2, 3), 5))},
                "holds 5, there are 5 gallery_images",
            ),
        ],
    )
    def test_arguments_that_do_not_fit(self, rng, changes, message):
        with pytest.raises(ValueError, match=message):
            picture(rng, **changes)
