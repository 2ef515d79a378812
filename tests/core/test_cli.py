"""The command line from the outside: verbs, JSON, files, help, and what it must not import."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest

import arena
from arena.cli import main, options
from arena.cli.parser import Parser
from arena.config import Between, fields_help
from arena.environments import options_class_of
from arena.plugins import get_plugins

CLIFF = ("q-learning", "arena/CliffWalk-v0")
HEAVY = ("numpy", "gymnasium", "torch", "numba", "pygame", "rich")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command in a folder of its own; status and standard output."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        status = main([*map(str, words)])
        return status, capsys.readouterr().out

    return call


def shell(*words, cwd=None):
    return subprocess.run([sys.executable, "-m", "arena", *words], capture_output=True, text=True, cwd=cwd)


def train(run, *words):
    status, out = run("train", *words, "--json")
    assert status == 0
    return json.loads(out)


def test_train_prints_exactly_the_object_of_the_contract(run, tmp_path):
    found = train(run, *CLIFF, "--seeds", 2, "--steps", "20k", "--out", tmp_path / "out")
    assert found.keys() == {"experiment", "runs", "summary"}
    assert found["summary"].keys() == {"mean", "iqm", "ci95", "optimum", "policy_value", "gap"}
    assert found["summary"]["optimum"] == -13
    assert len(found["summary"]["ci95"]) == 2
    for seed, row in enumerate(found["runs"]):
        assert row.keys() == {"path", "seed", "steps", "seconds", "evaluation"}
        assert row["evaluation"].keys() == {"returns", "mean"}
        assert (row["seed"], row["steps"]) == (seed, 20_000)
        assert (tmp_path / row["path"] / "run.json").exists()


def test_what_is_unknown_is_null(run):
    summary = train(run, "random", "CartPole-v1", "--seed", 0, "--steps", 100)["summary"]
    assert summary["ci95"] is summary["optimum"] is summary["policy_value"] is summary["gap"] is None


def test_the_preset_fills_in_and_flags_come_on_top(run):
    options = train(run, *CLIFF, "--seed", 0, "--steps", 200)["experiment"]["agent"]["options"]
    preset = get_plugins().agents["q-learning"].preset("arena/CliffWalk-v0")
    assert {**options, **preset.options} == options
    changed = train(run, *CLIFF, "--seed", 0, "--steps", 200, "--agent.discount", 0.5)["experiment"]
    assert changed["agent"]["options"] == {**options, "discount": 0.5}


@pytest.mark.parametrize(
    "words",
    [
        "q-learning arena/CliffWalk-v0 --agent.discount 0.9 --env.slip 0.1 --steps 200 --seed 3",
        "q-learning arena/CliffWalk-v0 --seed 3 --env.slip=0.1 --steps 2e2 --agent.discount=0.9",
        "--steps 200 --env.slip 0.1 q-learning arena/CliffWalk-v0 --seed 3 --agent.discount 0.9",
        "--agent.discount 0.9 --seed 3 --steps 0.2k --env.slip 0.1 q-learning arena/CliffWalk-v0",
        "q-learning --agent.discount 0.9 --seed 3 arena/CliffWalk-v0 --steps 2e2 --env.slip 0.1",
    ],
)
def test_flags_stand_in_any_order(run, words):
    experiment = train(run, *words.split())["experiment"]
    assert experiment["agent"]["options"]["discount"] == 0.9
    assert experiment["env"]["options"]["slip"] == 0.1
    assert (experiment["steps"], experiment["seeds"]) == (200, [3])


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["--env.is_slippery", "false"], False),
        (["--env.is_slippery=False"], False),
        (["--env.no-is_slippery"], False),
        (["--env.no-is-slippery"], False),
        (["--env.is-slippery"], True),
        (["--env.is_slippery", "true"], True),
        (["--env.no-is_slippery", "false"], True),
        (["--env.no_is_slippery=FALSE"], True),
    ],
)
def test_switches(run, words, value):
    found = train(run, "random", "FrozenLake-v1", "--seed", 0, "--steps", 100, *words)
    assert found["experiment"]["env"]["options"] == {"is_slippery": value}


@pytest.mark.parametrize("words", ["X 2 0 -1", "X 2,0,-1", "X=2,0,-1", "X=2 0 -1", "X [2,0,-1]"])
@pytest.mark.parametrize("flag", ["--env.reward_schedule", "--env.reward-schedule"])
def test_lists(run, flag, words):
    words = words.replace("X", flag).split()
    found = train(run, "random", "FrozenLake-v1", "--seed", 0, "--steps", 100, *words)
    assert found["experiment"]["env"]["options"] == {"reward_schedule": [2, 0, -1]}


def test_before_the_positional_words_an_option_has_one_value(run):
    words = "--env.reward_schedule -1,0,2 --env.is_slippery false random FrozenLake-v1 --seed 0 --steps 100"
    found = train(run, *words.split())["experiment"]["env"]["options"]
    assert found == {"reward_schedule": [-1, 0, 2], "is_slippery": False}


@pytest.mark.parametrize("text", ["-0.5", "-.5", "-1e5", "-1E-5", "-2"])
@pytest.mark.parametrize("flag", ["--agent.initial_value", "--agent.initial-value"])
@pytest.mark.parametrize("joint", [" ", "="])
def test_negative_numbers_are_values(run, text, flag, joint):
    words = f"{flag}{joint}{text}".split()
    found = train(run, *CLIFF, "--seed", 0, "--steps", 100, *words)
    assert found["experiment"]["agent"]["options"]["initial_value"] == float(text)


@dataclass(frozen=True)
class Many:
    """Every kind of field."""

    clip: float = 1.0
    widths: tuple[Annotated[int, Between(1, None)], ...] | None = None
    kind: Literal["gru", "50%"] = "gru"
    note: str = "a"
    fast: bool = True
    no_fuss: bool = False
    fuss: bool = False


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--agent.clip -inf", {"clip": -math.inf}),
        ("--agent.clip=-Infinity", {"clip": -math.inf}),
        ("--agent.widths 3", {"widths": [3]}),
        ("--agent.widths 3 4 --agent.fast false", {"widths": [3, 4], "fast": False}),
        ("--agent.widths none", {"widths": None}),
        ("--agent.kind 50%", {"kind": "50%"}),
        ("--agent.note=--agent.clip", {"note": "--agent.clip"}),
        ("--agent.note=", {"note": ""}),
        ("--agent.no-fast", {"fast": False}),
        ("--agent.no-fuss", {"no_fuss": True}),
        ("--agent.fuss", {"fuss": True}),
        ("--agent.clip 1 --agent.clip 2", {"clip": 2.0}),
        ("", {}),
    ],
)
def test_every_kind_of_field(words, expected):
    section = options.Section("agent", "many", Many, {"note": "b"})
    rest, mine = options.split(words.split(), greedy=True)
    parser = Parser(prog="arena train")
    options.add(parser, section)
    options.check(parser, mine, [section])
    assert rest == []
    assert options.read(parser.parse_args(mine), section) == expected
    text = parser.format_help()
    assert "--agent.widths INT|None …" in text
    assert "--agent.kind {gru,50%}" in text
    assert "--agent.fast [true|false]" in text
    assert "default: 'b'" in text


@pytest.mark.parametrize("text", ["200000", "200_000", "2e5", "200k", "0.2M"])
def test_numbers_as_people_write_them(text):
    from arena.cli.parser import whole

    assert whole("--steps")(text) == 200_000


def test_config_files_round_trip(run, tmp_path):
    words = ("--seeds", 2, "--steps", 300, "--agent.epsilon", 0.2, "--wrap", "TimeLimit(max_episode_steps=9)")
    first = train(run, *CLIFF, *words, "--save-config", "e.toml")
    assert tomllib.loads((tmp_path / "e.toml").read_text())["steps"] == 300
    assert train(run, "--config", "e.toml") == first
    other = train(run, "--config", "e.toml", "--agent.epsilon", 0.3, "--steps", 400, "--seed", 7)[
        "experiment"
    ]
    options = {**first["experiment"]["agent"]["options"], "epsilon": 0.3}
    assert (other["agent"]["options"], other["steps"], other["seeds"]) == (options, 400, [7])
    another = train(run, "sarsa", "FrozenLake-v1", "--config", "e.toml")["experiment"]
    assert another["agent"]["options"].keys() == {*options}
    assert another["agent"]["options"]["epsilon"] != 0.2  # q-learning's options are not sarsa's


def test_the_table(run):
    status, out = run("train", *CLIFF, "--seeds", 2, "--steps", "20k")
    assert status == 0
    for word in (
        "q-learning on arena/CliffWalk-v0",
        "95 % CI",
        "optimum",
        "gap",
        "20,000",
        "arena eval runs/",
    ):
        assert word in out
    assert "--seeds 5" in run("train", *CLIFF, "--seed", 0, "--steps", 200)[1]


def test_eval_shows_values_and_policy_of_tabular_agents(run):
    row = train(run, "value-iteration", "FrozenLake-v1", "--agent.discount", 1.0)["runs"][0]
    found = json.loads(run("eval", row["path"], "--json", "--episodes", 3)[1])
    assert len(found["values"]) == len(found["policy"]) == 16
    assert found["policy"][14] in range(4)
    assert {*row} <= {*found}
    assert found["optimum"] >= found["policy_value"] > 0
    assert len(found["evaluation"]["returns"]) == 3
    assert "policy value" in run("eval", row["path"])[1]


def test_eval_in_another_environment(run):
    path = train(run, "q-learning", "CliffWalking-v1", "--seed", 0, "--steps", 200)["runs"][0]["path"]
    found = json.loads(run("eval", path, "--env", "arena/CliffWalk-v0", "--json")[1])
    assert found["env"] == "arena/CliffWalk-v0"
    assert main(["eval", path, "--env", "FrozenLake-v1"]) == 2


def test_eval_without_state_indices_has_no_tables(run):
    path = train(run, "random", "CartPole-v1", "--seed", 0, "--steps", 100)["runs"][0]["path"]
    found = json.loads(run("eval", path, "--json")[1])
    assert found["values"] is found["policy"] is None


def test_resume_trains_on(run, capsys):
    path = train(run, *CLIFF, "--seed", 0, "--steps", 200)["runs"][0]["path"]
    found = json.loads(run("resume", path, f"{path}/", "--steps", 400, "--json")[1])
    assert [row["steps"] for row in found["runs"]] == [400]
    assert found["runs"][0]["path"] == path
    main(["resume", path])
    assert "is finished at step 400" in capsys.readouterr().err


def test_a_renamed_run_is_refused_before_anything_is_made(run, tmp_path, capsys):
    first, second = (
        row["path"] for row in train(run, *CLIFF, "--seeds", 2, "--steps", 200, "--out", "x")["runs"]
    )
    renamed = (tmp_path / first).rename(tmp_path / "x" / "mine")
    before = sorted((tmp_path / "x").rglob("*"))
    assert main(["resume", second, "x/mine", "--steps", "400"]) == 2
    assert (
        f"x/mine has been renamed, so it cannot be trained on; call it {first[2:]}\n"
        in capsys.readouterr().err
    )
    assert sorted((tmp_path / "x").rglob("*")) == before
    assert json.loads((tmp_path / second / "run.json").read_text())["experiment"]["steps"] == 200
    renamed.rename(f"{renamed.parent}/{first[2:-1]}z")
    assert main(["resume", f"{first[:-1]}z", "--steps", "400"]) == 2
    assert "another version of its agent or environment" in capsys.readouterr().err


@pytest.mark.parametrize("spelt", [".", "../link", "../{name}", "../../link/../{name}"])
def test_a_run_is_resumed_however_its_path_is_spelt(run, tmp_path, monkeypatch, spelt):
    path = train(run, *CLIFF, "--seed", 0, "--steps", 200)["runs"][0]["path"]
    folder = tmp_path / path
    for link in (tmp_path / "runs" / "link", tmp_path / "link"):
        link.symlink_to(folder)
    monkeypatch.chdir(folder)
    status, out = run("resume", spelt.format(name=folder.name), "--steps", 400, "--json")
    assert status == 0
    assert (folder / json.loads(out)["runs"][0]["path"]).resolve() == folder
    assert json.loads((folder / "result.json").read_text())["steps"] == 400


def test_list(run):
    found = json.loads(run("list", "--json")[1])
    assert found.keys() == {"agents", "envs", "encoders"}
    assert "q-learning" in [agent["name"] for agent in found["agents"]]
    assert "arena/CliffWalk-v0" in run("list")[1]
    assert "arena_tabular" in run("list", "plugins")[1]
    assert "FrozenLake-v1" in json.loads(run("list", "envs", "--all", "--json")[1])["gymnasium"]


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
    path.write_text(json.dumps(document))
    status, out = run("list", "runs", "--json")
    [row] = json.loads(out)["runs"]
    assert (status, row["status"], row["error"]) == (0, "damaged", "a file is truncated or malformed")
    status, out = run("list", "runs")
    assert status == 0
    assert "malformed" in out


def test_list_runs_survives_numbers_without_end(run, tmp_path):
    folder = tmp_path / train(run, *CLIFF, "--seed", 0, "--steps", 200)["runs"][0]["path"]
    result = json.loads((folder / "result.json").read_text())
    text = json.dumps({**result, "evaluation": {"mean": "END"}}).replace('"END"', "1e999")
    (folder / "result.json").write_text(text)
    assert run("list", "runs")[0] == run("list", "runs", "--json")[0] == 0
    (folder / "result.json").unlink()
    (folder / "timing.jsonl").write_bytes(b'{"step": 100}\n{"step": 1e999}\n{"step": "\xff"}\n')
    assert json.loads(run("list", "runs", "--json")[1])["runs"][0]["steps"] == 100


def test_names_in_a_run_do_not_steer_the_terminal(run, tmp_path, capsys):
    path = tmp_path / train(run, *CLIFF, "--seed", 0, "--steps", 200)["runs"][0]["path"] / "run.json"
    document = json.loads(path.read_text())
    name = "\x1b]0;owned\x07\x9b31mevil\u202e\ud800"
    document["experiment"]["agent"]["name"] = name
    path.write_text(json.dumps(document))
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
        "from arena.mdp import TransitionModel\n"
        "from arena.tables import TableEnv\n"
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
    assert (status, failed) == (1, ["model tells the truth"])


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

    from arena.plugins import Plugins, use
    from arena.specs import CommandSpec

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
    with use(Plugins(installed=False, extra={"shouting": plugin})):
        assert "say it loud" in run("--help")[1]
        assert run("shout", "hello") == (3, "HELLO\n")


@pytest.mark.parametrize(
    ("words", "forbidden"),
    [
        (["--help"], HEAVY),
        (["list"], ("numpy", "gymnasium", "torch", "numba", "pygame")),
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


def test_workers_give_what_one_process_gives(run):
    words = (*CLIFF, "--seeds", 2, "--steps", 200)
    one = train(run, *words, "--out", "a")["summary"]
    assert train(run, *words, "--out", "b", "--workers", 2)["summary"] == one


def test_plugins_that_print_leave_json_clean(capfd):
    import types

    from arena.plugins import Plugins, use

    plugin = types.SimpleNamespace()

    @arena.hookimpl
    def arena_agents():
        print("hello")
        return [arena.AgentSpec(name="no-agent", summary="not one", target="json:dumps")]

    plugin.arena_agents = arena_agents
    for words in ("check noisy", "list agents", "list agents --for FrozenLake-v1"):
        with use(Plugins(installed=False, extra={"noisy": plugin})):
            assert main([*words.split(), "--json"]) == 0
        out, err = capfd.readouterr()
        found = json.loads(out)
        assert "hello" in err
    assert found["agents"][0]["reason"] == "json:dumps is no arena.Agent"


def test_plugins_that_print_leave_json_clean_without_others(tmp_path):
    (tmp_path / "loud-1.dist-info").mkdir()
    (tmp_path / "loud-1.dist-info" / "METADATA").write_text("Name: loud\nVersion: 1\n")
    (tmp_path / "loud-1.dist-info" / "entry_points.txt").write_text("[arena]\nloud = loud\n")
    (tmp_path / "loud.py").write_text("print('hello')\n")
    environment = {k: v for k, v in os.environ.items() if k != "ARENA_PLUGINS"}
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
