"""Sweep files: which experiments they come to, against brute force, and what is said of the mistakes in them."""

from __future__ import annotations

import itertools
import re
import tomllib
import types
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import arena
from arena.config.formatting import format_value
from arena.errors import ArenaError
from arena.experiments.labels import labels
from arena.launch.base import launcher_named, launchers, make_launcher
from arena.launch.local import Local
from arena.plugins.discovery import Plugins, use_plugins
from arena.plugins.specs import LauncherSpec
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.sweeps.grid import MOST_RUNS, Sweep, read_sweep
from arena.sweeps.sweep import count_finished, sweep

CLIFF = {"agent": "q-learning", "env": "arena/CliffWalk-v0"}


def grid(**keys):
    """A grid along the cliff; option names have an underscore for the dot."""
    return {**CLIFF, **{key.replace("__", "."): value for key, value in keys.items()}}


def runs(found):
    return sorted(one.id(seed) for one in found.experiments for seed in one.seeds)


def some(*values):
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)


AXES = st.fixed_dictionaries(
    {
        "agent": some("q-learning", "sarsa", "expected-sarsa"),
        "env": some("arena/CliffWalk-v0", "FrozenLake-v1"),
        "agent.learning_rate": some(0.1, 0.25, 0.5),
    },
    optional={
        "agent.epsilon": some(0.05, 0.2),
        "num_envs": some(1, 4),
        "horizon": some(10, 20),
    },
)


@settings(max_examples=25)
@given(grids=st.lists(AXES, min_size=1, max_size=2), seeds=st.integers(1, 3))
def test_a_sweep_is_the_product_of_its_lists(grids, seeds):
    expected = set()
    for axes in grids:
        for values in itertools.product(*axes.values()):
            chosen = dict(zip(axes, values, strict=True))
            options = {k.removeprefix("agent."): v for k, v in chosen.items() if k.startswith("agent.")}
            plain = {k: v for k, v in chosen.items() if "." not in k}
            one = resolve_experiment(**plain, agent_options=options, seeds=seeds, steps=100)
            expected |= {one.id(seed) for seed in one.seeds}
    found = read_sweep({"steps": 100, "seeds": seeds, "grid": grids})
    assert runs(found) == sorted(expected)  # and so each run once
    assert len(found) == len(expected)
    assert {one.steps for one in found.experiments} == {100}


def test_what_a_value_may_be():
    found = read_sweep(
        {
            "agent.discount": 0.9,
            "env": {"id": "FrozenLake-v1", "options": {"is_slippery": False}},
            "seeds": [3, 5],
            "grid": [
                {
                    "agent": ["sarsa", {"name": "q-learning", "options": {"epsilon": 0.3}}],
                    "agent.discount": [0.8],
                    "env.reward_schedule": [[2, 0, -1], [1, 0, 0]],
                    "wrappers": [[], ["TimeLimit(max_episode_steps=9)"]],
                    "trackers": [[]],
                },
                {"agent": "sarsa", "env": "arena/CliffWalk-v0", "seeds": 1},
            ],
        }
    )
    *lakes, cliff = found.experiments
    assert len(lakes) == 8
    assert {(one.name, one.options["discount"]) for one in lakes} == {
        ("sarsa", 0.8),
        ("q-learning", 0.8),
    }
    assert {one.options["epsilon"] for one in lakes if one.name == "q-learning"} == {0.3}
    assert {tuple(one.env_options["reward_schedule"]) for one in lakes} == {(2, 0, -1), (1, 0, 0)}
    assert all(one.env_options["is_slippery"] is False and one.seeds == (3, 5) for one in lakes)
    assert {one.wrappers for one in lakes} == {(), ("TimeLimit(max_episode_steps=9)",)}
    assert (cliff.options["discount"], cliff.seeds) == (0.9, (0,))


def test_options_shared_by_all_must_be_had_by_all():
    with pytest.raises(
        ArenaError,
        match=r"grid 1 \(.*arena/CliffWalk-v0\): no option of arena/CliffWalk-v0 is called 'is_slippery'",
    ):
        read_sweep({"env.is_slippery": True, "grid": [grid()]})


