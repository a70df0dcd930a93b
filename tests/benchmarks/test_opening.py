"""A page that is opened and used, in small."""

import dataclasses

from benchmarks import opening
from ceil_jax.report import run_page
from tests.browser import chrome
from tests.ceil_jax.report import generated

pytestmark = chrome.NEEDED


def test_a_page_is_opened_and_used(tmp_path):
    contents = generated.contents()
    contents = dataclasses.replace(contents, matches=generated.matches(contents))
    page = tmp_path / "report.html"
    page.write_text(run_page.html(contents), encoding="utf-8")
    with chrome.browser() as browser:
        found = opening.opening(browser, page)
        shown = browser.find_elements("css selector", ".list:not([hidden]) svg.asked")
    assert len(shown) == 10 * 2 * 5  # all lists of a search, five answers, plain and R
    assert list(found) == ["opened", "all lists", "what matched"]
    assert all(0 < seconds < 60 for seconds in found.values())
