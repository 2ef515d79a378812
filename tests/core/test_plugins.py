import sys
import textwrap
from types import SimpleNamespace

import pytest

from arena.errors import ArenaError, Interrupted
from arena.plugins.discovery import ArenaPluginWarning, Plugins, get_plugins, use_plugins
from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import AgentSpec

HEAD = (
    "from arena.plugins.hookspecs import hookimpl\nfrom arena.plugins.specs import AgentSpec, TrackerSpec\n"
)


def agents(*names):
    """A module's source that contributes agents."""
    return f"""
        @hookimpl
        def arena_agents():
            return [AgentSpec(name, "An agent") for name in {names!r}]
    """


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a real distribution with one plugin; its module is forgotten afterwards."""
    monkeypatch.delenv("ARENA_PLUGINS", raising=False)
    monkeypatch.delenv("ARENA_STRICT_PLUGINS", raising=False)

    def install(plugin, source, *, distribution=None, version="1.0", module=None, entry_points=None):
        module = module or plugin
        site = tmp_path / f"{distribution or plugin}-{plugin}"
        info = site / f"{(distribution or plugin).replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        name = distribution or plugin
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(entry_points or f"[arena]\n{plugin} = {module}\n")
        (site / f"{module}.py").write_text(HEAD + textwrap.dedent(source))
        monkeypatch.syspath_prepend(site)
        return site

    yield install
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def load(*names):
    """Loads these plugins and asks them for everything."""
    plugins = Plugins(allow=names)
    assert plugins.infos
    return plugins


def info_of(plugins, name):
    (info,) = [i for i in plugins.infos if i.name == name and i.status != "blocked"]
    return info


def test_a_sound_plugin_contributes(install):
    install("sound", agents("b", "a"), version="2.3")
    plugins = Plugins(allow=["sound"])
    assert list(plugins.agents) == ["a", "b"]
    assert plugins.agents.provider("a") == plugins.agents["a"].plugin == "sound"
    info = info_of(plugins, "sound")
    assert (info.distribution, info.version, info.status, info.problems) == ("sound", "2.3", "ok", [])


A = "@hookimpl\ndef arena_agents():"
FAILURES = {
    "import": ("raise RuntimeError('no\\n luck')", "cannot be imported: RuntimeError: no luck ("),
    "missing": ("import not_there", "cannot be imported: ModuleNotFoundError: No module named 'not_there' ("),
    "syntax": ("def broken(:", "cannot be imported: SyntaxError: "),
    "exit": ("raise SystemExit(3)", "cannot be imported: SystemExit: 3"),
    "signature": ("@hookimpl\ndef arena_agents(register): return []", "cannot be registered: "),
    "misspelt": (A.replace("agents", "agent") + "return []", "no hook is called 'arena_agent'; did you mean"),
    "misspelt, unmarked": ("def arena_trakcers(): return []", "did you mean 'arena_trackers'"),
    "misspelt specname": ("@hookimpl(specname='arena_agent')\ndef mine(): pass", "called 'arena_agent'"),
    "unmarked": ("def arena_agents(): return []", "arena_agents is not a function marked @hookimpl"),
    "wrapper": (A.replace("impl", "impl(wrapper=True)") + "yield", "arena_agents is a hook wrapper"),
    "raises": (A + "return 1 / 0", "arena_agents raised ZeroDivisionError: division by zero ("),
    "half way": (
        A + "\n yield AgentSpec('early', 's')\n raise KeyError('late')",
        "raised KeyError: 'late' (",
    ),
    "malformed": (A + "return [AgentSpec('a b', 's')]", "white space"),
    "wrong type": (A + "return [1, AgentSpec('early', 's')]", "arena_agents gave int, not AgentSpec"),
    "wrong spec": (A + "return [TrackerSpec('t', 's')]", "arena_agents gave TrackerSpec, not AgentSpec"),
    "text": (A + "return 'abc'", "arena_agents gave str, not AgentSpec"),
    "nothing": (A + "pass", "arena_agents returned NoneType, not an iterable of AgentSpec"),
    "not a list": (A + "return AgentSpec('a', 's')", "arena_agents returned AgentSpec, not an iterable"),
    "twice": (
        A + "return [AgentSpec('early', 's')] * 2",
        "'early' is claimed by bad (bad 1.0), bad (bad 1.0)",
    ),
}


@pytest.mark.parametrize(("source", "problem"), FAILURES.values(), ids=FAILURES)
def test_what_one_plugin_does_wrong_is_reported_and_stops_no_other(install, source, problem):
    install("alpha", agents("first"))
    install("bad", source)
    install("omega", agents("last"))
    with pytest.warns(ArenaPluginWarning) as caught:
        plugins = load("alpha", "bad", "omega")
    info = info_of(plugins, "bad")
    assert info.status == ("failed" if problem.startswith("cannot be") else "warning")
    (line,) = info.problems
    assert problem in line
    assert "\n" not in line
    assert [str(w.message) for w in caught] == [f"plugin bad (bad 1.0): {line}"]
    assert set(plugins.agents) - {"early"} == {"first", "last"}
    assert ("early" in plugins.agents) == ("early" in source)  # what came before the mistake is kept
    assert info_of(plugins, "alpha").status == info_of(plugins, "omega").status == "ok"


@pytest.mark.parametrize(("source", "problem"), FAILURES.values(), ids=FAILURES)
def test_strict_plugins_raise_at_the_first_problem(install, monkeypatch, source, problem):
    install("bad", source)
    monkeypatch.setenv("ARENA_STRICT_PLUGINS", "1")
    with pytest.raises(ArenaError, match=r"plugin bad \(bad 1.0\)") as caught:
        _ = Plugins(allow=["bad"]).infos
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    "error", ["KeyboardInterrupt", "__import__('arena.errors').errors.Interrupted('stop')"]
)
def test_an_interrupt_is_not_a_plugin_failure(install, error):
    install("bad", f"@hookimpl\ndef arena_agents(): raise {error}")
    plugins = Plugins(allow=["bad"])
    with pytest.raises((KeyboardInterrupt, Interrupted)):
        _ = plugins.agents


def test_a_problem_is_said_once(install):
    install("bad", "@hookimpl\ndef arena_agents(): return 1 / 0")
    plugins = Plugins(allow=["bad"])
    with pytest.warns(ArenaPluginWarning):
        _ = plugins.agents
    _ = plugins.agents, plugins.infos  # filterwarnings = error would raise here


def test_an_optional_hook_of_a_newer_arena_is_no_problem(install):
    install("newer", "@hookimpl(optionalhook=True)\ndef arena_dreams(): return []")
    assert info_of(Plugins(allow=["newer"]), "newer").status == "ok"


def test_a_contested_name_goes_to_the_built_in_and_names_every_provider(install):
    install("aaa", agents("q", "other"), version="0.9")
    install("zzz", agents("q"), distribution="arena-rl", version="7")
    install("mmm", agents("q"))
    with pytest.warns(ArenaPluginWarning) as caught:
        plugins = load("aaa", "zzz", "mmm")
    assert plugins.agents.provider("q") == "zzz"
    assert set(plugins.agents) == {"q", "other"}
    everyone = "zzz (arena-rl 7), aaa (aaa 0.9), mmm (mmm 1.0)"
    problem = f"agent 'q' is claimed by {everyone}; the one of zzz (arena-rl 7) is used"
    assert [str(w.message) for w in caught] == [
        f"plugin aaa (aaa 0.9): {problem}",
        f"plugin mmm (mmm 1.0): {problem}",
    ]
    assert [info_of(plugins, name).status for name in ("zzz", "aaa", "mmm")] == ["ok", "warning", "warning"]


def test_two_distributions_with_one_plugin_name(install):
    install("same", agents("x"), distribution="aaa", module="same_a")
    install("same", agents("y"), distribution="bbb", module="same_b")
    with pytest.warns(ArenaPluginWarning, match=r"claimed by same \(aaa 1.0\), same \(bbb 1.0\)"):
        plugins = Plugins(allow=["same"])
    assert list(plugins.agents) == ["x"]
    assert [i.status for i in plugins.infos if i.name == "same"] == ["ok", "failed"]
    assert "same_b" not in sys.modules


def test_one_module_under_two_plugin_names(install):
    install("one", agents("x"), entry_points="[arena]\none = one\ntwo = one\n")
    with pytest.warns(ArenaPluginWarning, match="the same object as plugin 'one'"):
        plugins = Plugins(allow=["one", "two"])
    assert list(plugins.agents) == ["x"]
    assert info_of(plugins, "two").status == "failed"


def test_an_unreadable_entry_points_file_stops_no_other(install):
    install("sound", agents("a"))
    install("garbled", "", entry_points="[arena]\nno equals sign\n")
    install("unrelated", "", entry_points="[console_scripts]\nno equals sign\n")
    with pytest.warns(ArenaPluginWarning, match=r"plugin garbled \(garbled 1.0\): cannot be imported"):
        plugins = Plugins(allow=["sound", "garbled"])
    assert list(plugins.agents) == ["a"]
    assert info_of(plugins, "garbled").status == "failed"


@pytest.fixture
def two(install, tmp_path):
    """Two plugins that leave a file behind when they are imported."""
    for name in ("wanted", "unwanted"):
        install(name, f"open({str(tmp_path / (name + '.imported'))!r}, 'w').close()\n")
    return lambda: sorted(path.stem for path in tmp_path.glob("*.imported"))


def test_only_allowed_plugins_are_imported(two, monkeypatch):
    monkeypatch.setenv("ARENA_PLUGINS", "wanted, ")
    plugins = Plugins()
    assert two() == ["wanted"]
    status = {info.name: info.status for info in plugins.infos}
    assert (status["wanted"], status["unwanted"]) == ("ok", "blocked")


def test_a_blocked_plugin_is_not_imported(two):
    plugins = Plugins(allow=["wanted", "unwanted"], block=["unwanted"])
    assert two() == ["wanted"]
    (info,) = [info for info in plugins.infos if info.name == "unwanted"]
    assert (info.status, info.problems) == ("blocked", ["left out by --no-plugin"])


def test_an_empty_list_allows_none(two, monkeypatch):
    monkeypatch.setenv("ARENA_PLUGINS", "")
    assert {info.status for info in Plugins().infos} == {"blocked"}
    assert two() == []


def test_unknown_names_are_refused_before_any_import(two, monkeypatch):
    with pytest.raises(ArenaError, match="no plugin is called 'wnated'; did you mean 'wanted'"):
        Plugins(block=["wnated"])
    monkeypatch.setenv("ARENA_PLUGINS", "unwantd")
    with pytest.raises(ArenaError, match="no plugin is called 'unwantd'; did you mean 'unwanted'"):
        Plugins()
    assert two() == []


class Recorder:
    """A plugin in memory that listens."""

    def __init__(self, error=None):
        self.error, self.heard = error, []

    @hookimpl
    def arena_run_progressed(self, progress):
        self.heard.append(progress)
        if self.error:
            raise self.error


def test_events_reach_everyone_and_a_raising_listener_only_once():
    sound, broken = Recorder(), Recorder(ValueError("no"))
    plugins = Plugins(extra={"broken": broken, "sound": sound}, installed=False)
    with pytest.warns(ArenaPluginWarning, match=r"broken.*arena_run_progressed raised ValueError: no"):
        plugins.emit("arena_run_progressed", run="run", progress=0)
    for progress in (1, 2):  # filterwarnings = error would raise here
        plugins.emit("arena_run_progressed", run="run", progress=progress)
    assert (sound.heard, broken.heard) == ([0, 1, 2], [0])
    assert [info.status for info in plugins.infos] == ["warning", "ok"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Interrupted("asked to stop")])
def test_an_event_may_interrupt_a_run(error):
    plugins = Plugins(extra={"p": Recorder(error)}, installed=False)
    for _ in range(2):
        with pytest.raises(type(error)):
            plugins.emit("arena_run_progressed", run=None, progress=None)


def test_a_listener_that_raises_is_an_error_where_strict():
    plugins = Plugins(extra={"p": Recorder(ValueError("no"))}, installed=False, strict=True)
    with pytest.raises(ArenaError, match=r"plugin p \(in memory\): arena_run_progressed raised ValueError"):
        plugins.emit("arena_run_progressed", run=None, progress=None)


def test_emit_checks_its_caller_also_when_nobody_listens():
    plugins = Plugins(installed=False)
    with pytest.raises(ArenaError, match="no event is called 'arena_run_progresed'; did you mean"):
        plugins.emit("arena_run_progresed")
    with pytest.raises(ArenaError, match="no event is called 'arena_agents'"):
        plugins.emit("arena_agents")
    with pytest.raises(TypeError, match="arena_run_finished takes"):
        plugins.emit("arena_run_finished", run=None)


def test_modules_and_objects_are_plugins_in_memory():
    module = SimpleNamespace(arena_agents=hookimpl(lambda: [AgentSpec("a", "s")]))
    plugins = Plugins(extra={"module": module}, installed=False)
    assert plugins.agents["a"] == AgentSpec("a", "s")


def test_the_default_is_cached_and_replaceable(monkeypatch):
    mine = Plugins(installed=False)
    with use_plugins(mine):
        assert get_plugins() is get_plugins() is mine
        monkeypatch.setenv("ARENA_PLUGINS", "")
        with use_plugins(None):
            fresh = get_plugins()
            assert fresh is get_plugins() is not mine
        assert get_plugins() is mine
