"""The documentation is what the program does: generated pages are current, links lead somewhere, the example works."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

import arena
from arena.plugins import Plugins, use

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["cli.md", "hooks.md", "laws.md"])
def test_generated_pages_are_current(name):
    generate = load(ROOT / "docs" / "generate.py")
    assert generate.PAGES[name]() == (ROOT / "docs" / name).read_text(encoding="utf-8"), (
        f"docs/{name} is stale; run python -m docs.generate"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_example_plugin_learns_to_gamble(tmp_path):
    plugin = load(ROOT / "docs" / "examples" / "bandit_plugin.py")
    with use(Plugins(installed=False, extra={"bandit_plugin": plugin})):
        results = arena.train("averages", "example/TwoArms-v0", out=tmp_path, progress=False)
        agent = arena.load(results.runs[0]["path"])
    assert agent.act(0) == 1
    assert results.summary["mean"] > 0.4
