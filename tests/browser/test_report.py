"""The report in a browser: filters, links, keyboard, themes, phone, print."""

import base64
import dataclasses

import numpy as np
import pytest

from ceil_jax.report import run_page, runs_page
from tests.browser import chrome
from tests.ceil_jax.report import generated, test_runs_page

pytestmark = chrome.NEEDED


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Pages by name: of a run, of one without labels, one broken on purpose."""
    folder = tmp_path_factory.mktemp("pages")
    nasty = {"all": generated.mode(stem=generated.NASTY)}
    whole = generated.contents()
    seeds = test_runs_page.seeds([40.0 + n for n in range(10)])
    texts = {
        "runs": runs_page.html(seeds),
        "run": run_page.html(whole),
        "explained": run_page.html(
            dataclasses.replace(whole, matches=generated.matches(whole))
        ),
        "nasty": run_page.html(
            generated.contents(
                rankings=nasty, run=generated.NASTY, start=generated.NASTY
            )
        ),
        "unlabelled": run_page.html(
            generated.contents(results=None, pictures=generated.sheets(), others=())
        ),
    }
    broken = '<img src="https://example.org/a.png"><a href="#" style="display:block;'
    broken += 'height:9px;overflow:hidden">x</a><div style="width:3000px">y</div>'
    broken += '<p style="color:#ccc;background:#fff">pale</p>'
    texts["broken"] = texts["unlabelled"].replace("<footer>", f"{broken}<footer>")
    found = {}
    for name, text in texts.items():
        found[name] = folder / f"{name}.html"
        found[name].write_text(text, encoding="utf-8")
    return found


@pytest.fixture
def opened(browser, pages):
    """The page of a run, on a wide light screen."""
    chrome.adjust(browser, 1280)
    browser.get(pages["run"].as_uri())
    browser.execute_script("localStorage.clear()")
    browser.get("about:blank")
    browser.get(pages["run"].as_uri())
    return browser


def shown(browser):
    return browser.execute_script(
        "return [...document.querySelectorAll('.list')]"
        ".filter((list) => !list.hidden).map((list) => ({...list.dataset}))"
    )


def count(browser):
    return browser.execute_script("return document.querySelector('.count').textContent")


def choose(browser, **values):
    browser.execute_script(
        "const form = document.querySelector('.filters');"
        "for (const [name, value] of Object.entries(arguments[0]))"
        "  form.elements[name].value = value;"
        "form.dispatchEvent(new Event('change'));",
        values,
    )


def top_of(browser, name):
    browser.execute_async_script("setTimeout(arguments[0], 250)")
    return browser.execute_script(
        "return document.getElementById(arguments[0]).getBoundingClientRect().top", name
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["explained", "nasty", "unlabelled", "runs"])
def test_nothing_is_wrong(browser, pages, name, width, dark):
    chrome.adjust(browser, width, dark=dark)
    assert chrome.faults(browser, pages[name], width) == []
    seen, pale = chrome.pale(browser)
    assert seen > 50
    assert pale == []


@pytest.mark.skipif(chrome.axe() is None, reason=f"{chrome.AXE} names no axe.min.js")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["explained", "unlabelled", "runs"])
def test_axe_finds_nothing(browser, pages, name, dark):
    chrome.adjust(browser, 390 if dark else 1280, dark=dark)
    chrome.faults(browser, pages[name], 1280)
    if name == "explained":
        browser.execute_script("document.querySelector('.matches-switch').click()")
    assert chrome.accessibility(browser) == []


def test_what_is_broken_is_found(browser, pages):
    chrome.adjust(browser, 1280)
    found = " ".join(chrome.faults(browser, pages["broken"], 1280))
    assert "wider than the screen" in found
    assert "target below 24 px" in found
    assert "1.61: <p" in " ".join(chrome.pale(browser)[1])  # #ccc on white
    assert "Loading the image 'https://example" in found.replace("\\", "")  # refused


def test_the_worst_open_first(opened):
    assert {each["g"] for each in shown(opened)} == {"worst"}
    assert {each["m"] for each in shown(opened)} == {"all"}
    assert count(opened) == f"{len(shown(opened))} of 10 lists"


def test_each_filter_keeps_what_it_says(opened):
    choose(opened, g="every")
    every = shown(opened)
    assert len(every) == 10
    for name in ("qc", "gc"):
        value = every[0][name]
        choose(opened, **{name: value})
        kept = [each for each in every if each[name] == value]
        assert shown(opened) == kept
        assert count(opened) == f"{len(kept)} of 10 lists"
        choose(opened, **{name: ""})
    choose(opened, o="10")
    kept = [each for each in every if each["o"] == "10"]
    assert shown(opened) == kept
    for outcome in "01":
        choose(opened, o=f"r{outcome}")
        kept = [each for each in every if each["o"][1] == outcome]
        assert shown(opened) == kept
    choose(opened, o="", m="indoor", g="best")
    assert {(each["g"], each["m"]) for each in shown(opened)} == {("best", "indoor")}
    heads = opened.execute_script(
        "return [...document.querySelectorAll('.group')]"
        ".filter((head) => !head.hidden).map((head) => head.dataset.g)"
    )
    assert heads == ["best"]


def test_nothing_fits_and_clear(opened):
    taken = {each["o"] for each in shown(opened)}
    choose(opened, o=next(o for o in ("10", "01") if o not in taken))
    assert shown(opened) == []
    assert count(opened).startswith("No list fits")
    opened.execute_script("document.querySelector('button[type=reset]').click()")
    opened.execute_async_script("setTimeout(arguments[0], 50)")
    assert {each["g"] for each in shown(opened)} == {"worst"}


@pytest.mark.parametrize("fresh", [True, False])
def test_a_link_opens_its_list(browser, opened, pages, fresh):
    name = opened.execute_script(
        "return [...document.querySelectorAll('.list')].filter("
        "(list) => list.dataset.m === 'indoor' && list.dataset.g === 'best').at(-1).id"
    )
    if fresh:
        browser.get("about:blank")
        browser.get(f"{pages['run'].as_uri()}#{name}")
    else:
        browser.execute_script("location.hash = arguments[0]", name)
    assert 100 <= top_of(browser, name) <= 260
    assert {each["m"] for each in shown(browser)} == {"indoor"}


def test_a_cell_shows_its_lists(opened):
    cell = opened.find_element("css selector", ".heat a[data-m=indoor]")
    asked = cell.get_attribute("data-qc"), cell.get_attribute("data-gc")
    opened.execute_script("arguments[0].click()", cell)
    opened.execute_async_script("setTimeout(arguments[0], 50)")
    values = opened.execute_script(
        "const {g, m, qc, gc} = document.querySelector('.filters').elements;"
        "return [g.value, m.value, qc.value, gc.value]"
    )
    assert values == ["every", "indoor", *asked]
    assert {(each["m"], each["qc"], each["gc"]) for each in shown(opened)} <= {
        ("indoor", *asked)
    }


def test_the_keyboard_reaches_everything_with_a_ring(opened):
    seen = chrome.tabs(opened, 14)
    assert [name for name, *_ in seen[:3]] == ["skip", "mark", "bare noprint js"]
    assert all(style == "solid" and width >= 2 for _, style, width in seen)


def test_arrows_move_the_read_out_and_escape_ends_it(opened):
    from selenium.webdriver.common.keys import Keys

    figure = opened.find_element("css selector", "[data-fig=cmc-all]")
    read = figure.find_element("css selector", ".read")
    opened.execute_script("arguments[0].focus()", figure)
    figure.send_keys(Keys.ARROW_RIGHT)
    assert read.text.startswith("place 1")
    figure.send_keys(Keys.ARROW_RIGHT)
    assert read.text.startswith("place 2")
    assert "plain" in read.text
    figure.send_keys(Keys.ESCAPE)
    assert read.text == ""


def test_a_person_on_the_map(opened):
    opened.execute_script(
        "const pick = document.getElementById('person'); pick.value = 'p3';"
        "pick.dispatchEvent(new Event('change'))"
    )
    says = opened.find_element("id", "person-says").text
    assert says.startswith("Person 3: ")
    path = opened.find_element("css selector", ".map .hv").get_attribute("d")
    assert path.startswith("M")


def test_the_theme_goes_round_and_is_remembered(opened, pages):
    def theme():
        return opened.execute_script("return document.documentElement.dataset.theme")

    button = opened.find_element("id", "theme")
    assert theme() == "light"
    seen = []
    for _ in range(3):
        button.click()
        seen.append((button.text.split()[-1], theme()))
    assert seen == [("Light", "light"), ("Dark", "dark"), ("Auto", "light")]
    button.click()
    button.click()
    opened.get(pages["run"].as_uri())
    assert theme() == "dark"


def test_without_scripts_every_list_is_shown_in_the_systems_theme(browser, pages):
    chrome.adjust(browser, 1280, dark=True, scripts=False)
    browser.get(pages["run"].as_uri())
    chrome.adjust(browser, 1280, dark=True)
    found = browser.execute_script(
        "return [document.querySelectorAll('.list:not([hidden])').length,"
        "getComputedStyle(document.body).backgroundColor]"
    )
    assert found == [20, "rgb(15, 18, 21)"]


@pytest.mark.skipif(chrome.PDFTOTEXT is None, reason="pdftotext is not installed")
@pytest.mark.parametrize("is_on", [False, True], ids=["plain", "matched"])
def test_no_printed_page_is_empty_or_ends_with_a_heading(
    browser, pages, tmp_path, is_on
):
    chrome.adjust(browser, 1280, dark=True)
    browser.get(pages["explained"].as_uri())
    if is_on:
        browser.execute_script("document.querySelector('.matches-switch').click()")
    headings = browser.execute_script(
        "return [...document.querySelectorAll('h1, h2, h3, .group')]"
        ".map((each) => each.textContent.trim())"
    )
    lead = browser.execute_script(
        "return [...document.querySelectorAll('section > .lead')]"
        ".map((each) => each.textContent.trim().split(' ').slice(-2).join(' '))"
    )
    sheets = chrome.printed(browser, tmp_path / "report.pdf")
    assert 6 <= len(sheets) <= 12
    assert all(len(lines) > 3 for lines in sheets)
    for lines in sheets[:-1]:
        assert lines[-1] not in headings
        assert not any(lines[-1].endswith(words) for words in lead)
    text = " ".join(" ".join(lines) for lines in sheets)
    assert ("the clearer a part" in text) == is_on
    assert "Choose a cell" not in text
    assert "choose a dot" not in text


def test_print_is_light(browser, pages):
    chrome.adjust(browser, 1280, dark=True)
    browser.get(pages["run"].as_uri())
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    ground = browser.execute_script(
        "return getComputedStyle(document.body).backgroundColor"
    )
    made = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert ground == "rgb(255, 255, 255)"
    assert base64.b64decode(made["data"]).startswith(b"%PDF")


@pytest.fixture
def explained(browser, pages):
    """The page of a run that was explained, on a phone."""
    chrome.adjust(browser, 390, dark=True)
    browser.get(pages["explained"].as_uri())
    return browser


def covered(browser, name="image.m"):
    """How many pictures of the lists that are shown have a shade over them."""
    return browser.execute_script(
        "return [...document.querySelectorAll('.list:not([hidden]) ' + arguments[0])]"
        ".filter((each) => each.checkVisibility()).length",
        name,
    )


def test_what_matched_is_shown_and_hidden_by_the_keyboard(explained):
    from selenium.webdriver.common.keys import Keys

    switch = explained.find_element("css selector", ".matches-switch")
    says = explained.find_element("css selector", ".matches-says")
    assert (covered(explained), says.is_displayed()) == (0, False)
    explained.execute_script("arguments[0].focus()", switch)
    switch.send_keys(Keys.SPACE)
    num_lists = len(shown(explained))
    assert switch.get_attribute("aria-pressed") == "true"
    assert covered(explained) == num_lists * 2 * 5 * 2  # of the answer, of the query
    assert covered(explained, "svg.asked") == num_lists * 2 * 5
    assert "the clearer a part, the more it adds to their plain" in says.text
    choose(explained, g="every")  # lists that were out of sight
    explained.execute_async_script("setTimeout(arguments[0], 400)")
    assert covered(explained) == len(shown(explained)) * 2 * 5 * 2
    wide = explained.execute_script("return document.documentElement.scrollWidth")
    assert wide <= 390
    switch.send_keys(Keys.ENTER)
    assert switch.get_attribute("aria-pressed") == "false"
    assert (covered(explained), says.is_displayed()) == (0, False)


def test_a_shade_is_light_where_the_map_is_large(explained, pages):
    """The picture that is drawn, place by place, beside the digits of the page."""
    explained.execute_script("document.querySelector('.matches-switch').click()")
    digits, alphas, says = explained.execute_async_script(
        "const done = arguments[0];"
        "const data = JSON.parse(document.getElementById('data').textContent).matches;"
        "const [height, width] = data.size;"
        "const item = document.querySelector('[data-x]');"
        "const image = new Image();"
        "image.onload = () => {"
        "  const canvas = document.createElement('canvas');"
        "  [canvas.width, canvas.height] = [32, 64];"
        "  const context = canvas.getContext('2d');"
        "  context.drawImage(image, 0, 0);"
        "  const {data: bytes} = context.getImageData(0, 0, 32, 64);"
        "  const at = (2 * item.dataset.x + 1) * width * height;"
        "  done([data.maps.slice(at, at + width * height),"
        "    [...bytes].filter((_, i) => i % 4 === 3),"
        "    item.querySelector('svg').getAttribute('aria-label')]);"
        "};"
        "image.src = item.querySelector('svg.t image').getAttribute('href');"
    )
    shares = [int(digit, 36) / 35 for digit in digits]
    assert len(shares) == 18 * 9
    light = 1 - np.reshape(alphas, (64, 32)) / 255 / 0.8
    # The middle of each place; between the middles the shade is smooth.
    rows, columns = ((np.arange(n) + 0.5) * 64 / 18 for n in (18, 9))
    middles = light[np.ix_(rows.astype(int), columns.astype(int))]
    assert np.corrcoef(middles.ravel(), shares)[0, 1] > 0.97
    assert abs(middles.ravel() - shares).max() < 0.3
    assert abs(np.diff(light, axis=0)).max() < 0.5
    thirds = [sum(shares[start : start + 54]) for start in (0, 54, 108)]
    word = ("upper", "middle", "lower")[thirds.index(max(thirds))]
    assert says.endswith(f"matched most in its {word} third")


def test_what_matched_is_printed_as_it_stands(explained):
    explained.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert covered(explained) == 0
    explained.execute_script("document.querySelector('.matches-switch').click()")
    assert covered(explained) == len(shown(explained)) * 2 * 5 * 2
    assert explained.find_element("css selector", ".matches-says").is_displayed()
    assert not explained.find_element("css selector", ".matches-switch").is_displayed()
    explained.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