def test_a_run_that_comes_up_twice_is_run_once():
    found = read_sweep({"grid": [grid(seeds=2), grid(seeds=[1, 7]), grid(agent__epsilon=[0.3])]})
    assert [one.seeds for one in found.experiments] == [(0, 1, 7), (0, 1, 2, 3, 4)]


def test_settings_come_on_top():
    [one] = read_sweep({"steps": 10, "grid": [grid(steps=20)]}, steps=30, seeds=[4]).experiments
    assert (one.steps, one.seeds) == (30, (4,))


def test_a_launcher_and_its_options():
    document = {"grid": [grid()], "out": "x", "launcher": {"name": "local", "retries": 3}}
    found = read_sweep(document)
    assert (str(found.out), found.launcher, found.launcher_options) == ("x", "local", {"retries": 3})
    assert found.launched_by("local", {"a": 1}).launcher_options == {"retries": 3, "a": 1}
    assert found.launched_by("ray", {"a": 1}).launcher_options == {"a": 1}
    assert found.launched_by(None) == found


MISFIT = {"agent": ["value-iteration", "q-learning"], "env": ["CartPole-v1", "Blackjack-v1", "FrozenLake-v1"]}


def test_misfits_are_an_error_or_left_out():
    with pytest.raises(
        ArenaError, match=r"^grid 1 \(agent = value-iteration, env = CartPole-v1\): value-iteration "
    ):
        read_sweep({"grid": [MISFIT]})
    found = read_sweep({"skip_misfits": True, "grid": [{**MISFIT, "num_envs": [1, 2]}]})
    assert found.skipped == 6
    assert {(one.name, one.env) for one in found.experiments} == {
        ("value-iteration", "FrozenLake-v1"),
        ("q-learning", "FrozenLake-v1"),
        ("q-learning", "Blackjack-v1"),
    }
    with pytest.raises(ArenaError, match="no agent of this sweep fits its environment"):
        read_sweep({"skip_misfits": True, "grid": [{"agent": "value-iteration", "env": "Blackjack-v1"}]})


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "the sweep has no grid; write [[grid]]"),
        ({"grid": []}, "the sweep has no grid"),
        ({"grid": grid()}, "grid is a table, which is not a list of tables; write [[grid]] above each"),
        ({"grid": [3]}, "grid 1 is 3, which is not a table"),
        ({"grid": [grid(), {}]}, "grid 2 is empty"),
        ({"grid": [grid(num_envs=[])]}, "grid 1 has no value for num_envs; give at least one"),
        (
            {"grid": [{"env": "FrozenLake-v1"}]},
            "grid 1 (env = FrozenLake-v1): there is no agent; write [[grid]]",
        ),
        ({"grid": [{"steps": 3}]}, "grid 1: there is no agent and no env"),
        ({"grid": [grid()], "stepz": 3}, "no key of a sweep is called 'stepz'; did you mean 'steps'"),
        ({"grid": [grid()], "lancher": {}}, "did you mean 'launcher'"),
        ({"grid": [grid(num_env=1)]}, "no key of a grid is called 'num_env'; did you mean 'num_envs'"),
        ({"grid": [grid(out="x")]}, "no key of a grid is called 'out'"),
        (
            {"grid": [grid(agnt__epsilon=1)]},
            "no table of options in a grid is called 'agnt'; did you mean 'agent'",
        ),
        (
            {"grid": [grid(agent__epsilon=[0.1, 2])]},
            "arena/CliffWalk-v0, agent.epsilon = 2): agent.epsilon is 2",
        ),
        (
            {"grid": [grid(agent__epsilo=0.1)]},
            "no option of q-learning is called 'epsilo'; did you mean 'epsilon'",
        ),
        (
            {"grid": [grid(epsilon=0.1)]},
            """no key of a grid is called 'epsilon'; did you mean "agent.epsilon"?""",
        ),
        ({"grid": [grid()], "slip": 0.1}, """no key of a sweep is called 'slip'; did you mean "env.slip"?"""),
        (
            {"grid": [grid(agent=["q-learning", "value-iteration"], agent__epsilon=[0.1, 0.2])]},
            "no option of value-iteration is called 'epsilon'; move value-iteration to its own [[grid]]",
        ),
        (
            {"grid": [grid(env=["arena/CliffWalk-v0", {"id": "FrozenLake-v1"}], env__slip=0.1)]},
            "no option of FrozenLake-v1 is called 'slip'; move FrozenLake-v1 to its own [[grid]]",
        ),
        (
            {"grid": [grid(agent=["value-iteration"], agent__epsilon=0.1)]},
            "no option of value-iteration is called 'epsilon'; known: ",
        ),
        (
            {"grid": [grid(agent=["q-lerning"])]},
            "grid 1 (agent = q-lerning, env = arena/CliffWalk-v0): no agent is",
        ),
        ({"grid": [grid(agent=[["sarsa"]])]}, "which is not a table"),
        ({"grid": [grid(agent={"nam": "sarsa"})]}, "no key of [agent] is called 'nam'"),
        ({"grid": [grid(seeds=[0, 0])]}, "the list of seeds [0, 0] is empty or repeats a seed"),
        ({"grid": [grid()], "agent": ["sarsa"]}, "agent is a list outside of a grid; write [[grid]]"),
        ({"grid": [grid()], "agent": 3}, "agent is 3, which is not a table"),
        ({"grid": [grid()], "out": 3}, "out is 3, which is not a folder"),
        ({"grid": [grid()], "skip_misfits": 1}, "skip_misfits is 1, which is not true or false"),
        ({"grid": [grid()], "launcher": "ray"}, "launcher is ray, which is not a table; write [launcher]"),
        ({"grid": [grid()], "launcher": {"name": 3}}, "the launcher's name is 3"),
        ({"grid": [grid(steps=[10, 20])]}, "has the same runs as grid 1 ("),
        ({"grid": [grid(seeds=MOST_RUNS + 1)]}, "more than 100,000 seeds"),
        (
            {"grid": [grid(seeds=60_000), grid(seeds=60_000, num_envs=2)]},
            "the sweep has more than 100,000 runs",
        ),
        ({"grid": [grid(horizon=list(range(1, 100_002)))]}, "the sweep has 100,001 experiments"),
    ],
)
def test_mistakes_are_said_on_one_line(document, message):
    with pytest.raises(ArenaError) as error:
        read_sweep(document)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.remedy


