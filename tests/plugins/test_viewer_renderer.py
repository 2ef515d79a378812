"""What a stage draws, pixel by pixel, with no display: worlds, tiles, the timeline, the panel, overlays."""

import itertools
import math

import numpy as np
import pygame
import pytest
from planted_worlds import BLUE, Film, Red, Walker, player_of, shown_of

from arena.agents.actor import Estimates
from arena.environments.factory import EnvironmentFactory
from arena.palette import ACCENT
from arena_gridworld.observation.styles import WALKER
from arena_viewer.drawing import Canvas
from arena_viewer.frames import rgb_array
from arena_viewer.keys import sheet
from arena_viewer.playback import Playback
from arena_viewer.player import Player
from arena_viewer.renderer import NARROW, SIZE, WHITE, Renderer

SCALES = (0.5, 1.0, 2.0)
SIZES = ((1120, 760), (700, 500), (500, 400), (333, 777))


@pytest.fixture(autouse=True)
def _no_display():
    pygame.quit()  # what Gymnasium's environments begin when they render
    yield
    assert not pygame.display.get_init() and not pygame.mixer.get_init()


def drawn(playback, size=SIZE, scale=1.0, renderer=None):
    """The pixels of a show, and the stage that drew them; the size is in pixels."""
    renderer, surface = renderer or Renderer(), pygame.Surface(size)
    renderer.draw(surface, playback, scale)
    return rgb_array(surface), renderer


def walk(actions="", place="arena/CliffWalk-v0", **options):
    """A show of a grid in which somebody walked."""
    player = Player(EnvironmentFactory.resolve(place, options), Walker(action=0), horizon=1000)
    for letter in actions:
        player.advance("urdl".index(letter))
    playback = Playback([player])
    playback.seek(playback.newest)
    return playback


def pixels(area, scale):
    """An area of points as a slice of pixels."""
    box = Canvas(pygame.Surface((1, 1)), scale).pixels(area)
    return np.s_[box.top : box.bottom, box.left : box.right]


def cells(frame, area, scale, rows, columns):
    """The cells of a picture in which there is walker."""
    part = frame[pixels(area, scale)]
    found = np.argwhere((part == WALKER).all(-1))
    return {(int(y * rows / part.shape[0]), int(x * columns / part.shape[1])) for y, x in found}


# Worlds


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("actions", ["", "uurrrrrrrr"])
def test_the_walker_is_where_the_scene_says(size, scale, actions):
    playback = walk(actions)
    frame, renderer = drawn(playback, size, scale)
    painter, scene = playback.players[0].painter, playback.players[0].now.scene
    expected = divmod(painter.cell(scene), painter.columns)
    assert expected == (3 - actions.count("u"), actions.count("r"))
    (picture,) = renderer.pictures
    assert cells(frame, picture, scale, painter.rows, painter.columns) == {expected}
    # The picture is the painter's, untouched, and fits into the window.
    part = frame[pixels(picture, scale)]
    assert np.array_equal(part, painter.paint(scene, part.shape[1], part.shape[0]))
    assert picture.x >= 0 and picture.right * scale <= size[0]
    assert picture.y >= 0 and picture.bottom * scale <= size[1]


def test_between_two_steps_the_walker_is_on_its_way():
    playback = walk("ur")
    places = []
    for position in (1.0, 1.25, 1.5, 1.75, 2.0):
        playback.position = position
        frame, renderer = drawn(playback)
        found = (frame[pixels(renderer.pictures[0], 1.0)] == WALKER).all(-1)
        places.append(np.argwhere(found).mean(0)[1])
    assert np.allclose(np.diff(places), np.diff(places).mean(), atol=1.0) and places[-1] > places[0] + 20


def test_going_back_shows_the_very_same_picture():
    playback = walk("uurr")
    frames = []
    for step in (0, 1, 2, 3, 4, 3, 2, 1, 0):
        playback.seek(step)
        frames.append(drawn(playback)[0])
    for before, after in zip(frames[:4], frames[:4:-1], strict=True):
        assert np.array_equal(before, after)


