import io

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from PIL import Image

from ceil_jax.report.ranked_lists import Answer, Asked, ranked_lists, save

GREEN, ORANGE, INK = "#00725a", "#b5380a", "#15181c"
# 6 right and 4 wrong, so that they cannot be taken for each other.
RIGHT = [
    {"plain": [True, False, True], "R": [True, True]},
    {"plain": [False, True, False], "R": [True, False]},
]


def noise(rng):
    return rng.integers(0, 256, (8, 4, 3), dtype=np.uint8)


def asked(rng, image=noise):
    """Two queries, two rankings, three places."""
    return [
        Asked(
            image(rng),
            f"query {i}",
            {
                name: [
                    Answer(image(rng), is_right, n + 1 + i, (f"{name}{i}{n}", "file"))
                    for n, is_right in enumerate(each)
                ]
                for name, each in lists.items()
            },
        )
        for i, lists in enumerate(RIGHT)
    ]


def picture(rng, **options):
    queries = asked(rng)
    return queries, ranked_lists(queries, top=3, **options)


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def boxes(figure):
    """Left, right, upper and lower edge of each image, in the order of drawing."""
    extents = [image.get_extent() for image in figure.axes[0].images]
    return [(left, right, top, bottom) for left, right, bottom, top in extents]


def places(queries):
    """Of each image in the order of drawing: query, row, place; a query's is -1, -1."""
    found = []
    for i, query in enumerate(queries):
        found.append((i, -1, -1))
        for row, answers in enumerate(query.lists.values()):
            found += [(i, row, place) for place in range(len(answers))]
    return found


def within(box, text):
    (x, y), (left, right, top, bottom) = text.get_position(), box
    return left <= x <= right and top <= y <= bottom


