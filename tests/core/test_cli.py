"""The command line from the outside: verbs, JSON, files, help, and what it must not import."""

from __future__ import annotations

import contextlib
import json
import math
import tomllib
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest

from arena.cli import main
from arena.cli.option_parsing import Section, parse_with_options
from arena.cli.parser import Parser
from arena.config.options import Between
from arena.plugins.discovery import get_plugins

CLIFF = ("q-learning", "arena/CliffWalk-v0")
HEAVY = ("numpy", "gymnasium", "torch", "numba", "pygame", "rich")


#: An evaluation at the end only, and no tracker: most of these runs are about their words.
BRIEFLY = ("--evaluate-every", 10_000, "--log-every", 1000, "--track", "none", "--json")


def train(run, *words):
    status, out = run("train", *words, *BRIEFLY)
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
def test_every_kind_of_field(words, expected, capsys):
    section = Section("agent", "many", Many, {"note": "b"})
    parser = Parser(prog="arena train")
    args = parse_with_options(parser, words.split(), lambda args: [section], leading=0)
    assert args.given.get("agent", {}) == expected
    with contextlib.suppress(SystemExit):
        parse_with_options(Parser(prog="arena train"), ["--help"], lambda args: [section], leading=0)
    text = capsys.readouterr().out
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
        f"x/mine has been renamed, so it cannot be trained further; rename it to {first[2:]}\n"
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


@pytest.mark.slow  # test_runner.py compares all bytes, test_cli_sweep.py has workers too
def test_workers_give_what_one_process_gives(run):
    words = (*CLIFF, "--seeds", 2, "--steps", 200)
    one = train(run, *words, "--out", "a")["summary"]
    assert train(run, *words, "--out", "b", "--workers", 2)["summary"] == one
