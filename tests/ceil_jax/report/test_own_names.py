"""What an owner calls cameras and people: on the page, in pictures, stored."""

import dataclasses

import numpy as np
import pytest

from ceil_jax.report import asked, run_page, stored_pictures
from ceil_jax.report.own_names import OwnNames
from tests.ceil_jax.report import generated

NAMES = OwnNames(
    {1: "yard", 2: "hall", 3: "gate <night>", 4: "stairs", 6: "lift"},
    {number: f"staff-{number:02}" for number in range(1, 40)},
)


def test_numbers_stand_where_there_is_no_name():
    assert (NAMES.camera(2), NAMES.short_camera(2), NAMES.person(7)) == (
        "hall",
        "hall",
        "staff-07",
    )
    none = OwnNames()
    assert (none.camera(2), none.short_camera(2), none.person(7)) == ("2", "c2", "7")


@pytest.mark.parametrize("names", [NAMES, OwnNames()])
def test_they_are_stored_with_the_pictures(names):
    given = dataclasses.replace(generated.sheets(), names=names)
    found = stored_pictures.from_arrays(stored_pictures.to_arrays(given))
    assert found.names == names


def test_pictures_of_an_earlier_version_have_none():
    arrays = stored_pictures.to_arrays(generated.sheets())
    earlier = {k: v for k, v in arrays.items() if not k.startswith("names/")}
    assert stored_pictures.from_arrays(earlier).names == OwnNames()


def test_every_section_uses_them():
    contents = generated.contents()
    assert contents.pictures is not None
    named = dataclasses.replace(contents.pictures, names=NAMES)
    html = run_page.html(dataclasses.replace(contents, pictures=named))
    assert "<h4>Person staff-" in html
    assert '<option value="p1">Person staff-01' in html
    assert '<th scope="col">hall</th>' in html
    assert 'data-qc="lift" data-gc="yard"' in html
    assert "<figcaption>Camera hall" in html
    assert "gate &lt;night&gt;" in html
    assert "gate <night>" not in html
    # A number is left nowhere: the filters' values are what the lists are marked with.
    assert 'data-qc="6"' not in html
    assert "camera 6" not in html


def test_sheets_use_them():
    named = dataclasses.replace(generated.sheets(), names=NAMES)
    html = run_page.html(generated.contents(results=None, pictures=named, others=()))
    assert 'aria-label="camera yard' in html
    assert ">yard</span>" in html
    assert "camera 1" not in html


def test_the_picture_of_lists_uses_them():
    ranked = generated.mode()
    blank = np.zeros((1, 8, 4, 3), np.uint8)
    found = asked.telling(
        ranked,
        lambda rows: np.repeat(blank, len(rows), axis=0),
        lambda rows: np.repeat(blank, len(rows), axis=0),
        number=3,
        names=NAMES,
    )
    assert all("person staff-" in each.title for each in found)
    cameras = {
        answer.lines[0].split("cam ")[1]
        for each in found
        for answers in each.lists.values()
        for answer in answers
    }
    assert cameras <= {"yard", "hall", "stairs"}
