"""The site: what is made from the code holds all of it, and links are followed."""

import re

import pytest

from ceil_jax.experiment.config import definitions
from ceil_jax.main import MODES
from docs.made import api, drawings, fields, links, modes, pages, theme
from docs.made.when import WHEN
from tests.repo import source
from tests.repo.test_api import PUBLIC

PAGES = sorted((source.ROOT / "docs").glob("*.md"))


def test_every_field_stands_in_a_table():
    assert WHEN.keys() == definitions().keys(), "docs/made/when.py is a line a field"
    rows = re.findall(r"^\| `([\w.]+)`( ○)? \|", fields.tables(), re.MULTILINE)
    assert [name for name, _ in rows] == list(definitions())
    free = {name for name, mark in rows if mark}
    assert {"seed", "data_dir"} - free == {"seed"}


def test_a_row_says_default_range_and_what_configurations_say():
    [row] = re.findall(r"^\| `clustering.k1`.*$", fields.tables(), re.MULTILINE)
    assert row.split("|")[2].strip() == (
        "`10`; `30` in folder, sysu_mm01; `25` in llcm; `14` in synthetic"
    )
    assert row.split("|")[4] == " whole, 1 to 100,000 "
    [row] = re.findall(r"^\| `image_size`.*$", fields.tables(), re.MULTILINE)
    assert "2 whole numbers in brackets, each 16 to 4,096, multiples of 16" in row
    [row] = re.findall(r"^\| `encoder.dtype`.*$", fields.tables(), re.MULTILINE)
    assert row.split("|")[3:5] == [
        " of the convolutions ",
        " one of float32, bfloat16 ",
    ]


def test_every_mode_and_flag_has_its_line():
    parts = re.split(r"^## (\w+)$", modes.tables(), flags=re.MULTILINE)
    shown = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert shown.keys() == MODES.keys()
    for mode, words in MODES.items():
        flags = re.findall(r"^\| `--([\w-]+)` \| (\w+)", shown[mode], re.MULTILINE)
        needed = {name for name, need in flags if need == "needed"}
        assert needed == {*words.needed}
        assert {name for name, _ in flags} == {*words.needed, *words.possible}


def test_the_reference_holds_every_public_name():
    page = pages.filled((source.ROOT / "docs" / "api.md").read_text(encoding="utf-8"))
    for package, names in PUBLIC.items():
        for name in names if package != "main" else ():
            assert re.search(rf"auto\w+:: ceil_jax\.{package}\.{name}$", page, re.M)


def test_docstrings_keep_what_they_show():
    text = "`a*b` |x| *y f_ `{k: v}`, ``c*``"
    assert api.plain(text) == r"``a*b`` \|x\| \*y f\_ ``{k: v}``, ``c*``"


def test_signatures_show_types_without_their_modules():
    long = "(a: ~collections.abc.Mapping[str, x.Y] = ..., b: float = 0.5)"
    assert api.short(long) == "(a: Mapping[str, Y] = ..., b: float = 0.5)"
    assert api.short(None) is None


@pytest.mark.parametrize("name", drawings.DRAWINGS)
def test_a_drawing_says_one_thing_in_the_colours_of_the_page(name):
    draw, title, caption = drawings.DRAWINGS[name]
    canvas = draw()
    assert 1 <= len(canvas.labels) <= 7
    svg = canvas.svg(name, title)
    assert {*re.findall(r"var\(--(\w+)\)", svg)} <= theme.LIGHT.keys()
    assert not re.search(r"#[0-9a-f]{3}|rgb", svg)
    assert caption.count(".") == 1


def test_drawings_stand_on_the_page_of_the_method():
    page = (source.ROOT / "docs" / "method.md").read_text(encoding="utf-8")
    assert {*re.findall(r"made: drawing (\w+)", page)} == drawings.DRAWINGS.keys()


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("tokens", [theme.LIGHT, theme.DARK])
def test_text_and_marks_can_be_read(tokens):
    assert theme.LIGHT.keys() == theme.DARK.keys()
    for name in ("ink", "ink2", "ink3", "accent", "right", "wrong", "edge", "visible"):
        for ground in ("paper", "page"):
            pair = sorted([luminance(tokens[name]), luminance(tokens[ground])])
            ratio = (pair[1] + 0.05) / (pair[0] + 0.05)
            assert ratio >= (3 if name == "edge" else 4.5), (name, ground)


def test_every_page_is_found_from_the_start():
    start = (source.ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\{toctree\}\n(.*?)^```", start, re.M | re.S)
    listed = [w for b in blocks for w in b.split() if not w.startswith(":")]
    pages_ = {path.stem for path in PAGES} - {"index"}
    assert pages_ <= {*listed}


def test_links_out_of_the_folder_lead_to_pages():
    text = "[a](CONTRIBUTING.md#tests) [b](docs/runs.md) [c](https://x.org/a) [d](#e)"
    assert pages.relinked(text, "") == (
        "[a](contributing.md#tests) [b](runs.md) [c](https://x.org/a) [d](#e)"
    )
    assert pages.relinked("[a](../data/README.md)", "docs") == "[a](data_sets.md)"
    assert pages.relinked("[a](../examples/embed.py)", "docs") == (
        "[a](../examples/embed.py)"
    )
    assert pages.relinked("```\n[a](README.md)\n```", "") == "```\n[a](README.md)\n```"


def test_links_that_lead_nowhere_are_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="#here">1</a><a href="b.html#there">2</a>'
        '<a href="b.html#nowhere">3</a><img src="none.png">'
        '<a href="https://example.org/x">4</a>'
    )
    (tmp_path / "b.html").write_text('<h1 id="there">b</h1>')
    assert links.check(tmp_path) == [
        "a.html: b.html#nowhere is no anchor",
        "a.html: none.png is no file",
    ]
    assert (tmp_path / links.EXTERNAL).read_text() == "https://example.org/x\n"
