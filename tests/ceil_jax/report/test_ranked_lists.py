import io

import numpy as np
import pytest
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
