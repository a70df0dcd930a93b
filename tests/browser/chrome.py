"""A browser without a window, and what is wrong with a page in it."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
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