def test_the_same_runs_with_other_steps_are_named():
    with pytest.raises(
        ArenaError, match=r"steps = 20\) has the same runs as grid 1 \(.*steps = 10\), but differs in steps"
    ):
        read_sweep({"evaluate_every": 5, "log_every": 5, "grid": [grid(steps=[10, 20])]})


def test_files_that_are_none(tmp_path):
    with pytest.raises(ArenaError, match="cannot read .*: No such file"):
        read_sweep(tmp_path / "no.toml")
    bad = tmp_path / "bad.toml"
    bad.write_text('[[grid]]\nagent = ["sarsa"]\nagent.learning_rate = [0.1]\n')
    with pytest.raises(ArenaError, match='is not TOML: .*line 3.*; write options in quotes: "agent.epsilon"'):
        read_sweep(bad)
    for line, remedy in {
        "agent = sarsa": 'write texts in quotes: agent = "q-learning"',
        "seeds = = 3": "fix that line",
        "seeds = [3": "fix that line",
        'agent = "sarsa': "fix that line",
    }.items():
        bad.write_text(f"[[grid]]\n{line}\n")
        with pytest.raises(ArenaError, match="is not TOML") as error:
            read_sweep(bad)
        assert error.value.remedy == remedy


def test_counts_are_read_as_on_the_command_line():
    [one] = read_sweep(tomllib.loads('''
        steps = 1e4
        evaluate_every = "2k"
        [[grid]]
        agent = "q-learning"
        env = "arena/CliffWalk-v0"
        num_envs = 4.0
        seeds = "3"''')).experiments  # fmt: skip
    assert (one.steps, one.evaluate_every, one.num_envs, one.seeds) == (10_000, 2000, 4, (0, 1, 2))
    assert {type(count) for count in (one.steps, one.evaluate_every, one.num_envs)} == {int}
    for wrong in (1.5, "10q", float("inf"), float("nan"), True, "0.5", "", -1e4):
        with pytest.raises(ArenaError, match=r"steps is .*, which is not a whole number from 1"):
            read_sweep({"steps": wrong, "grid": [grid()]})