@pytest.mark.parametrize("scale", SCALES)
def test_frames_keep_their_proportions_and_small_ones_their_squares(scale):
    player = player_of(kind=Film, size=(20, 40))
    for _ in range(7):
        player.advance()
    playback = Playback([player])
    playback.seek(7)
    frame, renderer = drawn(playback, (800, 600), scale)
    part = frame[pixels(renderer.pictures[0], scale)]
    height, width = part.shape[:2]
    assert width == 2 * height and width % 40 == 0 and width > 80
    columns = np.flatnonzero((part == BLUE).all((0, 2)))
    assert (columns * 40 // width == 7).all() and len(columns) == width // 40


def test_a_world_without_a_picture_shows_what_it_observes():
    class Odd(Walker):
        pass

    player = player_of(actor=Odd())
    playback = Playback([player])
    blank = drawn(playback)[0]
    player.advance()
    playback.seek(1)
    frame, renderer = drawn(playback)
    assert not np.array_equal(
        frame[pixels(renderer.pictures[0], 1.0)], blank[pixels(renderer.pictures[0], 1.0)]
    )


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1e300])
def test_a_broken_agent_is_shown_as_well(number):
    actor = Walker(estimates=Estimates(number, np.array([number, 1.0, 2.0]), np.array([number, 0.5, 0.5])))
    player = player_of(actor=actor)
    player.advance()
    object.__setattr__(player.now, "observation", np.array([1.0, number, -2.0]))
    object.__setattr__(player.now, "reward", number)
    player.rewards.append(number)
    player.returns.append(number)
    playback = Playback([player])
    playback.seek(1)
    drawn(playback)
    actor.given = Estimates(number, np.full(3, number))
    player.advance()
    playback.seek(2)
    drawn(playback)


@pytest.mark.parametrize("size", [(64, 64), (1, 1), (64, 2000), (2000, 64), (320, 240), (8000, 100)])
@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
def test_no_window_is_too_small(size, scale):
    for playback in (
        walk("ur"),
        Playback([player_of(kind=Film)]),
        Playback([player_of() for _ in range(16)]),
    ):
        playback.overlays = [shown_of(), shown_of(place="beside")]
        playback.say("a notice that is longer than the window is wide")
        drawn(playback, size, scale, Renderer(sheet=sheet([]), recording=True))


# The panel


def test_a_narrow_window_has_no_panel():
    playback = walk("ur")
    for width in (int(NARROW) + 47, int(NARROW) + 48):
        frame, renderer = drawn(playback, (width, 600))
        panel = frame[60:540, width - 24 - 292 : width - 24]
        white = (panel == WHITE).all(-1).mean() > 0.5
        assert white == (width >= NARROW + 48)
        assert (renderer.pictures[0].right < width - 24 - 292) == white


@pytest.mark.parametrize("height", [240, 300, 400])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_the_panel_stays_within_itself(height, scale):
    playback = walk("ur")
    playback.players[0].episode_actor.given = Estimates(1.0, np.arange(4.0))
    playback.forward()
    playback.overlays = [shown_of(place="beside")]
    low, tall = (drawn(playback, (round(1000 * scale), round(h * scale)), scale)[0] for h in (height, 1200))
    foot, panel = round(52 * scale), round(316 * scale)
    assert np.array_equal(low[-foot:, -panel:], tall[-foot:, -panel:])
    assert (tall == (255, 0, 0)).all(-1).any() and not (low == (255, 0, 0)).all(-1)[-foot:].any()


# Many worlds


@pytest.mark.parametrize("size", [SIZE, (500, 900), (1600, 300)])
@pytest.mark.parametrize(("count", "scale"), [(2, 1.0), (3, 1.0), (5, 1.0), (16, 1.0), (5, 2.0)])
def test_a_grid_shows_every_world_and_none_covers_another(count, size, scale):
    factory = EnvironmentFactory.resolve("arena/CliffWalk-v0")
    players = [Player(factory, Walker(), name=f"number {place}") for place in range(count)]
    for place, player in enumerate(players):
        for action in (0, *[1] * (place % 12)):
            player.advance(action)
    playback = Playback(players)
    playback.seek(playback.newest)
    frame, renderer = drawn(playback, (round(size[0] * scale), round(size[1] * scale)), scale)
    assert len(renderer.pictures) == count
    for place, picture in enumerate(renderer.pictures):
        assert cells(frame, picture, scale, 4, 12) == {(2, place % 12)}
        assert picture.x >= 0 and picture.right <= size[0]
        assert picture.y >= 56 and picture.bottom <= size[1] - 52
    for one, other in itertools.combinations(renderer.pictures, 2):
        assert one.right <= other.x or other.right <= one.x or one.bottom <= other.y or other.bottom <= one.y


