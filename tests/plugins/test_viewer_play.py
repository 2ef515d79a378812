"""`arena play` from the outside: its flags, errors before anybody has played, and what becomes of episodes."""

from __future__ import annotations

import sys
from pathlib import Path

import pygame
import pytest
from watched_runs import CLIFF, run_of

from arena.cli import main
from arena_viewer.window import Window

#: From the cliff's corner to the goal.
BEST = ["up", *["right"] * 11, "down"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return {
        "cliff": run_of(folder, "q-learning", CLIFF, 8000),
        "slippery": run_of(folder, "q-learning", CLIFF, 400, env_options={"slip": 0.1}),
        "lake": run_of(folder, "q-learning", "FrozenLake-v1", 400),
    }


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """Runs `arena play` in a folder of its own, where a window can be opened that nobody sees."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")

    def call(*words):
        status = main(["play", *map(str, words)])
        return status, *capsys.readouterr()

    return call


@pytest.fixture
def play(cli, monkeypatch):
    """Plays by a script of keys, a frame each; what is printed, and the window that was."""
    windows = []

    def call(*words, script=(), wait=0):
        def run(window):
            windows.append(window)
            try:
                for name in script:
                    press(name)
                    window.frame(0.05)
                for _ in range(wait):
                    window.frame(0.05)
            finally:
                window.close()

        monkeypatch.setattr(Window, "run", run)
        status, out, complaint = cli(*words)
        assert status == 0, complaint
        return out, windows[-1]

    return call


def press(name):
    """What a keyboard makes of a key."""
    if isinstance(name, BaseException):
        raise name
    key = pygame.key.key_code(name)
    for kind in (pygame.KEYDOWN, pygame.KEYUP):
        pygame.event.post(pygame.event.Event(kind, key=key, mod=0, unicode=""))


# Playing


def test_a_person_plays_an_episode(play):
    out, window = play(CLIFF, script=BEST)
    assert out == "you: 1 episode, return -13\n"
    moments = list(window.playback.players[0].moments)
    assert [moment.action for moment in moments] == [0, *[1] * 11, 2, None]
    assert (moments[0].observation, moments[-1].observation, moments[-1].ended) == (36, 47, "terminated")
    assert not window.controller.recorded_episodes, "nobody asked to keep it"
    assert window.playback.title == f"you · {CLIFF}"


def test_enter_is_the_next_episode_and_backspace_the_same_again(play):
    out, window = play(CLIFF, script=[*BEST, "return", *BEST, "backspace", "up", *BEST[1:], "return", "up"])
    assert out == "you: 3 episodes, mean return -13\n"
    assert window.controller.returns == [-13.0] * 3
    assert window.playback.episode == 2


def test_nobody_played_and_nothing_is_said(play):
    out, _ = play(CLIFF)
    assert out == ""


def test_flags_say_which_episode_is_played(play, runs):
    _, window = play(CLIFF, "--seed", 4, "--episode", 3, "--horizon", 2, script=["up", "up"])
    [player] = window.playback.players
    assert (player.seed, player.episode, player.horizon) == (4, 2, 2)
    assert player.now.ended == "truncated"
    _, window = play(CLIFF, "--env.slip", 0.5)
    assert window.playback.players[0].factory.options["slip"] == 0.5
    _, window = play("CartPole-v1")
    assert window.playback.players[0].horizon == 500, "the environment's own"
    _, window = play(CLIFF)
    assert window.playback.players[0].horizon == 10_000


def test_time_runs_where_nothing_stands_still(play):
    out, window = play("CartPole-v1", "--speed", 20, script=["left"], wait=60)
    assert out.startswith("you: 1 episode, return ")
    assert {moment.action for moment in window.playback.players[0].moments} == {0, None}


def test_an_agent_plays_the_same_episode_beside_one(play, runs):
    out, window = play(CLIFF, "--against", runs["cliff"], "--episode", 2, script=BEST, wait=100)
    you, other = window.playback.players
    assert (you.name, other.name) == ("you", "q-learning")
    assert (you.seed, you.episode, you.horizon) == (other.seed, other.episode, other.horizon) == (5, 1, 60)
    assert you.at(0).observation == other.at(0).observation
    assert other.now.ended, "it plays on where the person has ended"
    assert out == "you: 1 episode, return -13\n"
    assert window.playback.title == f"you against q-learning · {CLIFF}"


def test_who_plays_against_a_run_has_its_options(play, runs):
    _, window = play(CLIFF, "--against", f"{runs['slippery']}@best")
    assert [player.factory.options["slip"] for player in window.playback.players] == [0.1, 0.1]
    _, window = play(CLIFF, "--against", runs["slippery"], "--seed", 7, "--horizon", 9)
    assert [(player.seed, player.horizon) for player in window.playback.players] == [(7, 9), (7, 9)]


# Keeping


@pytest.fixture
def minari():
    pytest.importorskip("h5py")
    return pytest.importorskip("minari")


def test_episodes_are_kept_as_a_data_set(play, minari):
    out, _ = play(CLIFF, "--save", "human/cliff", script=[*BEST, "return", *BEST, "return", "up"])
    assert out == "you: 2 episodes, mean return -13\nsaved as the Minari data set human/cliff-v0\n"
    kept = minari.load_dataset("human/cliff-v0")
    assert kept.total_episodes == 2, "the one that was broken off is none"
    for number, episode in enumerate(kept.iterate_episodes()):
        assert episode.actions.tolist() == [0, *[1] * 11, 2]
        assert episode.rewards.sum() == -13
        assert episode.observations[[0, -1]].tolist() == [36, 47]
        assert episode.terminations.tolist() == [*[False] * 12, True]
        assert kept.storage.get_episode_metadata([number])
    env = kept.recover_environment()
    assert env.spec.id == CLIFF
    env.close()


def test_without_an_episode_nothing_is_saved(play, minari, tmp_path):
    out, _ = play(CLIFF, "--save", "human/cliff", script=["up"])
    assert out == "no episode came to its end, so nothing is saved\n"
    assert not list((tmp_path / "minari").glob("**/cliff*"))


def test_what_was_played_is_kept_when_it_is_broken_off(cli, play, minari, monkeypatch):
    with pytest.raises(AssertionError, match="interrupted"):
        play(CLIFF, "--save", "human/cliff", script=[*BEST, "return", "up", KeyboardInterrupt()])
    assert minari.load_dataset("human/cliff-v0").total_episodes == 1


# Help and errors


def test_help_knows_the_environment(cli):
    status, alone, _ = cli("--help")
    assert status == 0 and "--against" in alone and "--env.slip" not in alone
    status, both, _ = cli(CLIFF, "--help")
    assert status == 0 and "--env.slip" in both
    status, _, complaint = cli("arena/CliffWlk-v0", "--help")
    assert status == 2 and f"did you mean '{CLIFF}'" in complaint


ERRORS = [
    ("", "arena play needs ENV; see `arena play --help`"),
    ("arena/CliffWlk-v0", "did you mean 'arena/CliffWalk-v0'"),
    (f"{CLIFF} more", "arena play has no argument for 'more'"),
    (f"{CLIFF} --env.slipp 1", "did you mean --env.slip?"),
    (f"{CLIFF} --env.slip 7", "env.slip is 7"),
    (f"{CLIFF} --against nowhere", "nowhere is not a run: it has no run.json; see `arena list runs`"),
    (f"{CLIFF} --against LAKE", "plays FrozenLake-v1, not arena/CliffWalk-v0; arena play FrozenLake-v1"),
    (f"{CLIFF} --against CLIFF@7", "has no snapshot '7'; give best, last, or a step such as"),
    (
        f"{CLIFF} --against SLIPPERY --env.slip 0.5",
        "has other options of arena/CliffWalk-v0; leave out --env.…",
    ),
    (f"{CLIFF} --seed -1", "--seed is -1"),
    (f"{CLIFF} --episode 0", "--episode is 0"),
    (f"{CLIFF} --speed 0", "--speed is '0'; give a positive number"),
    (f"{CLIFF} --size 9x9", "give sides from 64 to 8192"),
    (f"{CLIFF} --save x", "'x' names no data set; choose words of 2 to 100 letters"),
    (f"{CLIFF} --save data/x", "names no data set"),
    (f"{CLIFF} --record film.mp4", "--record is not an option of arena play"),
]


@pytest.mark.parametrize(("words", "message"), ERRORS, ids=[words or "nothing" for words, _ in ERRORS])
def test_what_is_wrong_is_said_in_one_line_before_a_window_opens(cli, runs, monkeypatch, words, message):
    monkeypatch.setattr(Window, "__init__", lambda *_, **__: pytest.fail("a window"))
    for name, folder in runs.items():
        words = words.replace(name.upper(), folder)
    status, out, complaint = cli(*words.split())
    assert (status, out) == (2, "")
    assert message in complaint
    assert complaint.count("\n") == 1 and complaint.startswith("arena: ")


@pytest.mark.parametrize("missing", ["minari", "h5py"])
def test_without_minari_saving_is_refused_before_anybody_plays(cli, monkeypatch, missing):
    monkeypatch.setattr(Window, "__init__", lambda *_, **__: pytest.fail("a window"))
    monkeypatch.setitem(sys.modules, missing, None)
    status, out, complaint = cli(CLIFF, "--save", "human/cliff")
    assert (status, out) == (2, "")
    assert "episodes are kept by Minari" in complaint and "pip install 'arena-rl[minari]'" in complaint


def test_without_a_display_nobody_plays(cli, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    if sys.platform in ("win32", "darwin"):
        pytest.skip("there always is one")
    status, _, complaint = cli(CLIFF)
    assert status == 2
    assert "there is no display to open a window on; play where there is one" in complaint
    assert not Path("runs").exists()
