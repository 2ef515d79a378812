"""`arena watch` from the outside: whom it shows, what its flags do, and its errors of one line."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from watched_runs import trained, without_display

import arena
from arena.cli import main
from arena.runs.loaded_agent import LoadedAgent
from arena.runs.run import Run
from arena.storage.codec import encode
from arena_viewer import watching
from arena_viewer.follower import RunFollower
from arena_viewer.window import Window

PAIR = ("q-learning", "arena/CliffWalk-v0")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return trained(tmp_path_factory)


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """Runs `arena watch` in a folder of its own, without a display; status, standard output and error."""
    without_display(monkeypatch, tmp_path)

    def call(*words):
        status = main(["watch", *map(str, words)])
        return status, *capsys.readouterr()

    return call


@pytest.fixture
def shows(monkeypatch):
    """The shows that are put together."""
    found, playback_of = [], watching.playback_of

    def caught(*args, **settings):
        found.append(playback_of(*args, **settings))
        return found[-1]

    monkeypatch.setattr(watching, "playback_of", caught)
    return found


@pytest.fixture
def shown(cli, shows, monkeypatch):
    """The show that a command would film."""
    monkeypatch.setattr(
        "arena_viewer.watch_command.record_film",
        lambda playback, args, columns: {"title": "", "frames": 0, "path": ""},
    )

    def call(*words):
        status, _, complaint = cli(*words, "--record", "film.png")
        assert status == 0, complaint
        return shows[-1]

    return call


def learned(run, which):
    return encode({"agent": LoadedAgent(Run.open(Path(run)), which).agent.snapshot()})


def knows(player):
    return encode({"agent": player.actor.agent.snapshot()})


# Whom it shows


@pytest.mark.parametrize("which", ["last", "best", "4000"])
def test_a_run_is_watched_at_its_end_at_its_best_or_at_any_snapshot(runs, shown, which):
    for words in ([f"{runs['cliff']}@{which}"], [runs["cliff"], "--at", which]):
        playback = shown(*words)
        [player] = playback.players
        assert knows(player) == learned(runs["cliff"], which)
        assert playback.title == "q-learning · arena/CliffWalk-v0"
        assert which != "4000" or playback.status == "after 4,000 steps"


def test_several_runs_meet_the_same_episodes(runs, shown):
    playback = shown(runs["lake"], f"{runs['lake']}@100", runs["lake"])
    assert {player.seed for player in playback.players} == {5}
    assert len({player.now.observation for player in playback.players}) == 1
    playback = shown(runs["cliff"], runs["sarsa"], f"{runs['cliff']}@2000")
    assert [player.name for player in playback.players] == ["q-learning", "sarsa", "q-learning"]
    assert playback.title == "q-learning and sarsa · arena/CliffWalk-v0"
    assert len({knows(player).arrays for player in playback.players}) == 3


def test_a_pair_plays_untrained_with_its_options(shown, tmp_path):
    playback = shown(*PAIR, "--agent.initial_value", 3, "--env.slip=0.3", "--seed", 9)
    [player] = playback.players
    assert playback.title == "q-learning (untrained) · arena/CliffWalk-v0"
    assert player.actor.agent.config.initial_value == 3
    assert player.factory.options["slip"] == 0.3
    assert (player.seed, player.curve) == (9, None)
    assert os.listdir(tmp_path) == [], "nothing was trained"


@pytest.mark.parametrize("words", [["--train", "--steps", 600], ["--steps", "0.6k"]])
def test_a_pair_is_trained_first_where_that_is_asked_for(shown, tmp_path, words):
    playback = shown(*PAIR, *words, "--seed", 2, "--out", "here", "--agent.learning_rate", 0.25)
    [folder] = (tmp_path / "here").iterdir()
    assert Run.open(folder).result()["steps"] == 600
    assert Run.open(folder).spec.options["learning_rate"] == 0.25
    [player] = playback.players
    assert knows(player) == learned(folder, "last")
    assert player.seed == 2
    assert playback.title == "q-learning · arena/CliffWalk-v0"


def test_a_grid_plays_other_episodes_at_once(runs, shown):
    playback = shown(runs["cliff"], "--grid", "2x3")
    assert [player.name for player in playback.players] == [f"episode {n}" for n in range(1, 7)]
    assert len({id(player.actor.agent) for player in playback.players}) == 1, "one agent"
    assert len({id(player.actor) for player in playback.players}) == 6, "of several actors"
    returns = recorded_episodes(playback)
    assert returns == evaluated(runs["cliff"], 6)


def test_a_grid_of_several_runs_shares_its_episodes_between_them(runs, shown):
    playback = shown(runs["cliff"], runs["sarsa"], "--grid", "2x2")
    assert [player.name for player in playback.players] == [
        "q-learning · episode 1", "sarsa · episode 1", "q-learning · episode 2", "sarsa · episode 2",
    ]  # fmt: skip
    returns = recorded_episodes(playback)
    assert [returns[::2], returns[1::2]] == [evaluated(runs[name], 2) for name in ("cliff", "sarsa")]
    assert len(shown(runs["cliff"], runs["sarsa"], "--grid", "1x1").players) == 2, "nobody is left out"


def recorded_episodes(playback):
    """The returns of the episodes that have begun."""
    for player in playback.players:
        while player.advance():
            pass
    return [player.now.total for player in playback.players]


def evaluated(run, count):
    loaded = LoadedAgent(Run.open(Path(run)))
    experiment = loaded.run.spec
    evaluator = arena.training.evaluation.Evaluator(
        loaded.environment, type(loaded.agent), experiment.horizon, count, 5
    )
    with contextlib.closing(evaluator):
        return evaluator(loaded.agent).tolist()


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        (["--checkpoints"], [2000, 4000, 6000, 8000]),
        (["--checkpoints", "side-by-side"], [2000, 4000, 6000, 8000]),
        (["--checkpoints", "--grid", "1x3"], [2000, 6000, 8000]),
        (["--checkpoints", "--grid", "1x2"], [2000, 8000]),
        (["--checkpoints", "--grid", "1x1"], [2000, 8000]),
    ],
)
def test_snapshots_stand_side_by_side_the_first_and_the_last_among_them(runs, shown, words, steps):
    playback = shown(runs["cliff"], *words)
    assert [player.name for player in playback.players] == [f"after {step:,} steps" for step in steps]
    for player, step in zip(playback.players, steps, strict=True):
        assert knows(player) == learned(runs["cliff"], str(step))


def test_a_time_lapse_plays_one_episode_by_every_snapshot(runs, shown):
    playback = shown(runs["cliff"], "--checkpoints", "lapse", "--episode", 2)
    [player] = playback.players
    for step in (2000, 4000, 6000, 8000):
        assert playback.status == f"after {step:,} steps"
        assert knows(player) == learned(runs["cliff"], str(step))
        assert playback.episode == 1
        while not playback.tick(10.0):
            pass
    assert (playback.status, playback.episode) == ("after 2,000 steps", 2), "and then the next episode"


# How it shows them


def test_flags_say_how_episodes_are_played(runs, shown):
    [player] = shown(runs["cliff"]).players
    assert (player.seed, player.episode, player.horizon, player.explore) == (5, 0, 60, False)
    words = ("--seed", 0, "--episode", 3, "--horizon", 7, "--explore")
    [player] = shown(runs["cliff"], *words).players
    assert (player.seed, player.episode, player.horizon, player.explore) == (0, 2, 7, True)
    while player.advance():
        pass
    assert player.now.step <= 7


def test_speed_is_what_was_asked_for_or_the_environment_s(runs, shown):
    assert shown(runs["cliff"], "--speed", 100).speed == 100
    assert shown("random", "CartPole-v1").speed == 50


def test_overlays_are_on_from_the_beginning(runs, shown):
    before = {overlay.spec.name: overlay.on for overlay in shown(runs["cliff"]).overlays}
    after = {
        overlay.spec.name: overlay.on
        for overlay in shown(runs["cliff"], "--overlay", "values", "visits").overlays
    }
    assert {name for name in after if after[name] != before[name]} == {"values", "visits"}


# The window


@pytest.fixture
def window(cli, monkeypatch):
    """Opens windows that nobody sees, and closes them after a few frames."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")

    def run(window):
        windows.append(window)
        for _ in range(3):
            window.frame(0.1)
        window.size_was = tuple(window.window.size)
        window.close()

    windows = []
    monkeypatch.setattr(Window, "run", run)

    def call(*words):
        status, _, complaint = cli(*words)
        assert status == 0, complaint
        return windows[-1]

    return call