def test_columns_are_taken_as_they_are_asked_for():
    playback = Playback([player_of(kind=Film) for _ in range(6)])
    for columns in (1, 2, 3, 6, 9):
        _, renderer = drawn(playback, renderer=Renderer(columns=columns))
        assert len({round(picture.x) for picture in renderer.pictures}) == min(columns, 6)


def test_who_wins_is_marked_at_the_end():
    playback = Playback([player_of(length, kind=Film) for length in (3, 5)], speed=1.0)
    marks = []
    for _ in range(5):
        playback.tick(1.0)
        frame, renderer = drawn(playback)
        marks.append(
            [
                (frame[int(p.bottom) + 4 : int(p.bottom) + 32, int(p.right) - 40 : int(p.right)] == ACCENT)
                .all(-1)
                .any()
                for p in renderer.pictures
            ]
        )
    assert marks == [[False, False]] * 4 + [[False, True]]


# The timeline


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("length", "budget"), [(100, None), (300, 30_000)])
def test_the_handle_is_where_the_position_is(scale, length, budget):
    playback = Playback([player_of(length, budget=budget)])
    while not playback.over:
        playback.forward()
    assert (playback.first > 0) == (budget is not None)
    for share in (0.1, 0.25, 0.5, 0.8, 1.0):
        step = round(playback.first + share * (playback.newest - playback.first))
        playback.seek(step)
        frame, renderer = drawn(playback, (round(900 * scale), round(600 * scale)), scale)
        line = renderer.timeline
        row = frame[round(line.middle[1] * scale)]
        blue = np.flatnonzero((row == ACCENT).all(-1))
        here = line.x + line.width * step / playback.newest
        # The handle is the widest blue run's end: its disc reaches half its width beyond the place.
        assert blue.max() / scale == pytest.approx(here + 5.5, abs=1.6 / scale + 0.5)


def test_the_timeline_is_as_long_as_the_longest_episode():
    playback = Playback([player_of(80)])
    while not playback.over:
        playback.forward()
    playback.go_to(1)
    for _ in range(40):
        playback.forward()
    frame, renderer = drawn(playback)
    line = renderer.timeline
    blue = np.flatnonzero((frame[round(line.middle[1])] == ACCENT).all(-1))
    assert blue.max() == pytest.approx(line.x + line.width / 2 + 5.5, abs=2)


def test_the_reward_is_that_of_the_moment_that_is_shown(monkeypatch):
    playback, texts, text = Playback([player_of(20)]), [], Canvas.text

    def noted(canvas, at, said, *rest, **more):
        texts.append(said)
        return text(canvas, at, said, *rest, **more)

    monkeypatch.setattr(Canvas, "text", noted)
    for _ in range(8):
        playback.forward()
    for step, figure in ((8, "8"), (3, "3"), (5, "5"), (0, "–")):
        playback.seek(step)
        texts.clear()
        drawn(playback)
        assert texts[texts.index("reward") + 1] == figure
        assert (f"step {step}" in texts) and not playback.ended
    while not playback.over:
        playback.forward()
    texts.clear()
    drawn(playback)
    assert "20 of 20" in texts and playback.span == 20


# Overlays


