"""The documentation is what the program does: generated pages are current, links lead somewhere, the example works."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pygame
import pytest

import arena
from arena.api import train_experiment
from arena.experiments.experiment_file import arguments_of
from arena.frames import open_source
from arena.frames.fits import resolve_fit
from arena.plugins.discovery import Plugins, use_plugins
from arena.runs.resolve import resolve_experiment
from arena.testing import check_encoder, controls_give_valid_actions, painter_paints_scenes
from arena_viewer.overlay import load_overlays
from arena_viewer.playback import Playback
from arena_viewer.renderer import SIZE, Renderer
from arena_viewer.roles import make_players, untrained_role

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["architecture.md", "cli.md", "hooks.md", "laws.md"])
def test_generated_pages_are_current(name):
    generate = load(ROOT / "docs" / "generate.py")
    assert generate.PAGES[name]() == (ROOT / "docs" / name).read_text(encoding="utf-8"), (
        f"docs/{name} is out of date; run python -m docs.generate"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def snippets(page, language):
    return re.findall(
        rf"```{language}\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL
    )


def test_the_example_plugin_learns_to_gamble(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "examples"))
    plugin = load(ROOT / "docs" / "examples" / "bandit_plugin.py")
    with use_plugins(Plugins(installed=False, extra={"bandit_plugin": plugin})):
        results = arena.train("averages", "example/TwoArms-v0", out=tmp_path, progress=False)
        agent = arena.load(results.runs[0]["path"])
    assert agent.act(0) == 1
    assert results.summary["mean"] > 0.4


def test_the_example_encoder_keeps_the_laws_and_learns(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "examples" / "encoder"))
    monkeypatch.chdir(tmp_path)
    plugin = load(ROOT / "docs" / "examples" / "encoder" / "small_encoder_plugin.py")
    with use_plugins(Plugins(extra={"small_encoder_plugin": plugin})):
        verdicts = list(check_encoder("small"))
        fit = resolve_fit("small", "digits", steps=300, evaluate_every=100)
        results = train_experiment(fit, out=tmp_path, progress=False)
    assert verdicts and not [verdict for verdict in verdicts if verdict.status == "broken"]
    losses = (Path(results.runs[0]["path"]) / "metrics.jsonl").read_text()
    first, *_, last = re.findall(r'"evaluation": (-[0-9.]+)', losses)
    assert float(last) > 0.75 * float(first)


def test_the_example_source_opens_by_its_suffix_and_keeps_its_options(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "examples" / "source"))
    monkeypatch.chdir(tmp_path)
    plugin = load(ROOT / "docs" / "examples" / "source" / "csv_frames_plugin.py")
    Path("a.csv").write_text("1;2\n3;4\n5;6\n")
    with use_plugins(Plugins(extra={"csv_frames_plugin": plugin})):
        frames = open_source("a.csv", delimiter=";")
        assert frames.observation.tolist() == [[1, 2], [3, 4], [5, 6]]
        assert open_source("csv:a.csv", delimiter=";").folder == frames.folder


def test_the_example_of_a_painter_keeps_the_laws(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "examples" / "painter"))
    for law in (painter_paints_scenes, controls_give_valid_actions):
        law("painted_walk:make")
    role = untrained_role(resolve_experiment("q-learning", "painted_walk:make", seeds=1))
    [player] = make_players([role], horizon=9)
    assert player.painter is not None and player.controls.names == ("left", "right")


def test_the_example_overlay_draws_where_the_walker_was(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "examples" / "overlay"))
    plugin = load(ROOT / "docs" / "examples" / "overlay" / "trail_plugin.py")
    with use_plugins(Plugins(extra={"trail_plugin": plugin})):
        role = untrained_role(resolve_experiment("q-learning", "arena/CliffWalk-v0", seeds=1))
        [trail] = [overlay for overlay in load_overlays() if overlay.spec.name == "trail"]
        show = Playback(make_players([role]), overlays=[trail])
        for action in (0, 0, 1, 1):
            show.players[0].advance(action)
        show.seek(show.newest)
        pictures = []
        for trail.on in (False, True):
            stage, surface = Renderer(), pygame.Surface(SIZE)
            stage.draw(surface, show)
            pictures.append(pygame.surfarray.array3d(surface).swapaxes(0, 1))
    assert trail.key == "t" and not trail.failed
    rows, columns = (pictures[0] != pictures[1]).any(axis=2).nonzero()
    [area] = stage.pictures
    touched = {
        (int((y - area.y) / area.height * 4), int((x - area.x) / area.width * 12))
        for y, x in zip(rows, columns, strict=True)
    }
    assert touched == {(3, 0), (2, 0), (1, 0), (1, 1), (1, 2)}


def test_the_example_plugin_is_light_and_its_notebook_snippet_runs(tmp_path):
    [snippet] = [text for text in snippets("plugins.md", "python") if "import bandit_plugin" in text]
    examples = str(ROOT / "docs" / "examples")
    code = "\n".join(
        [
            f"import sys; sys.path.insert(0, {examples!r})",
            "import bandit_plugin",
            "assert not {'numpy', 'gymnasium'} & {*sys.modules}",
            snippet,
        ]
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)


def test_the_example_plugin_is_packaged_whole():
    [text] = snippets("plugins.md", "toml")
    project = tomllib.loads(text)
    assert {"build-system", "project"} <= project.keys()
    files = project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert {*files} == {path.name for path in (ROOT / "docs" / "examples").glob("*.py")}
    assert f"{project['project']['entry-points']['arena']['bandit_plugin']}.py" in files


def test_the_experiment_file_is_one():
    [text] = snippets("experiments.md", "toml")
    experiment = resolve_experiment(**arguments_of(tomllib.loads(text)))
    assert (experiment.horizon, len(experiment.seeds), experiment.wrappers) == (50, 5, ())
