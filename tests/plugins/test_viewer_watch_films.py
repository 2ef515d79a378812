"""Films of `arena watch`: equal bytes, what happened in each frame, the returns of evaluations, in bounded memory."""

from __future__ import annotations

import contextlib
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pygame
import pytest
from planted_worlds import Corridor, Film, Walker, player_of
from watched_runs import CLIFF, trained, without_display

from arena.agents.actor import Estimates
from arena.cli import main
from arena.palette import ACCENT
from arena.random.generators import Generators
from arena.runs.resolve import resolve_experiment
from arena_gridworld.observation.styles import WALKER
from arena_viewer.drawing import SMALL, Canvas
from arena_viewer.filming import frames
from arena_viewer.playback import HOLD, Playback
from arena_viewer.renderer import Renderer
from arena_viewer.roles import make_players, role_from_run, untrained_role

#: A step a frame, and narrow, so that there is no panel.
BRIEF = ("--size", "320x200", "--fps", "8", "--speed", "8")

#: Tiny frames, each of many steps, where only the returns matter.
QUICK = ("--size", "96x64", "--fps", "8", "--speed", "1000")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return trained(tmp_path_factory)


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """Runs a verb in a folder of its own, without a display; standard output."""
    without_display(monkeypatch, tmp_path)

    def call(*words):
        status = main([*map(str, words)])
        out, complaint = capsys.readouterr()
        assert status == 0, complaint
        return out

    return call


@pytest.fixture
def film(cli):
    """Records a film; the object that --json prints."""

    def call(*words, to="film.png", shape=BRIEF):
        description = json.loads(cli("watch", *words, *shape, "--record", to, "--json"))
        assert description.keys() == {"path", "title", "frames", "fps", "returns"}
        assert (description["path"], description["fps"]) == (to, 8)
        return description

    return call


def numbered(name="film"):
    return sorted(Path().glob(f"{name}-*.png"))


def pixels(path):
    from PIL import Image

    with Image.open(path) as picture:
        return np.array(picture.convert("RGB"))


@pytest.mark.parametrize("words", [["cliff"], ["cliff", "sarsa", "--explore"], ["cliff", "--checkpoints"]])
def test_the_same_command_films_the_same_bytes(runs, film, words):
    words = [runs.get(word, word) for word in words]
    described = film(*words, "--horizon", 12, "--overlay", "values", "visits")
    first = [path.read_bytes() for path in numbered()]
    assert len(first) == described["frames"] > 12
    again = film(*words, "--horizon", 12, "--overlay", "values", "visits", to="again.png")
    assert first == [path.read_bytes() for path in numbered("again")]
    assert {**described, "path": ""} == {**again, "path": ""}


def test_the_walker_is_where_it_was_in_every_frame(runs, film):
    pytest.importorskip("PIL")
    described = film(runs["cliff"], "--overlay", "values")
    [player] = make_players([role_from_run(runs["cliff"])])
    while player.advance():
        pass
    # Each of the film's frames is one step; at the end of the episode it stays.
    assert described["frames"] >= player.now.step + HOLD * 8
    area, walked = picture_of(player), set()
    for step, path in enumerate(numbered()):
        state = player.at(step).scene
        row, column = divmod(player.painter.cell(state), player.painter.columns)
        assert cell_of(pixels(path), area, player.painter) == (row, column), f"step {step}"
        walked.add((row, column))
    assert len(walked) > 10
    player.close()


def picture_of(player):
    """Where the world is drawn in a film of this size."""
    renderer, playback = Renderer(hint=False), Playback([player], title="", speed=8)
    renderer.draw(pygame.Surface((320, 200)), playback)
    return renderer.pictures[0]


def cell_of(frame, area, painter):
    """The row and the column of the cell that is bluest."""
    part = frame[round(area.y) : round(area.bottom), round(area.x) : round(area.right)]
    blue = (np.abs(part.astype(int) - WALKER).sum(axis=2) < 12).astype(float)
    tile = blue.shape[0] // painter.rows
    cells = blue.reshape(painter.rows, tile, painter.columns, tile).sum(axis=(1, 3))
    assert (cells > 0).sum() == 1, "one walker"
    return np.unravel_index(cells.argmax(), cells.shape)


