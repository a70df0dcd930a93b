import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from ceil_jax.report import charts, curves


def drawn(name="a", lines=None, x=(1, 2, 3), **look):
    lines = lines or [curves.Line("visible", [1.0, 2.0, 4.0], "visible")]
    return curves.curves(name, "Title", "From 1 to 4.", x, lines, curves.Look(**look))


def texts(svg):
    root = ElementTree.fromstring(svg)
    return [element.text for element in root.iter("text")]


def test_a_drawing_takes_its_colours_from_the_page():
    svg, _ = drawn()
    assert "var(--visible)" in svg
    assert "#0102" not in svg
    assert "<style" not in svg


def test_what_a_drawing_says_is_escaped_and_named():
    title = 'a < b & "c" 😀'
    svg, _ = curves.curves(
        "x", title, title, [1, 2], [curves.Line(title, [0, 1], "ink")], curves.Look()
    )
    root = ElementTree.fromstring(svg)
    assert root.get("aria-labelledby") == "x-t x-d"
    named = {e.get("id"): e.text for e in root if e.get("id")}
    assert named["x-t"] == named["x-d"] == title
    assert title in texts(svg)


def test_two_drawings_share_no_name():
    def ids(svg):
        return {e.get("id") for e in ElementTree.fromstring(svg).iter() if e.get("id")}

    (one, _), (other, _) = drawn("a"), drawn("b")
    assert ids(one)
    assert not ids(one) & ids(other)


def test_the_read_out_knows_every_value():
    lines = [curves.Line("R", [1, float("nan"), 4], "accent")]
    _, data = drawn(lines=lines, percent=True, xlabel="epoch")
    assert data["xs"] == [1, 2, 3]
    assert data["series"] == [["R", [1, None, 4], "accent"]]
    assert (data["unit"], data["xname"], data["x"]) == ("%", "epoch", [1, 3])
    left, top, right, bottom = data["box"]
    assert 0 <= left < right <= 300
    assert 0 <= top < bottom <= 200


def test_one_value_alone_is_a_mark():
    svg, data = drawn(x=[1], lines=[curves.Line("a", [3.0], "ink")])
    assert data["x"] == [0, 2]
    assert "use" in svg


def test_points_lie_where_the_axes_say():
    figure, axes = charts.panel(200, 100, left=0, right=0, top=0, bottom=0)
    axes.set_xlim(0, 10)
    axes.set_ylim(0, 1)
    svg = charts.svg(figure, "s", "", "")
    points = [("accent", np.array([5.0, 5.001]), np.array([0.25, 0.25]))]
    dotted = charts.with_dots(svg, axes, points)
    assert 'd="M100 75h.1"' in dotted
    assert ElementTree.fromstring(dotted) is not None


@pytest.mark.parametrize("values", [[1, 1, 1], [3, 1, 2], [0, 10, 10.5], [5]])
def test_labels_are_apart_and_in_order(values):
    placed = curves.spread_labels(values, 2, (-100, 100))
    assert (np.diff(np.sort(placed)) >= 2 - 1e-6).all()
    order = np.argsort(values, kind="stable")
    assert (np.diff(placed[order]) > 0).all()
    assert placed.mean() == pytest.approx(np.mean(values))


def test_labels_stay_within_the_drawing():
    placed = curves.spread_labels([10, 10, 10, 0, 0], 2, (0, 10))
    np.testing.assert_allclose(placed, [6, 8, 10, 0, 2])
    many = curves.spread_labels([10] * 10, 2, (0, 10))
    np.testing.assert_allclose(many, np.arange(-8, 12, 2))  # the top is the card's


def test_numbers_that_are_read_keep_their_digits():
    figure, axes = charts.panel()
    axes.set_ylim(0, 0.2)
    axes.set_yticks([0.05, 0.15])
    text = charts.svg(figure, "small", "Small", "From 0.05 to 0.15")
    assert {"0.05", "0.15"} <= set(re.findall(r">([\d.]+)<", text))
    places = [tag for tag in re.findall(r"<[^>]+>", text) if re.search(r"\.\d\d", tag)]
    assert not places
