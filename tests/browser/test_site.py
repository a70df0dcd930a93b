"""The site of the documentation in a browser, where `make docs` has built it."""

import pytest

from docs.made import theme
from tests.browser import chrome
from tests.repo import source

SITE = source.ROOT / "docs" / "_build" / "html"
pytestmark = [
    chrome.NEEDED,
    pytest.mark.skipif(
        not (SITE / "index.html").is_file(), reason="make docs has not built the site"
    ),
]
PAGES = sorted(path.stem for path in (source.ROOT / "docs").glob("*.md"))
PAGES += ["notebook", "search", "genindex"]
# Of every kind: doors, tables, drawings, code, signatures, a notebook.
KINDS = ["index", "fields", "method", "troubleshooting", "api", "notebook"]


def page(name):
    return SITE / f"{name}.html"


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wrong(browser, name):
    for width, dark in ((390, True), (1280, False)):
        chrome.adjust(browser, width, dark=dark)
        assert chrome.faults(browser, page(name), width) == []
        seen, pale = chrome.pale(browser)
        assert seen > 10
        assert pale == []


@pytest.mark.skipif(chrome.axe() is None, reason=f"{chrome.AXE} names no axe.min.js")
@pytest.mark.parametrize("name", KINDS)
def test_axe_finds_nothing(browser, name):
    for width, dark in ((390, True), (1280, False)):
        chrome.adjust(browser, width, dark=dark)
        chrome.faults(browser, page(name), width)
        assert chrome.accessibility(browser) == []


@pytest.mark.parametrize("name", KINDS)
def test_the_keyboard_reaches_links_with_a_ring(browser, name):
    chrome.adjust(browser, 1280)
    browser.get("about:blank")
    browser.get(page(name).as_uri())
    seen = chrome.tabs(browser, 8)
    assert seen[0][0].startswith("skip-to-content")
    assert all(style == "solid" and width >= 2 for _, style, width in seen)


def test_the_theme_is_the_systems_until_it_is_chosen(browser):
    from selenium.webdriver.common.keys import Keys

    def ground():
        found = browser.execute_script(
            "return getComputedStyle(document.body).backgroundColor"
        )
        return "#" + "".join(f"{int(v):02x}" for v in found[4:-1].split(","))

    papers = theme.LIGHT["paper"], theme.DARK["paper"]
    for dark in (False, True):
        chrome.adjust(browser, 1280, dark=dark)
        browser.get(page("index").as_uri())
        browser.execute_script("localStorage.clear()")
        browser.get(page("index").as_uri())
        assert ground() == papers[dark]
    button = browser.find_element("css selector", ".theme-toggle-content .theme-toggle")
    seen = set()
    for _ in range(3):  # auto, and either theme whatever the system says
        button.send_keys(Keys.ENTER)
        seen.add(ground())
    assert seen == {*papers}
    browser.execute_script("localStorage.clear()")


def test_the_menu_of_a_phone_opens_and_closes(browser):
    chrome.adjust(browser, 390)
    browser.get(page("index").as_uri())
    drawer = browser.find_element("css selector", ".sidebar-drawer")

    def left():
        browser.execute_async_script("setTimeout(arguments[0], 400)")
        return drawer.rect["x"]

    assert left() < 0
    browser.execute_script("document.getElementById('__navigation').click()")
    assert left() == 0
    browser.execute_script("document.getElementById('__navigation').click()")
    assert left() < 0