def test_labels_have_what_differs():
    found = read_sweep(
        {
            "grid": [
                grid(agent=["q-learning", "sarsa"], agent__learning_rate=[0.1, 0.5], env__slip=[0.0, 0.1]),
                {"agent": "value-iteration", "env": "arena/CliffWalk-v0"},
                {"agent": "sarsa", "env": "FrozenLake-v1", "num_envs": [1, 4]},
            ]
        }
    )
    named = [str(label) for label in labels(found.experiments)]
    assert len({*named}) == len(named)
    assert named[0] == "q-learning learning_rate=0.1 on arena/CliffWalk-v0 slip=0"
    assert named[-3:] == [
        "value-iteration on arena/CliffWalk-v0",
        "sarsa num_envs=1 on FrozenLake-v1",
        "sarsa num_envs=4 on FrozenLake-v1",
    ]


def test_values_in_few_letters():
    values = (0.1, 1e-4, 1.0, True, None, "a\nb", [64, 64], 0.123456789, "x" * 99)
    assert [format_value(value) for value in values[:-1]] == [
        *("0.1", "0.0001", "1", "true", "none", "a b", "[64,64]", "0.123456789")
    ]
    assert len(format_value(values[-1])) <= 30


def test_launchers_by_name():
    assert launcher_named("local").load() is Local
    with pytest.raises(ArenaError, match="no launcher is called 'locl'; did you mean 'local'"):
        launcher_named("locl")
    with pytest.raises(ArenaError, match="no option of the launcher local is called 'retry'"):
        make_launcher("local", {"retry": 1}, 1)


def test_no_plugin_takes_over_local():
    plugin = types.SimpleNamespace()

    @arena.hookimpl
    def arena_launchers():
        yield LauncherSpec("local", "not ours", target="json:dumps")
        yield LauncherSpec("odd", "no launcher", target="json:dumps")

    plugin.arena_launchers = arena_launchers
    with use_plugins(Plugins(installed=False, extra={"mine": plugin})):
        assert [*launchers()] == ["local", "odd"]
        assert launcher_named("local").load() is Local
        with pytest.raises(ArenaError, match=r"odd \(json:dumps\) is not a launcher"):
            make_launcher("odd", {}, 1)


def test_a_sweep_in_a_notebook(tmp_path):
    document = {"steps": 300, "seeds": 2, "trackers": [], "grid": [grid(agent__epsilon=[0.1, 0.2])]}
    results = sweep(document, out=tmp_path, progress=False)
    assert (len(results.experiments), results.finished, results.failures) == (2, 4, [])
    lines = repr(results).splitlines()
    assert len({*map(len, lines)}) == 1
    assert "q-learning epsilon=0.1" in lines[1]
    assert results.experiments[0].summary["optimum"] == -13
    found = read_sweep(document)
    assert count_finished(Sweep(found.experiments, tmp_path)) == [2, 2]


def test_what_is_wrong_is_found_before_a_folder_is_made(tmp_path):
    with pytest.raises(ArenaError, match="launcher.retries is -1"):
        sweep({"grid": [grid()], "launcher": {"retries": -1}}, out=tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_runs_that_have_gone_further(tmp_path, capsys):
    document = {"steps": 300, "seeds": 2, "trackers": [], "grid": [grid(agent__epsilon=[0.1, 0.2])]}
    sweep(document, out=tmp_path, progress=False)
    [row, _] = sweep({**document, "steps": 200}, out=tmp_path).experiments
    assert row.spec.steps == 300
    assert "trained to 300 steps before: the results are for 300 steps (the same" in capsys.readouterr().err
    [one, _] = read_sweep({**document, "steps": 400}).experiments
    Run.prepare(one, 0, tmp_path)
    with pytest.raises(
        ArenaError, match=r"epsilon=0.1 .*: some runs were trained to 400 steps .* use 400 steps "
    ):
        sweep(document, out=tmp_path, progress=False)


def test_the_documented_file_is_one():
    text = (Path(__file__).parents[2] / "docs" / "sweeps.md").read_text(encoding="utf-8")
    snippet, *_ = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    found = read_sweep(tomllib.loads(snippet))
    assert len(found) == 90
    assert "2 × 2 × 2 × 2 + 2 experiments with five seeds each, that is 90 runs" in text
    make_launcher(found.launcher, found.launcher_options, 1)