def test_a_window_is_opened_where_there_is_a_display(runs, window):
    opened = window(runs["cliff"], "--size", "400x300", "--scale", 1.5, "--grid", "1x2")
    assert opened.size_was == (600, 450)
    assert opened.renderer.columns == 2
    assert len(opened.playback.players) == 2


def test_a_run_that_another_process_trains_is_followed(runs, window):
    with Run.open(Path(runs["cliff"])).locked():
        assert isinstance(window(runs["cliff"]).playback.follower, RunFollower)
        assert window(f"{runs['cliff']}@best").playback.follower is None
        assert window(runs["cliff"], "--at", "2000").playback.follower is None
        assert window(runs["cliff"], "--checkpoints").playback.follower is None
        assert window(runs["cliff"], runs["sarsa"]).playback.follower is None
    assert window(runs["cliff"]).playback.follower is None
    assert isinstance(window(runs["cliff"], "--follow").playback.follower, RunFollower)
    assert not (Path(runs["cliff"]) / "live").exists(), "who watched has gone"


# Help and errors


def test_help_knows_the_pair(cli):
    status, alone, _ = cli("--help")
    assert status == 0 and "--checkpoints" in alone and "--agent.discount" not in alone
    status, both, _ = cli(*PAIR, "--help")
    assert status == 0 and "--agent.discount" in both and "--env.slip" in both
    status, _, complaint = cli("q-lerning", PAIR[1], "--help")
    assert status == 2 and "did you mean 'q-learning'" in complaint


