"""The page in a browser: it draws, answers to its controls, fits a phone, and runs no word of a run's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from test_report import HOSTILE, compared, hostile_runs, write_run

from arena_report.page import page

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not on the path"
)
SECONDS = 30


class Browser:
    """Chromium without a window, at a page."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, path, width=1280, height=900, scheme="light", drawn=True):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.driver.get_log("browser")
        self.driver.get(Path(path).as_uri())
        if drawn:
            self.until("document.querySelectorAll('#curves .main-svg').length > 0")
        return self

    def js(self, expression):
        return self.driver.execute_script(f"return ({expression})")

    def until(self, condition):
        from selenium.webdriver.support.ui import WebDriverWait

        wait = WebDriverWait(self.driver, SECONDS, poll_frequency=0.02)
        wait.until(lambda _: self.js(condition), f"never: {condition}")

    def click(self, selector, index=0):
        self.js(f"document.querySelectorAll({selector!r})[{index}].click()")

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    @property
    def errors(self):
        return self.driver.get_log("browser")

    @property
    def names(self):
        """The names of the curves that are drawn, the optimum's among them."""
        return self.js(
            "document.getElementById('curves').data.filter(t => t.hoverinfo !== 'skip').map(t => t.name)"
        )


@pytest.fixture(scope="module")
def browser():
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(flag)
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service(DRIVER))
    yield Browser(driver)
    driver.quit()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Three agents in two environments, three seeds each, and a damaged run."""
    folder = tmp_path_factory.mktemp("runs")
    for rank, agent in enumerate(("q-learning", "sarsa", "random")):
        for place, env in enumerate(("Cliff-v0", "Lake-v0")):
            for seed in range(3):
                curve = [(step, step / 100 - rank + place * 10 + seed / 7) for step in (10, 20, 30, 40)]
                write_run(folder, agent, env, seed, mean=curve[-1][1], curve=curve, optimum=20.0 - place)
    (write_run(folder) / "run.json").write_text("{")
    return written(folder)


def written(folder):
    path = folder / "report.html"
    path.write_text(page(compared(folder), folder), encoding="utf-8")
    return path


def test_it_draws_without_a_word_on_the_console(browser, report):
    browser.open(report)
    assert browser.names == ["q-learning", "sarsa", "random", "optimum"]
    for plot in ("curves", "profiles"):
        assert browser.js(f"document.querySelectorAll('#{plot} .scatterlayer .trace').length") >= 6
        assert browser.js(f"document.querySelectorAll('#{plot} .modebar-btn').length") == 4
    assert browser.errors == []


def test_the_chosen_environment_is_the_one_shown(browser, report):
    browser.open(report)
    first = browser.js("document.getElementById('curves').data.map(t => t.y)")
    assert browser.find("[data-place='0']").is_displayed()
    assert not browser.find("[data-place='1']").is_displayed()
    browser.click("[data-env]", 1)
    browser.until("document.querySelectorAll('[data-env]')[1].getAttribute('aria-pressed') === 'true'")
    assert browser.js("document.getElementById('curves').data.map(t => t.y)") != first
    assert browser.js("document.getElementById('curves').data.at(-1).y") == [19, 19]
    assert browser.find("[data-place='1']").is_displayed() and browser.errors == []


def test_the_legend_isolates_and_adds(browser, report):
    browser.open(report)
    browser.click("#curves-section .key", 1)
    assert browser.names == ["sarsa", "optimum"]
    assert browser.js("document.getElementById('profiles').data.length") == 2
    pressed = (
        "[...document.querySelectorAll('#curves-section .key')].map(k => k.getAttribute('aria-pressed'))"
    )
    assert browser.js(pressed) == ["false", "true", "false"]
    shift = "new MouseEvent('click', {shiftKey: true})"
    browser.js(f"document.querySelectorAll('#curves-section .key')[2].dispatchEvent({shift})")
    assert browser.names == ["sarsa", "random", "optimum"]
    browser.click("#curves-section .key", 2)
    browser.click("#curves-section .key", 2)
    assert browser.names == ["q-learning", "sarsa", "random", "optimum"] and browser.errors == []


def test_with_nothing_switched_on_there_is_a_sentence(browser, report):
    browser.open(report)
    browser.click("#curves-section .key", 0)
    shift = "new MouseEvent('click', {shiftKey: true})"
    browser.js(f"document.querySelectorAll('#curves-section .key')[0].dispatchEvent({shift})")
    assert browser.find("#no-curves").is_displayed() and not browser.find("#curves").is_displayed()
    browser.click("#curves-section .key", 0)
    assert browser.find("#curves").is_displayed() and browser.names == ["q-learning", "optimum"]
    assert browser.errors == []


def test_the_filter_leaves_the_rows_with_every_word(browser, report):
    browser.open(report)
    left = "[...document.querySelectorAll('#runs-section tbody tr')].filter(r => !r.hidden).length"
    assert browser.js(left) == 19 and browser.find("#matches").text == "19 runs"
    browser.find("#filter").send_keys("SARSA lake")
    assert browser.js(left) == 3 and browser.find("#matches").text == "3 of 19 runs"
    browser.find("#filter").clear()
    browser.find("#filter").send_keys("damaged")
    browser.until(f"{left} === 1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_legible_in_both_themes(browser, report, scheme):
    browser.open(report, scheme=scheme)
    assert least_contrast(browser) >= 4.5
    before = browser.js("getComputedStyle(document.body).backgroundColor")
    browser.click("#theme")
    assert browser.js("getComputedStyle(document.body).backgroundColor") != before
    assert least_contrast(browser) >= 4.5
    ink = "getComputedStyle(document.body).color"
    assert browser.js(f"document.getElementById('curves').layout.font.color === {ink}")
    assert browser.errors == []


def test_downloads_are_drawn_in_light(browser, report):
    browser.open(report, scheme="dark")
    browser.driver.execute_script(
        "Plotly.downloadImage = (figure, config) => { window.saved = [figure.layout.font.color, config.format,"
        " figure.layout.showlegend, figure.data.length]; }"
    )
    for title in ("SVG", "PNG"):
        browser.click(f'#curves [data-title="Download as {title}"]')
        assert browser.js("window.saved") == ["rgb(27, 30, 35)", title.lower(), True, 7]
    assert browser.errors == []


def test_a_phone_scrolls_down_only(browser, report):
    browser.open(report, 390, 844)
    assert browser.js("document.documentElement.clientWidth") == 390
    assert browser.js("document.documentElement.scrollWidth") <= 390
    overflowing = browser.js(
        "[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, .plot')"
        " && e.getBoundingClientRect().right > 391).map(e => e.outerHTML.slice(0, 80))"
    )
    assert overflowing == [] and browser.errors == []


def test_one_run_and_many_environments(browser, tmp_path):
    write_run(tmp_path / "one", optimum=None, curve=[])
    browser.open(written(tmp_path / "one"), drawn=False)
    browser.until("!document.getElementById('no-curves').hidden")
    assert "No evaluations" in browser.find("#no-curves").text
    for i in range(12):
        write_run(tmp_path / "many", env=f"World{i:02}-v0", mean=float(i), optimum=None)
    browser.open(written(tmp_path / "many"), 390, 844)
    options = browser.js("document.querySelectorAll('#env option').length")
    browser.driver.execute_script(
        "const s = document.getElementById('env'); s.value = 7; s.dispatchEvent(new Event('change'))"
    )
    assert options == 12 and browser.js("document.getElementById('curves').data[0].y") == [7, 7]
    assert browser.js("document.documentElement.scrollWidth") <= 390
    assert browser.errors == []


def test_many_algorithms_begin_with_the_best(browser, tmp_path):
    for i in range(20):
        write_run(tmp_path, options={"i": i}, mean=float(i), optimum=None)
    browser.open(written(tmp_path))
    assert len(browser.names) == 8 and browser.names[0] == "q-learning i=19"
    browser.click(".every")
    assert len(browser.names) == 20
    browser.click(".every")
    assert len(browser.names) == 8
    browser.click("#curves-section .key", 19)
    assert browser.names == ["q-learning i=0"] and browser.errors == []


def test_every_environment_begins_with_algorithms_that_ran_in_it(browser, tmp_path):
    for i in range(18):
        write_run(tmp_path, f"agent-{i:02}", f"World{i // 6}-v0", mean=float(i), optimum=20.0)
    browser.open(written(tmp_path))
    keys = "[...document.querySelectorAll('#curves-section .key')].filter(k => !k.hidden).map(k => k.textContent)"
    for place in range(3):
        browser.click("[data-env]", place)
        ran = {f"agent-{i:02}" for i in range(6 * place, 6 * place + 6)}
        assert {*browser.names} == {*ran, "optimum"} and {*browser.js(keys)} == ran
        assert not browser.find(".every").is_displayed()
    browser.driver.execute_script(
        "[...document.querySelectorAll('#curves-section .key')].find(k => !k.hidden).click()"
    )
    assert len(browser.names) == 2
    browser.click("[data-env]", 0)  # where what was picked has no curve
    assert len(browser.names) == 7 and browser.errors == []


@pytest.fixture(scope="module")
def outlier(tmp_path_factory):
    """Four agents; one evaluation of one of them, in all its seeds, is far below all others."""
    folder = tmp_path_factory.mktemp("outlier")
    for rank, agent in enumerate(("q-learning", "sarsa", "random", "dyna-q")):
        for seed in range(3):
            curve = [(step, step / 100 - rank + seed / 7) for step in range(10, 210, 10)]
            curve[4] = (50, -90_000.0) if rank == 1 else curve[4]
            write_run(folder, agent, seed=seed, mean=curve[-1][1], curve=curve, optimum=3.0)
    return written(folder)


def test_an_outlier_does_not_flatten_the_curves(browser, outlier):
    from selenium.webdriver.common.action_chains import ActionChains

    browser.open(outlier)
    least = "document.getElementById('curves').layout.yaxis.range[0]"
    assert -10 < browser.js(least) < 0 and browser.js(least.replace("[0]", "[1]")) > 3
    note = browser.find("#beyond")
    assert note.text == "1 point below the axis. Show all points"
    browser.click("#beyond button")
    assert browser.js(least) < -80_000 and "The axis shows all points." in note.text
    browser.click("#beyond button")
    assert browser.js(least) > -10
    browser.click('#curves [data-title="Show all points"]')
    assert browser.js(least) < -80_000
    browser.click("#beyond button")
    ActionChains(browser.driver).double_click(browser.find("#curves .nsewdrag")).perform()
    browser.until(f"{least} < -80000")
    browser.click("#curves-section .key")
    assert not note.is_displayed() and browser.errors == []


def test_a_saved_figure_says_what_its_axis_leaves_out(browser, outlier):
    browser.open(outlier)
    browser.driver.execute_script("Plotly.downloadImage = (figure) => { window.saved = figure.layout; }")
    browser.click('#curves [data-title="Download as SVG"]')
    assert browser.js("window.saved.annotations.map(a => a.text)") == ["1 point below the axis."]
    browser.click("#beyond button")
    browser.click('#curves [data-title="Download as SVG"]')
    assert browser.js("window.saved.annotations ?? null") is None


def test_an_ordinary_figure_has_the_whole_axis(browser, report):
    browser.open(report)
    assert not browser.find("#beyond").is_displayed()
    assert browser.js("document.getElementById('curves').layout.yaxis.autorange")


@pytest.fixture(scope="module")
def long_labels(tmp_path_factory):
    """Twelve algorithms with labels of several lines in three environments."""
    folder = tmp_path_factory.mktemp("labels")
    for i in range(12):
        for env in "XYZ":
            options = {"epsilon": 0.01 * i, "learning_rate": 0.1439416370477771 + i / 7, "a" * 40: "b" * i}
            write_run(folder, env=env, options=options, num_envs=3 + i % 2, mean=float(i), optimum=20.0)
    return written(folder)


@pytest.mark.parametrize("width", [390, pytest.param(500, marks=pytest.mark.slow), 1280])
def test_long_labels_leave_the_numbers_free(browser, long_labels, width):
    browser.open(long_labels, width, 900)
    table = "document.querySelector('#improvement-section .scroll')"
    browser.driver.execute_script(f"{table}.scrollIntoView()")
    overlaps = browser.js(
        f"[...{table}.querySelectorAll('tbody tr')].filter(row => row.querySelector('bdi')"
        ".getBoundingClientRect().right > row.cells[1].getBoundingClientRect().left).length"
    )
    cut = browser.js(
        f"[...{table}.querySelectorAll('bdi')].filter(b => b.scrollWidth > b.clientWidth + 1).length"
    )
    assert overlaps == 0 and cut == 0
    title = browser.js(f"{table}.querySelector('tbody .named').title")
    assert title == browser.js(f"{table}.querySelector('tbody bdi').textContent")
    if width < 600:
        browser.until(f"{table}.classList.contains('right')")  # a fading edge says that there is more
        browser.driver.execute_script(f"{table}.scrollLeft = 1e4")
        browser.until(f"!{table}.classList.contains('right')")
        left = f"{table}.querySelector('tbody th').getBoundingClientRect().left"
        assert browser.js(f"Math.abs({left} - {table}.getBoundingClientRect().left) < 4")
    assert browser.js("document.documentElement.scrollWidth") <= width and browser.errors == []


def test_planners_have_an_axis_of_their_own_or_none(browser, tmp_path):
    write_run(tmp_path, "value-iteration", "A-v0", steps=8)
    write_run(tmp_path, "q-learning", "A-v0")
    write_run(tmp_path, "value-iteration", "B-v0", steps=8)
    browser.open(written(tmp_path))
    title = "document.getElementById('curves').layout.xaxis.title.text"
    assert browser.names == ["q-learning", "optimum"] and browser.js(title) == "environment steps"
    browser.click("[data-env]", 1)
    assert browser.names == ["value-iteration", "optimum"] and browser.js(title) == "sweeps"


def test_a_strangers_names_run_nothing(browser, tmp_path):
    hostile_runs(tmp_path)
    browser.open(written(tmp_path), 390, 844)
    assert browser.errors == [] and browser.js("window.length") == 0
    assert browser.js("document.querySelectorAll('img, a[href^=javascript], .plot a, [onclick]').length") == 0
    assert browser.js("document.documentElement.scrollWidth") <= 390
    keys = browser.js("[...document.querySelectorAll('#curves-section .key')].map(k => k.textContent)")
    shown = HOSTILE.replace("\u202e", "")
    assert shown in keys
    # As Plotly shows it, in the legend of a downloaded figure: all of it is text.
    browser.driver.execute_script(
        "Plotly.react('curves', document.getElementById('curves').data,"
        " {...document.getElementById('curves').layout, showlegend: true})"
    )
    browser.until("document.querySelectorAll('#curves .legendtext').length >= 2")
    texts = browser.js("[...document.querySelectorAll('#curves .legendtext')].map(t => t.textContent)")
    assert "<a href='javascript:alert(3)'>x</a>" in texts and HOSTILE in texts
    assert browser.js("document.querySelectorAll('#curves a, #curves image').length") == 0
    assert browser.errors == []


def least_contrast(browser):
    """The least ratio of contrast between any text of the page and what is behind it (WCAG 2.1, 1.4.3)."""
    return browser.driver.execute_script("""
        const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
        const brush = canvas.getContext("2d", { willReadFrequently: true });
        const onto = (colours) => {
            brush.clearRect(0, 0, 1, 1);
            for (const colour of colours) { brush.fillStyle = colour; brush.fillRect(0, 0, 1, 1); }
            return [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => v / 255);
        };
        const light = (rgb) => rgb.map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
        const ratios = [];
        for (const element of document.querySelectorAll("main *:not(svg *)")) {
            const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
            if (!own || !element.checkVisibility() || element.closest("[aria-pressed=false].key, .plot")) continue;
            const behind = [];
            for (let e = element; e; e = e.parentElement) behind.unshift(getComputedStyle(e).backgroundColor);
            const back = onto(behind);
            const style = getComputedStyle(element);
            const front = onto([...behind, style.color])
                .map((v, i) => v * style.opacity + back[i] * (1 - style.opacity));
            const [high, low] = [light(front), light(back)].sort((a, b) => b - a);
            ratios.push((high + 0.05) / (low + 0.05));
        }
        return ratios.length > 50 ? Math.min(...ratios) : 0;
    """)
