import dataclasses
import inspect
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import pytest

from arena.errors import ArenaError
from arena.plugins.discovery import Plugins, hookspecs, specs
from arena.plugins.hookspecs import HOOKS, hookimpl
from arena.plugins.specs import AgentSpec, CommandSpec, EnvironmentSpec, Preset, Spec, TrackerSpec


def test_load_imports_the_target_on_first_use(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "specs_target.py").write_text("class A:\n    class Options:\n        x = 3\n")
    spec = TrackerSpec("a", "An a", target="specs_target:A.Options")
    assert "specs_target" not in sys.modules
    assert spec.load().x == 3
    monkeypatch.delitem(sys.modules, "specs_target")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import nothing_at_all", ["ModuleNotFoundError", "package that provides 'nothing_at_all'"]),
        ("def broken(:", ["SyntaxError", "--no-plugin my_plugin"]),
        ("raise RuntimeError('two\\nlines')", ["RuntimeError: two lines", "specs_broken.py:1"]),
        ("B = 1", ["AttributeError", "'A'"]),
    ],
)
def test_a_target_that_fails_names_plugin_target_and_failure(tmp_path, monkeypatch, source, words):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "specs_broken.py").write_text(source)
    with pytest.raises(ArenaError) as caught:
        TrackerSpec("a", "An a", target="specs_broken:A", plugin="my_plugin").load()
    sys.modules.pop("specs_broken", None)
    message = str(caught.value)
    for word in ["my_plugin", "specs_broken:A", "tracker 'a'", *words]:
        assert word in message
    assert "\n" not in message
    assert caught.value.__cause__ is not None


def test_an_arena_error_from_a_target_keeps_its_own_remedy(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    source = (
        "from arena.errors import ArenaError\nraise ArenaError('ray is missing', 'pip install arena-rl[ray]')"
    )
    (tmp_path / "specs_extra.py").write_text(source)
    with pytest.raises(ArenaError, match=r"^ray is missing; pip install"):
        TrackerSpec("a", "An a", target="specs_extra:A").load()


def test_no_target_and_a_missing_package_say_so():
    with pytest.raises(ArenaError, match="agent 'a' has no target"):
        AgentSpec("a", "An a").load()
    with pytest.raises(ArenaError, match=r"environment 'my/A-v0'.*ModuleNotFoundError"):
        EnvironmentSpec("my/A-v0", "An a", package="nothing_at_all").register()


@pytest.mark.parametrize(
    ("build", "word"),
    [
        (lambda: Spec("", "s"), "name"),
        (lambda: Spec("two words", "s"), "name"),
        (lambda: Spec("a\n", "s"), "name"),
        (lambda: Spec("a", ""), "summary"),
        (lambda: Spec("a", "  "), "summary"),
        (lambda: Spec("a", "two\nlines"), "summary"),
        (lambda: Spec("a", "trailing\n"), "summary"),
        (lambda: Spec("a", "s", target="module"), "target"),
        (lambda: Spec("a", "s", target="module:"), "target"),
        (lambda: Spec("a", "s", target=":x"), "target"),
        (lambda: Spec("a", "s", target="a-b:x"), "target"),
        (lambda: Spec("a", "s", target="a:b:c"), "target"),
        (lambda: Spec("a", "s", revision=0), "revision"),
        (lambda: CommandSpec("a", "s", target="path/file.py:x"), "command spec 'a'.*target"),
        (lambda: AgentSpec("a", "s", unit="epoch"), "unit"),
        (lambda: AgentSpec("a", "s", presets={"*": {"steps": 3}}), "dict"),
        (lambda: EnvironmentSpec("a", "s", package=""), "package"),
        (lambda: EnvironmentSpec("a", "s", package="p", horizon=0), "horizon"),
        (lambda: Preset(steps=0), "steps"),
        (lambda: Preset(seeds=1.5), "seeds"),
        (lambda: Preset(episodes=True), "episodes"),
    ],
)
def test_a_malformed_spec_is_refused(build, word):
    with pytest.raises(ArenaError, match=word):
        build()


def test_specs_are_frozen_and_hashable():
    spec = AgentSpec("a", "s", presets={"*": Preset(options={"x": 1})})
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.name = "b"
    assert hash(spec) == hash(dataclasses.replace(spec, plugin="p"))
    assert spec == dataclasses.replace(spec, plugin="p")


PRESETS = {
    "arena/Cliff*": Preset(steps=20, options={"b": "family", "c": "family"}),
    "arena/CliffWalk-v0": Preset(options={"c": "exact"}, env={"slip": 0.1}),
    "*": Preset(steps=10, seeds=3, options={"a": "all", "b": "all", "c": "all"}),
    "arena/*": Preset(num_envs=4, options={"b": "space"}),
    "Other-*": Preset(steps=99),
}


@pytest.mark.parametrize("order", [list(PRESETS), list(reversed(PRESETS))])
def test_presets_merge_from_general_to_exact(order):
    spec = AgentSpec("a", "s", presets={key: PRESETS[key] for key in order})
    preset = spec.preset("arena/CliffWalk-v0")
    assert preset == Preset(
        options={"a": "all", "b": "family", "c": "exact"}, env={"slip": 0.1}, steps=20, num_envs=4, seeds=3
    )
    assert spec.preset("CartPole-v1") == PRESETS["*"]
    assert spec.preset("module:Other-v0").steps == 99
    assert AgentSpec("a", "s").preset("CartPole-v1") == Preset()


def test_an_exact_id_beats_a_pattern_with_as_many_letters():
    presets = {"A-v0": Preset(steps=1), "A-v0*": Preset(steps=2), "[A]-v[0]*": Preset(steps=3)}
    assert AgentSpec("a", "s", presets=presets).preset("A-v0").steps == 1


CONTRIBUTIONS = [name for name, parameters in HOOKS.items() if not parameters]


@pytest.mark.parametrize("hook", CONTRIBUTIONS)
def test_every_contribution_has_its_registry(hook):
    name = hook.removeprefix("arena_")
    registry = getattr(Plugins(installed=False), name)
    assert name.startswith(registry.kind)
    assert Plugins(installed=False).registries.keys() == {c.removeprefix("arena_") for c in CONTRIBUTIONS}


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_with_an_example(hook):
    doc = inspect.getdoc(getattr(hookspecs, hook)) or ""
    assert "Example:" in doc
    assert f"def {hook}(" in doc
    example = textwrap.dedent(doc.split("::\n", 1)[1])
    plugin = {"hookimpl": hookimpl, **vars(hookspecs), **vars(specs)}
    exec(example, plugin)
    sound = Plugins(extra={"example": SimpleNamespace(**{hook: plugin[hook]})}, installed=False, strict=True)
    if hook in CONTRIBUTIONS:
        assert len(getattr(sound, hook.removeprefix("arena_"))) == 1


def test_discovery_imports_nothing_heavy():
    code = """
        import sys, arena.plugins.specs, arena.plugins.hookspecs, arena.plugins.registry, arena.plugins.discovery
        assert "importlib.metadata" not in sys.modules, "importlib.metadata"
        plugins = arena.plugins.discovery.Plugins(allow=[])
        _ = plugins.infos
        heavy = {"gymnasium", "numpy", "torch", "numba", "rich", "tyro"} & sys.modules.keys()
        assert not heavy, heavy
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_a_spec_of_a_subclass_is_welcome():
    class Mine(TrackerSpec):
        pass

    plugin = SimpleNamespace(arena_trackers=hookimpl(lambda: iter([Mine("t", "s")])))
    assert type(Plugins(extra={"p": plugin}, installed=False).trackers["t"]) is Mine
