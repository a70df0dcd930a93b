"""A browser without a window, and what is wrong with a page in it."""

import base64
import importlib.util
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
PDFTOTEXT = shutil.which("pdftotext")
MISSING = [
    name
    for name, found in (
        ("chromium", CHROMIUM),
        ("chromedriver", DRIVER),
        ("selenium", importlib.util.find_spec("selenium")),
    )
    if not found
]
NEEDED = pytest.mark.skipif(
    bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"
)
"""Of every test that opens a page."""
AXE = "CEIL_JAX_AXE"
"""The environment variable that names axe-core's `axe.min.js`."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_UNFOLD = """
document.querySelectorAll('details').forEach((each) => { each.open = true; });
const form = document.querySelector('.filters');
if (form) {
  form.elements.g.value = 'every';
  form.dispatchEvent(new Event('change'));
}
"""
_SMALL = """
return [...document.querySelectorAll('a,button,select,summary,.seg label')]
  .filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width && box.height && box.height < 24
      && getComputedStyle(element).display !== 'inline';
  }).map((element) => element.outerHTML.slice(0, 80));
"""
# Text whose colour is too near to what lies behind it; WCAG 2.2, 1.4.3.
_PALE = r"""
const channels = (text) => {
  const found = text.match(/[\d.]+(?:e-?\d+)?/g).map(Number);
  const scale = text.startsWith('color(') ? 255 : 1;
  const [r, g, b, alpha = 1] = found;
  return [r * scale, g * scale, b * scale, alpha];
};
const over = ([r, g, b, a], under) =>
  [r, g, b].map((value, i) => value * a + under[i] * (1 - a));
const ground = (element) => {
  const layers = [];
  for (let each = element; each; each = each.parentElement) {
    const layer = channels(getComputedStyle(each).backgroundColor);
    if (layer[3]) layers.unshift(layer);
    if (layer[3] === 1) break;
  }
  return layers.reduce((under, layer) => over(layer, under), [255, 255, 255]);
};
const light = (rgb) => rgb.map((value) => value / 255)
  .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const found = new Map();
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let seen = 0;
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || element.closest('script,style,title'))
    continue;
  if (!element.checkVisibility({opacityProperty: true, visibilityProperty: true}))
    continue;
  const style = getComputedStyle(element);
  const behind = ground(element);
  const ink = channels(element.closest('svg') ? style.fill : style.color);
  const pair = [light(over(ink, behind)), light(behind)].sort((a, b) => b - a);
  const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
  const size = parseFloat(style.fontSize);
  const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
  seen += 1;
  if (ratio < (isLarge ? 3 : 4.5))
    found.set(element.outerHTML.slice(0, 90), ratio.toFixed(2));
}
return [seen, [...found].map(([text, ratio]) => `${ratio}: ${text}`)];
"""
_RUN_AXE = f"""
const done = arguments[0];
axe.run(document, {{runOnly: {json.dumps(RULES)}}}).then((found) => done(
  found.violations.map((each) =>
    `${{each.id}} (${{each.nodes.length}}): ${{each.nodes[0].html.slice(0, 160)}}`)));
"""


def axe() -> Path | None:
    """The file of axe-core; None where nobody has it."""
    named = os.environ.get(AXE, "")
    here = Path(__file__).resolve().parents[2] / "node_modules"
    for path in (Path(named), here / "axe-core" / "axe.min.js"):
        if path.is_file():
            return path
    return None


@contextmanager
def browser(
    width: int = 1280, *, dark: bool = False, scripts: bool = True
) -> Iterator[Any]:
    """A browser of a width in CSS pixels and a preferred theme."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(flag)
    logs = {"browser": "ALL", "performance": "ALL"}
    options.set_capability("goog:loggingPrefs", logs)
    started = webdriver.Chrome(options, Service(DRIVER))
    try:
        adjust(started, width, dark=dark, scripts=scripts)
        yield started
    finally:
        started.quit()


def adjust(
    started: Any, width: int, *, dark: bool = False, scripts: bool = True
) -> None:
    """Another width, theme, or no scripts, from the next page on."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1}
    started.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", size | {"mobile": width < 500}
    )
    theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    started.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [theme]})
    started.execute_cdp_cmd(
        "Emulation.setScriptExecutionDisabled", {"value": not scripts}
    )


def faults(started: Any, page: Path, width: int) -> list[str]:
    """What is wrong with a page, everything unfolded."""
    started.get(page.resolve().as_uri())
    started.execute_script(_UNFOLD)
    time.sleep(0.2)
    found = [
        f"console: {entry['message'][:160]}"
        for entry in started.get_log("browser")
        if entry["level"] in ("SEVERE", "WARNING")
    ]
    for entry in started.get_log("performance"):
        event = json.loads(entry["message"])["message"]
        if event["method"] == "Network.requestWillBeSent":
            address = event["params"]["request"]["url"]
            if not address.startswith(("data:", "file:", "blob:")):
                found.append(f"request: {address[:80]}")
    # Against the width asked for: on a phone innerWidth grows with the content.
    wide = started.execute_script("return document.documentElement.scrollWidth")
    if wide > width:
        found.append(f"{wide - width} px wider than the screen")
    found += [f"target below 24 px: {e}" for e in started.execute_script(_SMALL)]
    return found


def accessibility(started: Any) -> list[str]:
    """What axe-core finds on the page that is open."""
    file = axe()
    assert file is not None
    started.execute_script(file.read_text(encoding="utf-8") + ";0")
    return started.execute_async_script(_RUN_AXE)


def pale(started: Any) -> tuple[int, list[str]]:
    """Pieces of text on the open page, and those that are too pale for their ground."""
    seen, found = started.execute_script(_PALE)
    return seen, found


def tabs(started: Any, times: int) -> list[tuple[str, str, float]]:
    """What the Tab key reaches, with the style and the width of its ring."""
    from selenium.webdriver.common.keys import Keys

    found = []
    for _ in range(times):
        started.switch_to.active_element.send_keys(Keys.TAB)
        found.append(
            tuple(
                started.execute_script(
                    "const e = document.activeElement, s = getComputedStyle(e);"
                    "return [String(e.className.baseVal ?? e.className) || e.id"
                    " || e.textContent.trim(), s.outlineStyle,"
                    " parseFloat(s.outlineWidth)]"
                )
            )
        )
    return found


def printed(started: Any, file: Path) -> list[list[str]]:
    """Print the open page on A4 to a PDF; the lines of text of each of its pages."""
    assert PDFTOTEXT is not None
    size = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True}
    made = started.execute_cdp_cmd("Page.printToPDF", size)
    file.write_bytes(base64.b64decode(made["data"]))
    command = [PDFTOTEXT, "-layout", str(file), "-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    pages = text.removesuffix("\f").split("\f")
    return [[line.strip() for line in p.splitlines() if line.strip()] for p in pages]
