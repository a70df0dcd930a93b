import json
import re
from importlib import resources

import pytest

from ceil_jax.report import pages


def source(name):
    folder = resources.files("ceil_jax.report")
    return folder.joinpath(name).read_text(encoding="utf-8")


def declarations(css):
    return re.findall(r"(--[\w-]+): (#\w+)", css)


def contrast(one, other):
    """The ratio of WCAG 2.2, from its text."""

    def luminance(colour):
        digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [
            v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def blocks():
    """The tokens of light, of the dark button and of the system's dark."""
    css = source("theme.css")
    found = re.findall(r":root[^{]*\{([^}]*--page[^}]*)\}", css)
    return [dict(declarations(block)) for block in found]


def test_dark_is_one_whoever_asks_for_it():
    light, button, system = blocks()
    assert button == system
    assert button.keys() <= light.keys()
    assert light.keys() - button.keys() == set()


@pytest.mark.parametrize("theme", [0, 1])
def test_every_text_and_mark_can_be_told_from_its_ground(theme):
    tokens = blocks()[theme]
    grounds = [tokens["--page"], tokens["--paper"]]
    for name, least in {
        **dict.fromkeys(("ink", "ink2", "ink3", "accent", "plain"), 4.5),
        **dict.fromkeys(("right", "wrong", "visible", "infrared"), 4.5),
        "edge": 3.0,
    }.items():
        for ground in grounds:
            assert contrast(tokens[f"--{name}"], ground) >= least, name
    assert contrast(tokens["--warn"], tokens["--warn-bg"]) >= 4.5
    for step in range(9):
        text = tokens["--ink" if step < 5 else "--paper"]
        assert contrast(text, tokens[f"--h{step}"]) >= 4.5, step
    for step in ("up1", "up2", "up3", "dn1", "dn2", "dn3"):
        assert contrast(tokens["--ink"], tokens[f"--{step}"]) >= 4.5, step


def test_no_component_names_a_colour():
    for name in ("theme.css", "report.css"):
        outside = re.sub(r":root[^{]*\{[^}]*--page[^}]*\}", "", source(name))
        assert not re.findall(r"#[0-9a-f]{3,6}\b(?=[;\s}])", outside), name


def test_json_does_not_end_its_element():
    value = {"a": "</script><!--&", "b": 1.5}
    text = pages.as_json(value)
    assert not {*"<>&"} & {*text}
    assert json.loads(text) == value
    with pytest.raises(ValueError, match="not JSON"):
        pages.as_json(float("nan"))


def test_numbers_as_pages_show_them():
    assert pages.signed(6.92) == "+6.9"
    assert pages.signed(-6.92) == "\N{MINUS SIGN}6.9"
    assert pages.signed(-0.04) == "±0.0"
    assert pages.percent(47.05) in ("47.0", "47.1")
    assert pages.grouped(1280) == "1,280"


def test_the_dark_theme_is_the_same_by_choice_and_by_the_system():
    sheet = resources.files("ceil_jax.report").joinpath("theme.css").read_text("utf-8")
    chosen, system = (
        sheet.partition(selector)[2].partition("}")[0].split()
        for selector in (":root[data-theme=dark] {", ":root:not([data-theme]) {")
    )
    assert len(chosen) > 60
    assert chosen == system