def test_returns_are_the_evaluation_s(runs, film, cli):
    judged = json.loads(cli("eval", runs["cliff"], "--json"))["evaluation"]["returns"]
    assert len(set(judged)) > 1
    assert film(runs["cliff"], "--episodes", 3, shape=QUICK)["returns"] == [judged[:3]]
    assert film(runs["cliff"], "--episodes", 2, "--episode", 3, shape=QUICK)["returns"] == [judged[2:4]]
    assert film(runs["cliff"], "--grid", "2x2", shape=QUICK)["returns"] == [[value] for value in judged[:4]]
    best = json.loads(cli("eval", runs["cliff"], "--at", "best", "--json"))["evaluation"]["returns"]
    assert film(f"{runs['cliff']}@best", shape=QUICK)["returns"] == [best[:1]]


def test_a_time_lapse_is_as_long_as_there_are_snapshots(runs, film, cli):
    described = film(runs["lake"], "--checkpoints", "lapse", shape=QUICK)
    judged = [
        json.loads(cli("eval", runs["lake"], "--at", step, "--json"))["evaluation"]["returns"][0]
        for step in (100, 200, 300, 400)
    ]
    assert described["returns"] == [judged]
    assert len(film(runs["lake"], "--checkpoints", "lapse", "--episodes", 2, shape=QUICK)["returns"][0]) == 2


def test_who_sees_several_agents_sees_equal_episodes(runs, film, cli):
    judged = [
        json.loads(cli("eval", runs[name], "--json"))["evaluation"]["returns"] for name in ("cliff", "sarsa")
    ]
    described = film(runs["cliff"], runs["sarsa"], "--episodes", 2, shape=QUICK)
    assert described["returns"] == [returns[:2] for returns in judged]


def test_episodes_of_several_agents_begin_alike():
    players = make_players(
        [
            untrained_role(resolve_experiment(agent, "CartPole-v1", seeds=[3]))
            for agent in ("random", "reinforce")
        ]
    )
    begun = []
    for episode in range(4):
        for player in players:
            player.begin(episode)
        begun.append([tuple(player.now.observation) for player in players])
        player.advance()  # whatever the one does meanwhile
    assert all(one == other for one, other in begun)
    assert len({one for one, _ in begun}) == 4
    for player in players:
        player.close()


@pytest.mark.filterwarnings("always:overlay:UserWarning")
def test_an_overlay_that_is_not_in_the_film_is_warned_of(runs, cli, capsys):
    words = ["watch", runs["cliff"], *BRIEF, "--horizon", "3", "--record", "film.png"]
    assert main([*words, "--overlay", "latent", "values"]) == 0
    complaint = capsys.readouterr().err
    assert "overlay latent is not in the film: " in complaint and "overlay values" not in complaint
    assert complaint.count("\n") == 1
    assert main([*words, "--overlay", "values"]) == 0
    assert not capsys.readouterr().err, "nobody asked for the others"


@pytest.mark.parametrize("speed", [5.0, 8.0, 50.0])
@pytest.mark.parametrize("budget", [None, 20_000])
def test_the_handle_of_a_film_never_goes_back(speed, budget):
    playback = Playback([player_of(20, budget=budget), player_of(12, budget=budget)], speed=speed)
    renderer, episodes, handles = Renderer(hint=False), 0, []
    while episodes < 2:
        surface = pygame.Surface((700, 500))
        renderer.draw(surface, playback)
        line = renderer.timeline
        row = pygame.surfarray.pixels3d(surface)[:, round(line.middle[1])].copy()
        here = int(np.flatnonzero((row == ACCENT).all(-1)).max())
        assert handles or here == pytest.approx(line.x + 5.5, abs=1), "it begins at the left"
        # The line is shorter where the words beside it are longer.
        share = (here - line.x - 5.5) / line.width
        assert not handles or share >= handles[-1] - 2 / line.width
        handles.append(share)
        if playback.over:
            assert share == pytest.approx(1, abs=2 / line.width)
        if playback.tick(1 / 16):
            episodes, handles = episodes + 1, []


