"""The page of a comparison in a browser: clean, narrow, dark, by the keyboard."""

import dataclasses

import pytest

from ceil_jax.evaluation.results import ModeResults
from ceil_jax.report import compared_page, comparing
from ceil_jax.report.comparing import Run
from tests.browser import chrome
from tests.ceil_jax.evaluation.paired_runs import run
from tests.ceil_jax.report import generated
from tests.ceil_jax.report.test_verdicts import RESULTS

pytestmark = chrome.NEEDED
FIELDS = {"clustering.k1": ("14", "30"), "stage2_epochs": ("18", "0")}
SAME = {"dataset": "synthetic", "queries": "24"}


def side(letter, name, seed=0, better=0.0, **more):
    found = Run(letter, name, "epoch 18, seed 1", RESULTS, run(seed, better))
    return dataclasses.replace(found, model=f"{seed} {better}", **more)


def of_seeds(letter, name, better=0.0):
    results = {}
    for seed in range(1, 7):
        figures = generated.spreads(40 + seed % 3 + better)
        modes = {"all": ModeResults(figures, figures)}
        results[seed] = dataclasses.replace(RESULTS, modes=modes)
    return Run(letter, name, "six seeds", RESULTS, by_seed=results)


def text_of(*runs, fields=FIELDS):
    pairs = comparing.pairs(runs, [""] * (len(runs) - 1))
    widened = {k: (*v, *v[1:] * (len(runs) - 2)) for k, v in fields.items()}
    return compared_page.page(runs, pairs, widened, SAME)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Pages by name, made of made-up queries."""
    folder = tmp_path_factory.mktemp("compared")
    base, better = side("A", "before"), side("B", "after", 1, 0.2)
    nasty = generated.NASTY
    texts = {
        "two": text_of(base, better),
        "three": text_of(base, better, side("C", "other", 2)),
        "seeds": text_of(of_seeds("A", "first"), of_seeds("B", "both", 8.0)),
        "unpaired": text_of(base, side("B", "bare", rankings=None)),
        "nasty": text_of(
            dataclasses.replace(base, name=nasty, note=nasty, warnings=(nasty,)),
            dataclasses.replace(better, name=nasty),
            fields={nasty: (nasty, nasty)},
        ),
    }
    found = {}
    for name, text in texts.items():
        found[name] = folder / f"{name}.html"
        found[name].write_text(text, encoding="utf-8")
    return found


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["two", "three", "seeds", "unpaired", "nasty"])
def test_nothing_is_wrong(browser, pages, name, width):
    for dark in (False, True):
        chrome.adjust(browser, width, dark=dark)
        assert chrome.faults(browser, pages[name], width) == []
        seen, pale = chrome.pale(browser)
        assert seen > 40
        assert pale == []


@pytest.mark.skipif(chrome.axe() is None, reason=f"{chrome.AXE} names no axe.min.js")
@pytest.mark.parametrize("name", ["two", "three", "seeds", "unpaired"])
def test_axe_finds_nothing(browser, pages, name):
    for dark in (False, True):
        chrome.adjust(browser, 390 if dark else 1280, dark=dark)
        chrome.faults(browser, pages[name], 1280)
        assert chrome.accessibility(browser) == []


@pytest.fixture
def opened(browser, pages):
    """The page of two runs, on a wide light screen."""
    chrome.adjust(browser, 1280)
    browser.get("about:blank")
    browser.get(pages["two"].as_uri())
    browser.execute_script("localStorage.clear()")
    browser.get(pages["two"].as_uri())
    return browser


def test_the_verdict_is_its_title(opened):
    assert opened.title == "Comparison: These two checkpoints differ: B is better"
    assert opened.find_element("css selector", "h1").text in opened.title
    # Of every search mAP and R mAP; queries of this kind have no Rank-1.
    assert len(opened.find_elements("css selector", ".diff .bar2.up")) == 4
    assert len(opened.find_elements("css selector", ".diff tbody tr")) == 8


def test_the_keyboard_reaches_charts_with_a_ring(opened):
    from selenium.webdriver.common.keys import Keys

    seen = chrome.tabs(opened, 4)
    assert [name for name, *_ in seen[:3]] == ["skip", "mark", "bare noprint js"]
    assert all(style == "solid" and width >= 2 for _, style, width in seen)
    figure = opened.find_element("css selector", "[data-fig=cmc-b-all]")
    assert opened.switch_to.active_element == figure
    read = figure.find_element("css selector", ".read")
    figure.send_keys(Keys.ARROW_RIGHT)
    assert read.text.startswith("place 1")
    assert " A " in read.text
    assert " B " in read.text
    figure.send_keys(Keys.ESCAPE)
    assert read.text == ""


def test_the_skip_link_leads_to_the_verdict(opened):
    from selenium.webdriver.common.keys import Keys

    chrome.tabs(opened, 1)
    opened.switch_to.active_element.send_keys(Keys.ENTER)
    main = opened.find_element("css selector", "main")
    assert opened.switch_to.active_element == main
    assert main.get_attribute("id") == "summary"


def test_dark_is_dark_and_print_is_light(browser, pages):
    chrome.adjust(browser, 1280, dark=True)
    browser.get(pages["two"].as_uri())
    ground = "return getComputedStyle(document.body).backgroundColor"
    assert browser.execute_script(ground) == "rgb(15, 18, 21)"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert browser.execute_script(ground) == "rgb(255, 255, 255)"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_row_on_a_phone_names_its_runs(browser, pages):
    """Without the table's head, each figure stands beside the letter of its run."""
    chrome.adjust(browser, 390)
    browser.get(pages["two"].as_uri())
    head = browser.find_element("css selector", ".diff thead")
    assert not head.is_displayed()
    letters = browser.execute_script(
        "return [...document.querySelectorAll('.diff tbody tr:first-child [data-of]')]"
        ".map((cell) => getComputedStyle(cell, '::before').content)"
    )
    assert letters == ['"A "', '"B "']


@pytest.mark.skipif(chrome.PDFTOTEXT is None, reason="pdftotext is not installed")
def test_two_runs_are_printed_on_two_pages(browser, pages, tmp_path):
    chrome.adjust(browser, 1280)
    browser.get(pages["two"].as_uri())
    first, second = chrome.printed(browser, tmp_path / "comparison.pdf")
    assert "These two checkpoints differ: B is better" in first
    assert "Differences" in first
    assert first[-1] != "Curves and queries"
    assert "What differs" in second
    # Charts stand two a row.
    titles = "All search, A and B: each query", "Indoor search, A and B: each query"
    assert any(all(title in line for title in titles) for line in second)
