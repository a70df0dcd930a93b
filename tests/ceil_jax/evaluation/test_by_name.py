"""Which row is of which image: the rule, what it refuses, and rows of length 1."""

import random

import numpy as np
import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.evaluation import by_name

WANTED = ["cam1/0004/0001.jpg", "cam1/0004/0002.jpg", "cam3/0004/0001.jpg"]
OTHERS = ["cam1/0001/0001.jpg", "cam2/0001/0009.jpg"]
IMAGES = by_name.Images(WANTED, OTHERS)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("cam1/0004/0001.jpg", "cam1/0004/0001.jpg"),
        ("/data/SYSU-MM01/cam1/0004/0001.jpg", "cam1/0004/0001.jpg"),
        ("../SYSU-MM01/cam3/0004/0001.jpg", "cam3/0004/0001.jpg"),
        ("./cam1/0004/0002.jpg", "cam1/0004/0002.jpg"),
        (".\\cam1\\0004\\0002.jpg", "cam1/0004/0002.jpg"),
        ("D:\\SYSU\\cam1\\0004\\0002.jpg", "cam1/0004/0002.jpg"),
        ("x//cam1/./0004//0002.jpg", "cam1/0004/0002.jpg"),
        ("0002.jpg", "cam1/0004/0002.jpg"),
        ("0004/0002.jpg", "cam1/0004/0002.jpg"),
        ("cam2/0001/0009.jpg", "cam2/0001/0009.jpg"),
        ("9.jpg", None),
        ("xcam1/0004/0001.jpg", None),
        ("cam1/0004/0001.png", None),
        ("cam1/0004/0001", None),
        ("CAM1/0004/0001.jpg", None),
        ("cam1/0004/0001.jpg/x", None),
        ("data/cam1/0007/0001.jpg", None),
        ("", None),
        ("/", None),
    ],
)
def test_a_name_ends_in_the_path_or_the_path_in_the_name(name, path):
    found = IMAGES.find(name)
    assert (None if found is None else IMAGES.names[found]) == path


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("0001.jpg", "cam1/0004/0001.jpg", "cam3/0004/0001.jpg"),
        ("0004/0001.jpg", "cam1/0004/0001.jpg", "cam3/0004/0001.jpg"),
    ],
)
def test_a_name_of_two_images_is_of_neither(name, one, other):
    with pytest.raises(UserError, match=rf"^'{name}' could be {one} or {other}: "):
        IMAGES.find(name)


def test_a_name_of_two_images_of_which_none_is_wanted_does_no_harm():
    images = by_name.Images(["a/1.jpg"], ["b/2.jpg", "c/2.jpg"])
    assert images.find("2.jpg") in (1, 2)
    found = by_name.match(["2.jpg", "1.jpg"], np.eye(2), images)
    assert (found.rows.tolist(), found.num_others, found.strange) == ([1], 1, [])


def test_an_image_that_is_not_wanted_makes_a_name_ambiguous():
    images = by_name.Images(["query/door/1.jpg"], ["visible/door/1.jpg"])
    with pytest.raises(UserError, match=r"query/door/1.jpg or visible/door/1.jpg"):
        images.find("door/1.jpg")


def test_a_path_within_a_path():
    images = by_name.Images(["a/1.jpg", "b/a/1.jpg"], [])
    assert images.find("a/1.jpg") == 0  # as it stands
    assert images.find("b/a/1.jpg") == 1
    with pytest.raises(UserError, match=r"could be a/1.jpg or b/a/1.jpg"):
        images.find("/data/b/a/1.jpg")


def test_a_name_with_a_backslash_of_its_own_is_found_as_it_stands():
    assert by_name.Images(["a\\b/1.jpg"], []).find("a\\b/1.jpg") == 0


def naive(name, names):
    """The images that the rule allows, part by part."""
    given = [part for part in name.replace("\\", "/").split("/") if part not in ".."]
    found = []
    for number, path in enumerate(names):
        parts = path.split("/")
        shorter = min(len(given), len(parts))
        if shorter and given[-shorter:] == parts[-shorter:]:
            found.append(number)
    return [names.index(name)] if name in names else found