def test_an_overlay_covers_the_picture_and_nothing_else():
    playback = walk("ur")
    plain = drawn(playback)[0]
    playback.overlays = [shown_of()]
    frame, renderer = drawn(playback)
    inside = np.zeros(frame.shape[:2], bool)
    inside[pixels(renderer.pictures[0], 1.0)] = True
    assert (frame[inside] == (255, 0, 0)).all() and np.array_equal(frame[~inside], plain[~inside])
    playback.overlays[0].on = False
    assert np.array_equal(drawn(playback)[0], plain)


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("scale", SCALES)
def test_the_walker_stays_above_what_lies_on_the_ground(layer, scale):
    playback = walk("urr")
    playback.overlays = [shown_of(layer=layer)]
    frame, renderer = drawn(playback, SIZE, scale)
    (picture,) = renderer.pictures
    assert cells(frame, picture, scale, 4, 12) == {(2, 2)}
    red = (frame[pixels(picture, scale)] == (255, 0, 0)).all(-1)
    assert 46 / 48 < red.mean() < 1


def test_overlays_lie_in_the_order_of_their_layers():
    class Green(Red):
        def draw(self, canvas, area, context):
            canvas.fill(area, (0, 255, 0))

    playback = walk("urr")
    for layers, top in (((0, 1), (0, 255, 0)), ((1, 0), (255, 0, 0)), ((2, 1), (255, 0, 0))):
        playback.overlays = [shown_of(layer=layers[0]), shown_of(layer=layers[1], kind=Green, key="d")]
        frame, renderer = drawn(playback)
        x, y = renderer.pictures[0].x, renderer.pictures[0].y
        assert tuple(frame[int(y) + 2, int(x) + 2]) == top


@pytest.mark.parametrize("place", ["over", "beside"])
@pytest.mark.parametrize("fault", ["refusal", "height", "draw"])
def test_an_overlay_that_raises_is_switched_off_and_the_rest_goes_on(place, fault):
    playback = walk("ur")
    broken, sound = shown_of(place=place, fault=fault, name="a"), shown_of(place=place, name="b", key="d")
    playback.overlays = [sound]
    expected = drawn(playback)[0]
    playback.overlays = [broken, sound]
    drawn(playback)
    fails = not (place == "over" and fault == "height")
    assert broken.on != fails and sound.on and not sound.failed
    if fails:
        assert "ZeroDivisionError: in " + fault in broken.failed and "\n" not in broken.failed
        assert np.array_equal(drawn(playback)[0], expected)
        playback.switch(broken)
        assert not broken.on and broken.failed in playback.notice


def test_an_overlay_that_cannot_even_be_made_is_switched_off():
    playback = walk("ur")
    broken = shown_of(__init__=lambda self: 1 / 0)
    playback.overlays = [broken]
    drawn(playback)
    assert not broken.on and "ZeroDivisionError" in broken.failed


def test_an_overlay_hears_which_cell_the_mouse_is_over():
    made = []
    playback = walk("ur")
    playback.overlays = [shown_of(__init__=lambda self: made.append(self))]
    _, renderer = drawn(playback)
    picture = renderer.pictures[0]
    for row, column in itertools.product(range(4), range(12)):
        renderer.mouse = picture.cell(row, column, 4, 12).middle
        drawn(playback, renderer=renderer)
        assert (made[0].contexts[-1].cell, made[0].contexts[-1].hovers) == (12 * row + column, True)
    for mouse in (None, (0.0, 0.0), (picture.right + 1, picture.middle[1])):
        renderer.mouse = mouse
        drawn(playback, renderer=renderer)
        assert (made[0].contexts[-1].cell, made[0].contexts[-1].hovers) == (25, False), "the walker's own"


def test_every_player_has_an_overlay_of_its_own():
    made = []
    playback = Playback([player_of(kind=Film) for _ in range(3)])
    playback.overlays = [shown_of(__init__=lambda self: made.append(self))]
    for _ in range(2):
        drawn(playback)
    assert (
        len(made) == 3
        and [context.player for one in made for context in one.contexts[:1]] == playback.players
    )


# The list of keys


def test_the_sheet_covers_and_fits():
    playback = walk("ur")
    for size in (SIZE, (640, 400), (320, 240)):
        frame, _ = drawn(playback, size, renderer=Renderer(sheet=sheet([])))
        rows = np.flatnonzero((frame == WHITE).all(-1).any(1))
        assert rows.min() > 0 and rows.max() < size[1] - 1
