"""Bad input: one line of standard error with the remedy, status 2, no traceback."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import types
import warnings

import pytest

from arena.cli import main
from arena.errors import ArenaError
from arena.plugins.discovery import ArenaPluginWarning, Plugins, use_plugins
from run_files import put

TRAIN = "train q-learning arena/CliffWalk-v0"

CASES = {
    "trin": "did you mean 'train'?",
    "--steps 5 train": "write it after",
    "train": "AGENT and ENV are missing",
    "train q-learning": "ENV is missing",
    "train q-lerning arena/CliffWalk-v0": "did you mean 'q-learning'",
    "train q-learning arena/CliffWlk-v0": "did you mean 'arena/CliffWalk-v0'",
    f"{TRAIN} --agent.discont 0.9": (
        "--agent.discont is not an option of q-learning; did you mean --agent.discount?"
    ),
    f"{TRAIN} --env.slipp 1": "--env.slipp is not an option of arena/CliffWalk-v0; did you mean --env.slip?",
    f"{TRAIN} --agent.discount abc": (
        "agent.discount is 'abc', which is not a number; give a number in [0, 1]"
    ),
    f"{TRAIN} --agent.discount 7": "which is not in [0, 1]; give a value in [0, 1]",
    f"{TRAIN} --agent.discount nan": "agent.discount is 'nan'",
    f"{TRAIN} --env.slip -0.5": "env.slip is -0.5, which is not in [0, 1]",
    f"{TRAIN} --agent.discount": "--agent.discount needs a value",
    f"{TRAIN} --agent.discount 0.1 0.2": "--agent.discount takes one value, not 0.1 0.2",
    f"{TRAIN} --agent.discount=0.1 0.2": "--agent.discount takes one value, not 0.1 0.2",
    f"{TRAIN} --agent.learning-rade 1": "is not an option of q-learning; did you mean --agent.learning_rate?",
    f"{TRAIN} --env.discount 1": "is not an option of arena/CliffWalk-v0; did you mean --agent.discount?",
    f"{TRAIN} --agent.my_very_own_way_of_learning 1": "it has --agent.discount, --agent.learning_rate",
    "train random FrozenLake-v1 --agent.qqq 1": "--agent.qqq is not an option of random; it has none",
    "train q-learning FrozenLake-v1 --env.is_slippery maybe": "give true or false",
    "train q-learning FrozenLake-v1 --env.no-is_slippery maybe": "env.is_slippery is 'maybe'",
    "train q-learning FrozenLake-v1 --env.is_slippery true false": "takes one value, not true false",
    f"{TRAIN} --stps 5": "--stps is not an option of arena train; did you mean --steps?",
    f"{TRAIN} --steps": "--steps needs a value",
    f"{TRAIN} --steps abc": "--steps is 'abc', which is not a whole number; give one such as 200000",
    f"{TRAIN} --steps 1.5": "--steps is '1.5', which is not a whole number",
    f"{TRAIN} --steps inf": "which is not a whole number",
    f"{TRAIN} --steps 0": "less than 1",
    f"{TRAIN} --seed -1": "--seed is -1",
    f"{TRAIN} --seed 1 --seeds 2": "exclude each other",
    f"{TRAIN} again": "arena train has no argument for 'again'",
    f"{TRAIN} --wrap TimLimit": "did you mean 'TimeLimit'",
    f"{TRAIN} --config nowhere.toml": "cannot read nowhere.toml",
    f"{TRAIN} --no-plugin nowhere": "no plugin is called 'nowhere'",
    f"{TRAIN} --no-plugin": "--no-plugin needs a value",
    "train q-learning CartPole-v1": "agents that fit: actor-critic, dqn, drqn, ppo, random",
    "train value-iteration Blackjack-v1": "agents that fit: ",
    f"{TRAIN} --out file": "cannot write file",
    f"{TRAIN} --save-config no/such/e.toml --steps 5": "cannot write no/such/e.toml",
    "list agnts": "did you mean agents?",
    "list runs nowhere": "there is no folder nowhere",
    "list encoders autoencoder": "arena list encoders takes no further word such as 'autoencoder'; leave it out",
    "list encoders --for CartPole-v1": "--for applies to agents alone; write `arena list agents --for …`",
    "list agents --all": "--all applies to envs alone; write `arena list envs --all …`",
    "list agents --limit 3": "--limit applies to runs alone; write `arena list runs --limit …`",
    "train arena/CliffWalk-v0 sarsa": "the agent sarsa stands in the second place; write `sarsa arena/CliffWalk-v0`",
    "fit digits vae": "the encoder vae stands in the second place; write `vae digits`",
    "fit digits vae --encoder.latent 2": "write `vae digits`",
    "list --for Nothing-v0": "no environment is called 'Nothing-v0'",
    "eval": "needs RUN",
    "eval nowhere": "nowhere is not a run",
    "resume .": "is not a run",
    "resume truncated": "is truncated or damaged",
    "resume newer": "has schema 99, and this arena reads up to 1; upgrade arena-rl",
    "eval newer": "upgrade arena-rl",
    "check nowhere": "no agent, encoder, environment, plugin or run is called 'nowhere'",
}


@pytest.mark.parametrize("command", CASES)
def test_one_line_with_the_remedy_and_status_2(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("not a folder")
    for name, text in {"truncated": '{"schema": 1, "exp', "newer": '{"schema": 99}'}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(text)
    put(tmp_path / "newer" / "run.json", {"schema": 99})
    assert main(command.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("arena: ")
    assert CASES[command] in err
    assert "; " in err or "?" in err  # a remedy follows


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_without_permission(tmp_path, capsys):
    tmp_path.chmod(0o500)
    assert main([*TRAIN.split(), "--steps", "5", "--out", str(tmp_path / "runs")]) == 2
    assert "make it writable" in capsys.readouterr().err


def test_a_toml_file_that_is_none(tmp_path, capsys):
    path = tmp_path / "e.toml"
    path.write_text("steps = \n")
    assert main(["train", "--config", str(path)]) == 2
    assert "line 1" in capsys.readouterr().err


def test_debug_shows_the_traceback(capsys):
    assert main(["eval", "nowhere", "--debug"]) == 2
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("arena: nowhere is not a run")


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (ArenaError("two\nlines", "fix it"), 2, "arena: two lines; fix it\n"),
        (
            ValueError("odd"),
            1,
            "arena: unexpected ValueError: odd; run again with --debug and report it\n",
        ),
        (KeyboardInterrupt(), 2, "arena: interrupted; run the same command again to continue"),
        (SystemExit(3), 1, "arena: something called sys.exit(3); run again with --debug to see where\n"),
        (SystemExit("no\x1b GPU"), 1, "arena: no GPU; run again with --debug to see where\n"),
        (SystemExit(0), 0, ""),
    ],
)
def test_whatever_is_raised_is_one_line(monkeypatch, capsys, error, status, line):
    def fail(words):
        raise error

    monkeypatch.setattr("arena.cli.verbs.run", fail)
    assert main([]) == status
    assert capsys.readouterr().err.startswith(line)


def test_plugin_warnings_are_lines(capsys):
    plugin = types.SimpleNamespace(arena_agnts=lambda: ())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ArenaPluginWarning)
        plugins = Plugins(installed=False)
    with use_plugins(plugins):
        assert main(["list"]) == 0
    assert capsys.readouterr().err == ""
    assert main(["list", "plugins", "--json"]) == 0
    json.loads(capsys.readouterr().out)

    def discover(words):
        Plugins(installed=False, extra={"bad": plugin})
        return 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("arena.cli.verbs.run", discover)
        assert main([]) == 0
    err = capsys.readouterr().err
    assert re.fullmatch(r"arena: warning: plugin bad .*did you mean 'arena_agents'.*\n", err)


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path):
    words = [*TRAIN.split(), "--seed", "0", "--steps", "100G", "--out", str(tmp_path)]
    process = subprocess.Popen([sys.executable, "-m", "arena", *words], stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not [*tmp_path.glob("*/timing.jsonl")]:
            time.sleep(0.02)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 2
    [folder] = tmp_path.iterdir()
    assert re.fullmatch(
        r"(.*: stopping; .*\n)?arena: stopped at step [\d,]+; the state is saved; "
        rf"continue with `arena resume {folder}`\n",
        err,
    )
    assert [*folder.glob("checkpoint/*")]


def test_leaving_a_plugin_out_holds_for_the_whole_command(capsys):
    before = dict(os.environ)
    assert main(["list", "agents", "--json", "--no-plugin", "arena_tabular"]) == 0
    left = {agent["plugin"] for agent in json.loads(capsys.readouterr().out)["agents"]}
    assert left and "arena_tabular" not in left
    assert dict(os.environ) == before


@pytest.mark.parametrize("code", [0, 3])
def test_an_environment_that_exits_is_told(tmp_path, monkeypatch, capsys, code):
    (tmp_path / f"quitter{code}.py").write_text(
        "import gymnasium, sys\n"
        "class Quitter(gymnasium.Wrapper):\n"
        f"    def step(self, action): sys.exit({code})\n"
        "def make() -> gymnasium.Env: return Quitter(gymnasium.make('FrozenLake-v1'))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    words = f"random quitter{code}:make --steps 100 --seed 0 --quiet --out {tmp_path / 'runs'}"
    assert main(["train", *words.split()]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert f"something called sys.exit({code})" in err


def test_ctrl_c_at_the_very_start(monkeypatch, capsys):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("arena.cli._warn_in_one_line", interrupt)
    assert main(["list"]) == 2
    assert capsys.readouterr().err.startswith("arena: interrupted; ")