def test_it_is_what_a_search_of_all_images_finds():
    draw = random.Random(0)

    def path(longest):
        return "/".join(draw.choices("abc", k=draw.randint(1, longest)))

    names = sorted({path(4) for _ in range(40)})
    for _ in range(50):
        draw.shuffle(names)
        wanted = names[:20]
        images = by_name.Images(wanted, names[20:])
        for name in (path(6) for _ in range(40)):
            allowed = naive(name, names)
            if len(allowed) > 1 and min(allowed) < 20:
                with pytest.raises(UserError, match="could be"):
                    images.find(name)
            else:
                found = images.find(name)
                assert found in allowed if allowed else found is None


def test_rows_are_found_in_any_order_and_the_rest_is_counted():
    names = ["x/1.jpg", *OTHERS, *reversed(WANTED), "y"]
    found = by_name.match(names, np.arange(14).reshape(7, 2), IMAGES)
    assert found.rows.tolist() == [5, 4, 3]
    assert (found.num_others, found.strange) == (2, ["x/1.jpg", "y"])


def test_an_image_without_a_row():
    found = by_name.match([WANTED[2]], np.ones((1, 2)), IMAGES)
    assert found.rows.tolist() == [-1, -1, 0]


def test_two_rows_of_an_image_must_be_equal():
    names = [*WANTED, "/data/" + WANTED[1]]
    rows = np.array([[1, 2], [3, np.nan], [5, 6], [3, np.nan]])
    assert by_name.match(names, rows, IMAGES).rows.tolist() == [0, 1, 2]
    rows[3] = 4
    with pytest.raises(UserError) as caught:
        by_name.match(names, rows, IMAGES)
    assert str(caught.value) == (
        "two rows of cam1/0004/0002.jpg differ: row 2, 'cam1/0004/0002.jpg', and row "
        "4, '/data/cam1/0004/0002.jpg'"
    )


@pytest.mark.parametrize(
    ("strange", "why"),
    [
        ([], ""),
        (["0", "1"], "rows are called by numbers, such as '0', not by paths"),
        (["cam1/4/1.jpg"], "rows of no image are called, e.g., 'cam1/4/1.jpg'"),
        (["x", "Cam1\\0004\\0001.JPG"], "upper and lower case differ"),
        (["0004/0001.JPG"], "upper and lower case differ"),
        (
            ["a", "/data/cam1/0004/0001"],
            "names of rows carry no extension, those of the images end in .jpg",
        ),
        (["0001"], "rows are called by numbers, such as '0001', not by paths"),
        (
            ["0004/0001"],
            "names of rows carry no extension, those of the images end in .jpg",
        ),
        (
            ["cam1/0004/0001.png"],
            "names of rows end in .png, those of the images end in .jpg",
        ),
    ],
)
def test_what_probably_went_wrong(strange, why):
    assert by_name.why_missing(strange, WANTED[0]) == why


class TestUnitRows:
    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    def test_unit_rows_stay(self, dtype, rng):
        rows = rng.normal(size=(50, 200))
        rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(dtype)
        found, normalised = by_name.unit_rows(rows, ["x"] * 50)
        assert not normalised
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, rows.astype(np.float32))

    @pytest.mark.parametrize("scale", [1e-300, 3.0, 1e300])
    def test_one_longer_row_lets_all_be_normalised(self, scale):
        rows = np.array([[0.6, 0.8], [1.001, 0], [3 * scale, -4 * scale]])
        found, normalised = by_name.unit_rows(rows, ["a", "b", "c"])
        assert normalised
        np.testing.assert_allclose(found, [[0.6, 0.8], [1, 0], [0.6, -0.8]], atol=1e-6)

    @pytest.mark.parametrize(
        ("bad", "what"),
        [(np.nan, "not finite"), (-np.inf, "not finite"), (0, "all zeros")],
    )
    @pytest.mark.parametrize("dtype", [np.float16, np.float32])
    def test_rows_without_direction_name_the_image(self, bad, what, dtype, monkeypatch):
        monkeypatch.setattr(by_name, "BLOCK_NUMBERS", 4)  # two rows at a time
        rows = np.ones((5, 2), dtype)
        rows[3] = bad
        with pytest.raises(UserError, match=f"^the features of d are {what}: they ha"):
            by_name.unit_rows(rows, ["a", "b", "c", "d", "e"])