class TestRankedLists:
    def test_frames_and_marks(self, rng):
        _, figure = picture(rng)
        frames = [p for p in figure.axes[0].patches if isinstance(p, Rectangle)]
        colours = [to_hex(p.get_edgecolor()) for p in frames if not p.get_fill()]
        assert [colours.count(c) for c in (GREEN, ORANGE, INK)] == [6, 4, 2]
        assert sum(p.get_fill() for p in frames) == 2  # places that are empty
        # ... and one of each mark in the legend.
        assert (texts(figure).count("✓"), texts(figure).count("✗")) == (7, 5)

    def test_every_image_has_its_own_frame_and_mark(self, rng):
        queries, figure = picture(rng)
        axes = figure.axes[0]
        frames = {}
        for patch in axes.patches:
            if isinstance(patch, Rectangle) and not patch.get_fill():
                key = patch.get_x() + patch.get_width() / 2, patch.get_y()
                frames[key] = to_hex(patch.get_edgecolor())
        for box, (i, row, place) in zip(boxes(figure), places(queries), strict=True):
            around = [
                colour
                for (middle, top), colour in frames.items()
                if abs(middle - (box[0] + box[1]) / 2) < 1e-6 and 0 < box[2] - top < 0.1
            ]
            marks = [t.get_text() for t in axes.texts if within(box, t)]
            if row < 0:
                assert (around, marks) == ([INK], [])
            else:
                right = list(RIGHT[i].values())[row][place]
                assert around == [GREEN if right else ORANGE]
                assert marks == ["✓" if right else "✗"]

    def test_lists_run_to_the_right_and_queries_down(self, rng):
        queries, figure = picture(rng)
        at = dict(zip(places(queries), boxes(figure), strict=True))
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

    def test_words_stand_at_their_own_query_and_place(self, rng):
        queries, figure = picture(rng)
        at = dict(zip(places(queries), boxes(figure), strict=True))
        shown = [(t.get_text(), *t.get_position()) for t in figure.axes[0].texts]

        def heights(name, left, right):
            """Where a text stands between two edges, from above."""
            return [y for text, x, y in shown if text == name and left <= x <= right]

        end = -np.inf
        for i, query in enumerate(queries):
            left, right, top, bottom = at[i, -1, -1]
            [y] = heights(query.title, left, right)
            assert end < y < top
            for row, (name, answers) in enumerate(query.lists.items()):
                named = heights(name, right, at[i, row, 0][0])
                upper, lower = at[i, row, 0][2:]
                assert sum(upper < y < lower for y in named) == 1
                for n, answer in enumerate(answers):
                    left, right_edge, upper, lower = at[i, row, n]
                    numbers = heights(f"{answer.place}", left, right_edge)
                    assert sum(end < y < upper for y in numbers) == row + 1
                    [score] = heights(answer.lines[0], left, right_edge)
                    files = heights("file", left, right_edge)
                    [file] = [y for y in files if lower < y < lower + 0.5]
                    assert lower < score < file
            end = bottom

    def test_images_stand_upright(self, rng):
        """Rendered: each quarter of an image has its colour where it belongs."""
        quarters = np.array([[[250, 0, 0], [0, 250, 0]], [[0, 0, 250], [250, 250, 0]]])
        image = quarters.astype(np.uint8).repeat(20, 0).repeat(10, 1)
        figure = ranked_lists(asked(rng, lambda _: image))
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
        assert (ORANGE, "solid") not in styles

    def test_images_stand_in_the_order_of_the_rankings(self, rng):
        queries, figure = picture(rng)
        drawn = [np.asarray(image.get_array()) for image in figure.axes[0].images]
        expected = []
        for query in queries:
            expected.append(query.image)
            expected += [a.image for each in query.lists.values() for a in each]
        assert len(drawn) == len(expected) == 2 + 10
        for one, other in zip(drawn, expected, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_words(self, rng):
        _, figure = picture(rng, title="all search", note="a note")
        shown = texts(figure)
        assert shown.count("plain") == shown.count("R") == 2
        wanted = {"all search", "a note", "same person", "another person"}
        assert wanted <= set(shown)

    def test_any_name_can_be_shown(self, rng):
        """No formula, no warning of a missing glyph, no line that is too long."""
        queries = asked(rng)
        names = ["$x_1$ %&<>", "\u4eba\u4eba\n.jpg", "folder/" * 9 + "0001.jpg"]
        answers = [Answer(noise(rng), True, 1, (name,)) for name in names]
        figure = ranked_lists([queries[0]._replace(lists={"plain": answers})])
        FigureCanvasAgg(figure).draw()
        found = [t for t in texts(figure) if t.endswith((">", ".jpg"))]
        assert found[:2] == [names[0], "???.jpg"]
        assert found[2] == "…" + names[2][-17:]

    def test_saved_picture(self, rng, tmp_path):
        _, figure = picture(rng)
        save(figure, tmp_path / "ranked_lists.png")
        with Image.open(tmp_path / "ranked_lists.png") as image:
            pixels = np.asarray(image.convert("RGB"))
        assert min(pixels.shape[:2]) > 300
        present = {
            tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in (GREEN, ORANGE)
        }
        assert present <= set(map(tuple, pixels.reshape(-1, 3).tolist()))

    def test_same_input_same_bytes(self, rng):
        queries, figure = picture(rng)
        files = [io.BytesIO(), io.BytesIO()]
        figure.savefig(files[0])
        ranked_lists(queries, top=3).savefig(files[1])
        assert files[0].getvalue() == files[1].getvalue()

    def test_arguments_that_do_not_fit(self, rng):
        one, other = asked(rng)
        floats = one._replace(image=np.zeros((8, 4, 3)))
        large = one._replace(image=np.zeros((9, 4, 3), np.uint8))
        grey = one._replace(image=np.zeros((8, 4), np.uint8))
        for queries, message in (
            ([], "queries are none"),
            ([one._replace(lists={})], "lists are none"),
            ([one, other._replace(lists={"plain": []})], r"\['plain', 'R'\] and \['pl"),
            ([floats], "an image is float64"),
            ([grey], r"of shape \(8, 4\)"),
            ([one, large], r"of shapes \(8, 4, 3\) and \(9, 4, 3\)"),
        ):
            with pytest.raises(ValueError, match=message):
                ranked_lists(queries)
        with pytest.raises(ValueError, match="at most top=2"):
            ranked_lists([one], top=2)