def test_without_json_a_line_says_what_was_filmed(runs, cli):
    out = cli("watch", runs["lake"], *BRIEF, "--horizon", 3, "--record", "film.png")
    assert out == f"q-learning · FrozenLake-v1: {len(numbered())} frames → film.png\n"


def test_an_environment_that_ends_pygame_does_not_end_films(runs, cli):
    """Gymnasium's FrozenLake does so when it is closed."""
    for name in ("first", "second"):
        cli("watch", runs["lake"], *BRIEF, "--horizon", 2, "--record", f"{name}.png")
        pygame.quit()
    assert [path.read_bytes() for path in numbered("first")] == [
        path.read_bytes() for path in numbered("second")
    ]


@pytest.mark.parametrize(
    ("words", "shape"),
    [
        ((), (200, 320, 3)),
        (("--scale", "2"), (400, 640, 3)),
        (("--scale", "0.5"), (100, 160, 3)),
        (("--size", "640x480"), (480, 640, 3)),
    ],
)
def test_size_is_in_points_and_scale_pixels_a_point(runs, cli, words, shape):
    pytest.importorskip("PIL")
    cli("watch", runs["lake"], *BRIEF, "--horizon", 2, *words, "--record", "film.png")
    assert pixels(numbered()[0]).shape == shape


def test_frames_a_second_say_how_many_frames_there_are(runs, cli):
    counts = []
    for fps in (4, 8, 16):
        words = ("--size", "96x64", "--horizon", 16, "--speed", 8, "--fps", fps)
        out = cli("watch", "random", CLIFF, *words, "--record", f"{fps}.png", "--json")
        counts.append(json.loads(out)["frames"])
    seconds = 16 / 8 + HOLD
    for fps, count in zip((4, 8, 16), counts, strict=True):
        assert abs(count - fps * seconds) <= 3


@pytest.mark.parametrize(("name", "magic"), [("f.mp4", b"ftyp"), ("f.gif", b"GIF8"), ("deep/f.mp4", b"ftyp")])
def test_films_are_made_of_any_kind(runs, film, name, magic):
    pytest.importorskip("imageio_ffmpeg")
    described = film(runs["lake"], "--horizon", 3, to=name)
    assert described["frames"] > 10
    assert magic in Path(name).read_bytes()[:12]


def test_a_film_that_breaks_off_leaves_no_file(runs, cli, capsys, monkeypatch):
    pytest.importorskip("imageio_ffmpeg")
    advance = "arena_viewer.player.Player.advance"
    monkeypatch.setattr(advance, lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
    assert main(["watch", runs["lake"], *BRIEF, "--record", "film.mp4"]) == 2
    assert "interrupted" in capsys.readouterr().err
    left = {path.name for path in Path().iterdir()}
    assert left <= {"film.mp4"}, "at most what was filmed until then"


class Forgetful(Walker):
    """It keeps nothing of what it saw."""

    def act(self, observation, *, explore=False):
        return 1

    def estimates(self):
        return Estimates()


@pytest.mark.parametrize("kind", [Corridor, Film])
def test_an_hour_takes_no_more_memory_than_a_minute(kind, monkeypatch):
    length, surface = 6000, pygame.Surface((96, 64))
    monkeypatch.setattr(Generators, "lent", lambda self, name: contextlib.nullcontext())  # slow to trace
    playback = Playback([player_of(length, kind, Forgetful(), budget=1)], title="", speed=1000.0)
    film = frames(playback, Renderer(), (96, 64), 1.0, 16, 1)

    def peak(until):
        tracemalloc.reset_peak()
        while playback.newest < until:
            next(film)
        return tracemalloc.get_traced_memory()[1]

    tracemalloc.start()
    try:
        for count in range(2000):  # as many words as are ever kept ready
            Canvas(surface).text((0, 0), f"{count:,} / {count:,}", SMALL, (0, 0, 0))
        early, late = peak(1500), peak(length)
    finally:
        tracemalloc.stop()
    assert late < early + 100_000, f"{early:,} bytes, and later {late:,}"
    assert len(playback.players[0].moments) <= 2
    playback.close()
