"""The command line from the outside: listings, checks, help, plugins, and what it must not import."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import arena
from arena.cli import main
from arena.config.options import fields_help
from arena.environments.factory import options_class_of
from arena.plugins.discovery import get_plugins
from run_files import put

CLIFF = ("q-learning", "arena/CliffWalk-v0")
HEAVY = ("numpy", "gymnasium", "torch", "numba", "pygame", "rich")


def shell(*words, cwd=None):
    return subprocess.run([sys.executable, "-m", "arena", *words], capture_output=True, text=True, cwd=cwd)


def train(run, *words):
    status, out = run("train", *words, "--evaluate-every", 10_000, "--track", "none", "--json")
    assert status == 0
    return json.loads(out)


def test_list(run):
    found = json.loads(run("list", "--json")[1])
    assert found.keys() == {"agents", "envs", "encoders"}
    assert "q-learning" in [agent["name"] for agent in found["agents"]]
    assert "arena/CliffWalk-v0" in run("list")[1]
    assert "arena_tabular" in run("list", "plugins")[1]
    assert "FrozenLake-v1" in json.loads(run("list", "envs", "--all", "--json")[1])["gymnasium"]


def test_list_sources(run):
    found = {source["name"]: source for source in json.loads(run("list", "sources", "--json")[1])["sources"]}
    assert (found["npz"]["reads"], found["npz"]["suffixes"]) == ("file", [".npz"])
    out = run("list", "sources")[1]
    assert all(usage in out for usage in ("digits ", "npz:FILE", "images:FOLDER"))


def test_list_for_says_who_fits_and_why_others_do_not(run):
    agents = {a["name"]: a for a in json.loads(run("list", "--for", "Blackjack-v1", "--json")[1])["agents"]}
    assert agents["q-learning"]["fits"]
    assert "model" in agents["value-iteration"]["reason"]
    assert "value-iteration does not fit" in run("list", "agents", "--for", "Blackjack-v1")[1]


def test_list_runs_shows_broken_ones_too(run, tmp_path):
    path = train(run, *CLIFF, "--seed", 0, "--steps", 200)["runs"][0]["path"]
    for name, text in {"a": "{", "b": '{"schema": 99}', "c": "[]"}.items():
        (tmp_path / "runs" / name).mkdir()
        (tmp_path / "runs" / name / "run.json").write_text(text)
    put(tmp_path / "runs" / "b" / "run.json", {"schema": 99})
    status, out = run("list", "runs", "--json")
    rows = {row["path"]: row["status"] for row in json.loads(out)["runs"]}
    assert status == 0
    assert rows == {path: "finished", "runs/a": "damaged", "runs/b": "newer", "runs/c": "damaged"}
    assert "damaged" in run("list", "runs", "runs")[1]


@pytest.mark.parametrize(
    ("file", "keys", "value"),
    [
        ("run.json", ["schema"], "1"),
        ("run.json", ["experiment"], []),
        ("run.json", ["experiment", "steps"], "100"),
        ("run.json", ["experiment", "steps"], None),
        ("run.json", ["experiment", "steps"], 10**400),
        ("run.json", ["experiment", "seeds"], {}),
        ("run.json", ["experiment", "agent"], 3),
        ("run.json", ["experiment", "agent", "name"], ["x"]),
        ("run.json", ["experiment", "env"], "x"),
        ("run.json", ["experiment", "env", "id"], None),
        ("result.json", ["evaluation", "mean"], "x"),
        ("result.json", ["evaluation", "mean"], 10**400),
        ("result.json", ["evaluation"], [1]),
        ("result.json", ["steps"], "200"),
    ],
)
def test_list_runs_survives_whatever_is_wrong(run, tmp_path, file, keys, value):
    path = tmp_path / train(run, *CLIFF, "--seed", 0, "--steps", 200)["runs"][0]["path"] / file
    document = json.loads(path.read_text())
    place = document
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    put(path, document)
    status, out = run("list", "runs", "--json")
    [row] = json.loads(out)["runs"]
    assert (status, row["status"]) == (0, "damaged")
    assert row["error"] in (f"{file} is truncated or damaged", "run.json has a value of the wrong type")
    status, out = run("list", "runs")
    assert status == 0
    assert row["error"] in out


def test_list_runs_survives_numbers_without_end(run, tmp_path):
    folder = tmp_path / train(run, *CLIFF, "--seed", 0, "--steps", 200)["runs"][0]["path"]
    result = json.loads((folder / "result.json").read_text())
    text = json.dumps({**result, "evaluation": {"mean": "END"}}).replace('"END"', "1e999")
    (folder / "result.json").write_text(text)
    assert run("list", "runs")[0] == run("list", "runs", "--json")[0] == 0
    (folder / "result.json").unlink()
    with open(folder / "timing.jsonl", "ab") as file:
        file.write(b'{"step": 1e999}\n')
    [row] = json.loads(run("list", "runs", "--json")[1])["runs"]
    assert (row["status"], row["error"]) == (
        "damaged",
        "timing.jsonl does not match its own digest: it was edited or damaged",
    )


def test_names_in_a_run_do_not_steer_the_terminal(run, tmp_path, capsys):
    path = tmp_path / train(run, *CLIFF, "--seed", 0, "--steps", 200)["runs"][0]["path"] / "run.json"
    document = json.loads(path.read_text())
    name = "\x1b]0;owned\x07\x9b31mevil\u202e\ud800"
    document["experiment"]["agent"]["name"] = name
    put(path, document)
    [row] = json.loads(run("list", "runs", "--json")[1])["runs"]
    assert row["agent"] == name
    assert main(["eval", str(path.parent)]) == 2
    seen = "".join([*capsys.readouterr(), run("list", "runs")[1], run("list", "runs", "--json")[1]])
    assert "evil" in seen
    assert not {*"\x1b\x07\x9b"} & {*seen}


@pytest.mark.parametrize("name", ["q-learning", "arena/CliffWalk-v0", "FrozenLake-v1", "arena_tabular"])
def test_check_passes_what_is_sound(run, name):
    status, out = run("check", name)
    assert status == 0
    assert "✓" in out
    assert "✗" not in out


def test_check_reports_what_is_not(run, tmp_path, monkeypatch):
    (tmp_path / "liar.py").write_text(
        "import numpy as np\n"
        "from arena.environments.mdp import TransitionModel\n"
        "from arena.environments.tabular import TableEnv\n"
        "class Liar(TableEnv):\n"
        "    def __init__(self):\n"
        "        super().__init__(TransitionModel.from_rows(2, 1, [[(1.0, 1, 0.0, False)]] * 2, [1, 0]))\n"
        "    def step(self, action):\n"
        "        s, r, *rest = super().step(action)\n"
        "        return s, r + 1.0, *rest\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    status, out = run("check", "liar:Liar", "--json")
    failed = [check["check"] for check in json.loads(out)["checks"] if check["status"] == "failed"]
    assert (status, failed) == (1, ["model matches environment"])


def test_every_option_of_everything_registered_has_help():
    plugins = get_plugins()
    configs = {name: spec.load().Config for name, spec in plugins.agents.items()}
    configs |= {name: options_class_of(name) for name in plugins.environments}
    lacking = {
        f"{owner}: {name}"
        for owner, config in configs.items()
        for name in {*config.__dataclass_fields__} - {*fields_help(config)}
    }
    assert lacking == set()


def test_help_has_the_presets_values_and_bounds(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    out = run("train", *CLIFF, "--help")[1]
    preset = get_plugins().agents["q-learning"].preset("arena/CliffWalk-v0")
    assert f"in (0, 1]; default: {preset.options['learning_rate']:g}" in " ".join(out.split())
    assert "--env.slip NUMBER" in out
    assert out.count("--agent.learning_rate NUMBER") == 1
    assert "--agent.learning-rate" not in out  # its second spelling is not listed
    assert out.index("options of q-learning") < out.index("options of arena/CliffWalk-v0")
    for verb in ("train", "resume", "eval", "list", "check"):
        assert f"arena {verb}" in run(verb, "--help")[1]
        assert f"  {verb}" in run("--help")[1]


def test_help_says_what_is_unknown_below_it(capsys):
    assert main(["train", "q-lerning", "arena/CliffWalk-v0", "--help"]) == 2
    out, err = capsys.readouterr()
    assert "--save-config" in out
    assert err.startswith("arena: no agent is called 'q-lerning'; did you mean 'q-learning'")


def test_version(run):
    assert run("--version")[1].startswith("arena ")


def test_plugin_commands_are_verbs(run):
    import types

    from arena.plugins.discovery import Plugins, use_plugins
    from arena.plugins.specs import CommandSpec

    command = types.ModuleType("shout")
    command.configure = lambda parser: parser.add_argument("word")
    command.run = lambda args: print(args.word.upper()) or 3
    sys.modules["shout"] = command
    plugin = types.SimpleNamespace()

    @arena.hookimpl
    def arena_commands():
        yield CommandSpec(name="shout", summary="say it loud", target="arena.cli_test_shout:command")

    plugin.arena_commands = arena_commands
    home = types.ModuleType("arena.cli_test_shout")
    home.command = command
    sys.modules["arena.cli_test_shout"] = home
    with use_plugins(Plugins(installed=False, extra={"shouting": plugin})):
        assert "say it loud" in run("--help")[1]
        assert run("shout", "hello") == (3, "HELLO\n")


@pytest.mark.parametrize(
    ("words", "forbidden"),
    [
        (["--help"], HEAVY),
        (["list"], ("numpy", "gymnasium", "torch", "numba", "pygame")),
        (["list", "sources"], ("numpy", "gymnasium", "torch", "numba", "pygame", "PIL", "sklearn")),
        (["list", "agents"], ("numpy", "gymnasium", "torch", "numba", "pygame")),
        (["list", "envs", "--all"], ("torch", "numba", "pygame")),
    ],
)
def test_nothing_heavy_is_imported(words, forbidden):
    code = f"import sys; from arena.cli import main; main({words}); print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {*forbidden} & {*done.stdout.split("\n")}


def test_a_reader_that_goes_away_is_no_error():
    code = "import sys; from arena.cli import main; sys.exit(main(['list', 'envs', '--all', '--json']))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""


def test_json_is_clean_whatever_prints(tmp_path):
    (tmp_path / "noisy.py").write_text(
        "import os, warnings, gymnasium\n"
        "def make() -> gymnasium.Env:\n"
        "    print('hello'); os.write(1, b'raw'); warnings.warn('careful')\n"
        "    return gymnasium.make('FrozenLake-v1')\n"
    )
    done = shell("train", "random", "noisy:make", "--steps", "100", "--seed", "0", "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["experiment"]["env"]["id"] == "noisy:make"
    assert "arena: warning: careful" in done.stderr
    assert "hello" in done.stderr


def test_plugins_that_print_leave_json_clean(capfd):
    import types

    from arena.plugins.discovery import Plugins, use_plugins

    plugin = types.SimpleNamespace()

    @arena.hookimpl
    def arena_agents():
        print("hello")
        return [arena.AgentSpec(name="no-agent", summary="not one", target="json:dumps")]

    plugin.arena_agents = arena_agents
    for words in ("check noisy", "list agents", "list agents --for FrozenLake-v1"):
        with use_plugins(Plugins(installed=False, extra={"noisy": plugin})):
            assert main([*words.split(), "--json"]) == 0
        out, err = capfd.readouterr()
        found = json.loads(out)
        assert "hello" in err
    assert found["agents"][0]["reason"] == "json:dumps is not an arena.Agent"


def test_plugins_that_print_leave_json_clean_without_others(tmp_path):
    (tmp_path / "loud-1.dist-info").mkdir()
    (tmp_path / "loud-1.dist-info" / "METADATA").write_text("Name: loud\nVersion: 1\n")
    (tmp_path / "loud-1.dist-info" / "entry_points.txt").write_text("[arena]\nloud = loud\n")
    (tmp_path / "loud.py").write_text("print('hello')\n")
    environment = {k: v for k, v in os.environ.items() if k != "ARENA_PLUGINS"} | {
        "PYTHONPATH": str(tmp_path)
    }
    words = [sys.executable, "-m", "arena", "list", "agents", "--json", "--no-plugin", "arena_gridworld"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert "agents" in json.loads(done.stdout)
    assert "hello" in done.stderr


def test_a_terminal_without_unicode(run, tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    train(run, *CLIFF, "--seed", 0, "--steps", 200)
    (tmp_path / "runs" / "é").mkdir()
    (tmp_path / "runs" / "é" / "run.json").write_text("{")
    words = [sys.executable, "-m", "arena", "list", "runs"]
    for more in ([], ["--json"]):
        done = subprocess.run([*words, *more], capture_output=True, text=True, env=environment, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    assert "runs/é" in {row["path"] for row in json.loads(done.stdout)["runs"]}


def test_a_reader_that_has_gone_is_no_error():
    code = f"{sys.executable} -m arena list | head -n 1"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("agents", "")