def test_help_of_a_run_has_no_options_of_agents(cli, runs):
    status, out, _ = cli(runs["cliff"], "--help")
    assert status == 0 and "--agent.discount" not in out


RECORD = ("--record", "film.png")

ERRORS = [
    ("nowhere", "nowhere is no run folder; see `arena list runs`"),
    ("CLIFF nowhere", "nowhere is not a run: it has no run.json; see `arena list runs`"),
    (".", ". is not a run"),
    ("CLIFF@123", "has no snapshot '123'; give best, last, or a step such as 2000, 4000"),
    ("CLIFF --at 123", "has no snapshot '123'"),
    ("CLIFF --at worst", "has no snapshot 'worst'"),
    ("q-learning", "q-learning is an agent, and ENV is missing; write `arena watch q-learning ENV`"),
    ("q-lerning arena/CliffWalk-v0", "no agent is called 'q-lerning'; did you mean 'q-learning'"),
    ("q-learning arena/CliffWlk-v0", "did you mean 'arena/CliffWalk-v0'"),
    ("q-learning Pendulum-v1", "q-learning takes discrete observations"),
    ("q-learning arena/CliffWalk-v0 --agent.discont 1", "did you mean --agent.discount?"),
    ("q-learning arena/CliffWalk-v0 --checkpoints", "give --train, or a run folder"),
    ("q-learning arena/CliffWalk-v0 --checkpoints lapse", "give --train, or a run folder"),
    ("q-learning arena/CliffWalk-v0 --follow", "give --train, or a run folder"),
    ("q-learning arena/CliffWalk-v0 --at best", "give --train, or a run folder"),
    ("CLIFF --agent.discount 0.5", "--agent.discount is no option of this command"),
    ("CLIFF --train", "--train is for AGENT ENV; `arena resume RUN --steps N` trains a run further"),
    ("CLIFF --steps 5", "--train is for AGENT ENV"),
    ("FIT", "fitted the encoder pca, which does not act; give a run of `arena train`"),
    ("FIT --follow", "fitted the encoder pca"),
    ("FIT --checkpoints", "fitted the encoder pca"),
    ("CLIFF LAKE", "arena/CliffWalk-v0 and FrozenLake-v1; watch runs of one environment together"),
    ("CLIFF SHORT", "and arena/CliffWalk-v0 with other options; watch runs of one environment together"),
    ("CLIFF SARSA --checkpoints", "are for one run; give one run folder"),
    ("CLIFF SARSA --checkpoints lapse", "are for one run; give one run folder"),
    ("CLIFF SARSA --follow", "are for one run; give one run folder"),
    ("SHORT --checkpoints", "has 1 snapshot, one an evaluation; train with --evaluate-every N"),
    ("CLIFF --checkpoints sideways", "did you mean side-by-side?"),
    ("CLIFF --overlay vales", "no overlay is called 'vales'; did you mean 'values'"),
    ("CLIFF --grid 4", "--grid is '4'; write it like 4x4"),
    ("CLIFF --grid 0x4", "--grid is 0x4, 0 worlds; give from 1 to 100"),
    ("CLIFF --grid 11x10", "110 worlds; give from 1 to 100"),
    ("CLIFF --size 10x10", "--size is 10x10; give sides from 64 to 8192"),
    ("CLIFF --scale 0", "--scale is '0'; give a positive number"),
    ("CLIFF --speed nan", "--speed is 'nan'; give a positive number"),
    ("CLIFF --fps 0", "--fps is 0"),
    ("CLIFF --episode 0", "--episode is 0"),
    ("CLIFF --episodes 0", "--episodes is 0"),
    ("CLIFF --horizon 0", "--horizon is 0"),
    ("CLIFF --seed -1", "--seed is -1"),
    ("", "arena watch needs RUN; see `arena watch --help`"),
]


