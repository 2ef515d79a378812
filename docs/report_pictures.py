"""Pictures of docs/report.md: ``python -m docs.report_pictures`` trains, writes a report and takes screenshots of it.

The script takes a few minutes. It needs Debian's ``chromium`` and ``chromium-driver``, and the Python package
``selenium``.
"""

from __future__ import annotations

import base64
import shutil
import sys
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

import arena
from arena.cli import main as command

HERE = Path(__file__).parent / "pictures"

AGENTS = ("q-learning", "sarsa", "expected-sarsa", "double-q-learning", "dyna-q", "random")
#: Number of training steps in each environment.
ENVIRONMENTS = {
    "FrozenLake-v1": 400_000,
    "Taxi-v4": 400_000,
    "arena/CliffWalk-v0": 60_000,
    "arena/WindyGrid-v0": 60_000,
}

#: Name, width in points, selector of the section before which the picture ends, pixels per point, color scheme.
PICTURES = (
    ("report", 1120, "#options-section", 1.25, "light"),
    ("report-dark", 1120, "#options-section", 1.25, "dark"),
    ("report-phone", 390, "#profiles-section", 2, "light"),
)


def main() -> None:
    """Draw all pictures."""
    with tempfile.TemporaryDirectory() as folder:
        runs, page = Path(folder, "runs"), Path(folder, "report.html")
        for env, steps in ENVIRONMENTS.items():
            for agent in AGENTS:
                arena.train(agent, env, seeds=5, steps=steps, out=runs, progress=False)
        if command(["report", str(runs), "--out", str(page)]):
            sys.exit(1)
        driver = browser()
        try:
            for name, width, end, scale, scheme in PICTURES:
                picture = photograph(driver, page, width, end, scale, scheme)
                # Without a palette, which would map the blue of one algorithm to the green of another.
                (HERE / f"{name}.png").write_bytes(picture)
        finally:
            driver.quit()


def browser() -> webdriver.Chrome:
    """Start Chromium without a window."""
    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(flag)
    options.binary_location = shutil.which("chromium") or ""
    return webdriver.Chrome(options, Service(shutil.which("chromedriver")))


def photograph(
    driver: webdriver.Chrome, page: Path, width: int, end: str, scale: float, scheme: str
) -> bytes:
    """Take a screenshot of the upper part of a page, as PNG.

    Args:
        driver: the browser.
        page: the file.
        width: width of the window, in points.
        end: selector of the first element below the picture.
        scale: pixels per point.
        scheme: ``light`` or ``dark``.
    """
    metrics = {"width": width, "height": 900, "deviceScaleFactor": scale, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    driver.get(page.as_uri())
    drawn = "return document.querySelectorAll('#profiles .main-svg').length > 0"
    WebDriverWait(driver, 30).until(lambda found: found.execute_script(drawn))
    height = driver.execute_script(
        "return document.querySelector(arguments[0]).getBoundingClientRect().top + scrollY", end
    )
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    asked = {"captureBeyondViewport": True, "clip": clip}
    return base64.b64decode(driver.execute_cdp_cmd("Page.captureScreenshot", asked)["data"])


if __name__ == "__main__":
    main()
