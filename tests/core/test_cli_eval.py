"""``arena eval`` with other options of the environment."""

from __future__ import annotations

import json

import pytest

from arena.cli import main


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command; its status, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        try:
            status = main([*map(str, words)])
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    return call


def trained(run, *words):
    """The folder of a run."""
    [row] = json.loads(
        run("train", *words, "--seed", 0, "--evaluate-every", 10_000, "--track", "none", "--json")[1]
    )["runs"]
    return row["path"]


def test_eval_with_other_options_of_the_environment(run):
    options = ["--env.step_reward", "-2"]
    words = ["q-learning", "arena/CliffWalk-v0", *options, "--wrap", "TimeLimit(max_episode_steps=30)"]
    path = trained(run, *words, "--steps", 20_000)

    def played(*words):
        return json.loads(run("eval", path, "--json", *words)[1])

    assert played()["env_options"] == {**played()["env_options"], "step_reward": -2, "slip": 0}
    assert played()["optimum"] == -26
    slippery = played("--env.slip", 0.5, "--episodes", 50)
    assert (slippery["env_options"]["step_reward"], slippery["env_options"]["slip"]) == (-2, 0.5)
    assert slippery["optimum"] < -26
    assert len({*slippery["evaluation"]["returns"]}) > 1
    assert played("--env", "arena/CliffWalk-v0", "--env.slip=0.5", "--episodes", 50) == slippery
    other = played("--env", "CliffWalking-v1", "--env.is_slippery")
    assert (other["env"], other["env_options"]) == ("CliffWalking-v1", {"is_slippery": True})
    assert "on arena/CliffWalk-v0 slip=0.5 · after 20,000 steps" in run("eval", path, "--env.slip", "0.5")[1]
    text = run("eval", path, "--help")[1]
    assert "--env.slip NUMBER" in text
    assert "default: -2" in text
    assert "--env.is_slippery" in run("eval", path, "--env", "CliffWalking-v1", "--help")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--env.slipp 0.1", "--env.slipp is not an option of arena/CliffWalk-v0; did you mean --env.slip?"),
        ("--env.slip 2", "env.slip is 2.0, which is not in [0, 1]"),
        ("--env.slip 0.1 0.2", "--env.slip takes one value"),
        ("--env.observation xy", "q-learning cannot play arena/CliffWalk-v0: "),
        ("--env CliffWalking-v1 --env.slip 0.1", "--env.slip is not an option of CliffWalking-v1"),
        ("--agent.epsilon 0.1", "--agent.epsilon is not an option of arena eval"),
    ],
)
def test_mistakes_in_options_of_eval(run, words, said):
    path = trained(run, "q-learning", "arena/CliffWalk-v0", "--steps", 100)
    status, _, err = run("eval", path, *words.split())
    assert status == 2
    assert said in err
    assert err.count("\n") == 1