@pytest.mark.parametrize(("words", "message"), ERRORS, ids=[words or "nothing" for words, _ in ERRORS])
def test_what_is_wrong_is_said_in_one_line_with_its_remedy(cli, runs, words, message):
    for name, folder in runs.items():
        words = words.replace(name.upper(), folder)
    status, out, complaint = cli(*words.split(), *(RECORD if words else ()))
    assert (status, out) == (2, "")
    assert message in complaint
    assert complaint.count("\n") == 1 and complaint.startswith("arena: ") and "; " in complaint
    assert not list(Path().glob("film*"))


@pytest.mark.parametrize("flag", ["--fps 10", "--episodes 2", "--json"])
def test_what_is_for_films_is_refused_without_one(cli, runs, flag):
    status, out, complaint = cli(runs["cliff"], *flag.split())
    assert (status, out) == (2, "") and complaint.count("\n") == 1
    assert f"{flag.split()[0]} is for films; give --record FILE.mp4 as well" in complaint


@pytest.mark.parametrize("words", [("--train",), ("--steps", 100)])
def test_a_film_that_is_none_is_refused_before_anything_is_trained_for_it(cli, words):
    for wrong, message in (
        (("--record", "bad.xyz"), "bad.xyz is no film"),
        (("--record", "x.png", "--scale", 1000), "pixels cannot be made; give sides from 2 to 16,384"),
    ):
        status, out, complaint = cli(*PAIR, *words, *wrong)
        assert (status, out) == (2, "") and message in complaint and complaint.count("\n") == 1
        assert not list(Path().iterdir())


def test_a_folder_that_is_called_like_an_agent_does_not_hide_it(shown, tmp_path):
    (tmp_path / PAIR[0]).mkdir()
    assert shown(*PAIR).title == "q-learning (untrained) · arena/CliffWalk-v0"


def test_without_a_display_one_is_told_to_film(cli, runs):
    status, _, complaint = cli(runs["cliff"])
    assert status == 2
    assert "there is no display to open a window on; give --record FILE.mp4" in complaint


def test_what_cannot_be_recorded_is_said(cli, runs, tmp_path):
    status, _, complaint = cli(runs["cliff"], "--record", "film.avi")
    assert (
        status == 2 and "film.avi is no film; record to a file that ends in .mp4, .gif or .png" in complaint
    )
    (tmp_path / "file").touch()
    status, _, complaint = cli(runs["cliff"], "--record", tmp_path / "file" / "film.png")
    assert status == 2 and "cannot write" in complaint and complaint.count("\n") == 1
