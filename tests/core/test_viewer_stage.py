"""What a stage draws, pixel by pixel, with no display: worlds, tiles, the timeline, the panel, overlays."""

import itertools
import math

import numpy as np
import pygame
import pytest
from planted_worlds import BLUE, Film, Red, Walker, player_of, shown_of

from arena.colours import ACCENT
from arena.environments import EnvironmentFactory
from arena.mind import Thought
from arena.viewer.frames import rgb_of
from arena.viewer.keys import sheet
from arena.viewer.pen import Pen
from arena.viewer.player import Player
from arena.viewer.show import Show
from arena.viewer.stage import NARROW, SIZE, WHITE, Stage
from arena_gridworld.observation.styles import WALKER

SCALES = (0.5, 1.0, 2.0)
SIZES = ((1120, 760), (700, 500), (500, 400), (333, 777))


@pytest.fixture(autouse=True)
def _no_display():
    pygame.quit()  # what Gymnasium's environments begin when they render
    yield
    assert not pygame.display.get_init() and not pygame.mixer.get_init()


def drawn(show, size=SIZE, scale=1.0, stage=None):
    """The pixels of a show, and the stage that drew them; the size is in pixels."""
    stage, surface = stage or Stage(), pygame.Surface(size)
    stage.draw(surface, show, scale)
    return rgb_of(surface), stage


def walk(actions="", place="arena/CliffWalk-v0", **options):
    """A show of a grid in which somebody walked."""
    player = Player(EnvironmentFactory.resolve(place, options), Walker(action=0), horizon=1000)
    for letter in actions:
        player.advance("urdl".index(letter))
    show = Show([player])
    show.seek(show.newest)
    return show


def pixels(area, scale):
    """An area of points as a slice of pixels."""
    box = Pen(pygame.Surface((1, 1)), scale).pixels(area)
    return np.s_[box.top : box.bottom, box.left : box.right]


def cells(frame, area, scale, rows, columns):
    """The cells of a picture in which there is walker."""
    part = frame[pixels(area, scale)]
    found = np.argwhere((part == WALKER).all(-1))
    return {(int(y * rows / part.shape[0]), int(x * columns / part.shape[1])) for y, x in found}


# Worlds


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("actions", ["", "u", "urrr", "uurrrrrrrr"])
def test_the_walker_is_where_the_scene_says(size, scale, actions):
    show = walk(actions)
    frame, stage = drawn(show, size, scale)
    painter, scene = show.players[0].painter, show.players[0].now.scene
    expected = divmod(painter.cell(scene), painter.columns)
    assert expected == (3 - actions.count("u"), actions.count("r"))
    (picture,) = stage.pictures
    assert cells(frame, picture, scale, painter.rows, painter.columns) == {expected}
    # The picture is the painter's, untouched, and fits into the window.
    part = frame[pixels(picture, scale)]
    assert np.array_equal(part, painter.paint(scene, part.shape[1], part.shape[0]))
    assert picture.x >= 0 and picture.right * scale <= size[0]
    assert picture.y >= 0 and picture.bottom * scale <= size[1]


def test_between_two_steps_the_walker_is_on_its_way():
    show = walk("ur")
    places = []
    for position in (1.0, 1.25, 1.5, 1.75, 2.0):
        show.position = position
        frame, stage = drawn(show)
        found = (frame[pixels(stage.pictures[0], 1.0)] == WALKER).all(-1)
        places.append(np.argwhere(found).mean(0)[1])
    assert np.allclose(np.diff(places), np.diff(places).mean(), atol=1.0) and places[-1] > places[0] + 20


def test_going_back_shows_the_very_same_picture():
    show = walk("uurr")
    frames = []
    for step in (0, 1, 2, 3, 4, 3, 2, 1, 0):
        show.seek(step)
        frames.append(drawn(show)[0])
    for before, after in zip(frames[:4], frames[:4:-1], strict=True):
        assert np.array_equal(before, after)


@pytest.mark.parametrize("scale", SCALES)
def test_frames_keep_their_proportions_and_small_ones_their_squares(scale):
    player = player_of(kind=Film, size=(20, 40))
    for _ in range(7):
        player.advance()
    show = Show([player])
    show.seek(7)
    frame, stage = drawn(show, (800, 600), scale)
    part = frame[pixels(stage.pictures[0], scale)]
    height, width = part.shape[:2]
    assert width == 2 * height and width % 40 == 0 and width > 80
    columns = np.flatnonzero((part == BLUE).all((0, 2)))
    assert (columns * 40 // width == 7).all() and len(columns) == width // 40


def test_a_world_without_a_picture_shows_what_it_observes():
    class Odd(Walker):
        pass

    player = player_of(actor=Odd())
    show = Show([player])
    blank = drawn(show)[0]
    player.advance()
    show.seek(1)
    frame, stage = drawn(show)
    assert not np.array_equal(frame[pixels(stage.pictures[0], 1.0)], blank[pixels(stage.pictures[0], 1.0)])


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1e300])
def test_a_broken_agent_is_shown_as_well(number):
    actor = Walker(thought=Thought(number, np.array([number, 1.0, 2.0]), np.array([number, 0.5, 0.5])))
    player = player_of(actor=actor)
    player.advance()
    object.__setattr__(player.now, "observation", np.array([1.0, number, -2.0]))
    object.__setattr__(player.now, "reward", number)
    player.rewards.append(number)
    player.returns.append(number)
    show = Show([player])
    show.seek(1)
    drawn(show)
    actor.given = Thought(number, np.full(3, number))
    player.advance()
    show.seek(2)
    drawn(show)


@pytest.mark.parametrize("size", [(64, 64), (1, 1), (64, 2000), (2000, 64), (320, 240), (8000, 100)])
@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
def test_no_window_is_too_small(size, scale):
    for show in (walk("ur"), Show([player_of(kind=Film)]), Show([player_of() for _ in range(16)])):
        show.overlays = [shown_of(), shown_of(place="beside")]
        show.say("a notice that is longer than the window is wide")
        drawn(show, size, scale, Stage(sheet=sheet([]), recording=True))


# The panel


def test_a_narrow_window_has_no_panel():
    show = walk("ur")
    for width in (int(NARROW) + 47, int(NARROW) + 48):
        frame, stage = drawn(show, (width, 600))
        panel = frame[60:540, width - 24 - 292 : width - 24]
        white = (panel == WHITE).all(-1).mean() > 0.5
        assert white == (width >= NARROW + 48)
        assert (stage.pictures[0].right < width - 24 - 292) == white


@pytest.mark.parametrize("height", [240, 300, 400])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_the_panel_stays_within_itself(height, scale):
    show = walk("ur")
    show.players[0].actor.given = Thought(1.0, np.arange(4.0))
    show.forward()
    show.overlays = [shown_of(place="beside")]
    low, tall = (drawn(show, (round(1000 * scale), round(h * scale)), scale)[0] for h in (height, 1200))
    foot, panel = round(52 * scale), round(316 * scale)
    assert np.array_equal(low[-foot:, -panel:], tall[-foot:, -panel:])
    assert (tall == (255, 0, 0)).all(-1).any() and not (low == (255, 0, 0)).all(-1)[-foot:].any()


# Many worlds


@pytest.mark.parametrize("size", [SIZE, (500, 900), (1600, 300)])
@pytest.mark.parametrize("count", [2, 3, 5, 16])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_a_grid_shows_every_world_and_none_covers_another(count, size, scale):
    factory = EnvironmentFactory.resolve("arena/CliffWalk-v0")
    players = [Player(factory, Walker(), name=f"number {place}") for place in range(count)]
    for place, player in enumerate(players):
        for action in (0, *[1] * (place % 12)):
            player.advance(action)
    show = Show(players)
    show.seek(show.newest)
    frame, stage = drawn(show, (round(size[0] * scale), round(size[1] * scale)), scale)
    assert len(stage.pictures) == count
    for place, picture in enumerate(stage.pictures):
        assert cells(frame, picture, scale, 4, 12) == {(2, place % 12)}
        assert picture.x >= 0 and picture.right <= size[0]
        assert picture.y >= 56 and picture.bottom <= size[1] - 52
    for one, other in itertools.combinations(stage.pictures, 2):
        assert one.right <= other.x or other.right <= one.x or one.bottom <= other.y or other.bottom <= one.y


def test_columns_are_taken_as_they_are_asked_for():
    show = Show([player_of(kind=Film) for _ in range(6)])
    for columns in (1, 2, 3, 6, 9):
        _, stage = drawn(show, stage=Stage(columns=columns))
        assert len({round(picture.x) for picture in stage.pictures}) == min(columns, 6)


def test_who_wins_is_marked_at_the_end():
    show = Show([player_of(length, kind=Film) for length in (3, 5)], speed=1.0)
    marks = []
    for _ in range(5):
        show.tick(1.0)
        frame, stage = drawn(show)
        marks.append(
            [
                (frame[int(p.bottom) + 4 : int(p.bottom) + 32, int(p.right) - 40 : int(p.right)] == ACCENT)
                .all(-1)
                .any()
                for p in stage.pictures
            ]
        )
    assert marks == [[False, False]] * 4 + [[False, True]]


# The timeline


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("length", "budget"), [(100, None), (300, 30_000)])
def test_the_handle_is_where_the_position_is(scale, length, budget):
    show = Show([player_of(length, budget=budget)])
    while not show.over:
        show.forward()
    assert (show.first > 0) == (budget is not None)
    for share in (0.1, 0.25, 0.5, 0.8, 1.0):
        step = round(show.first + share * (show.newest - show.first))
        show.seek(step)
        frame, stage = drawn(show, (round(900 * scale), round(600 * scale)), scale)
        line = stage.timeline
        row = frame[round(line.middle[1] * scale)]
        blue = np.flatnonzero((row == ACCENT).all(-1))
        here = line.x + line.width * step / show.newest
        # The handle is the widest blue run's end: its disc reaches half its width beyond the place.
        assert blue.max() / scale == pytest.approx(here + 5.5, abs=1.6 / scale + 0.5)


def test_the_timeline_is_as_long_as_the_longest_episode():
    show = Show([player_of(80)])
    while not show.over:
        show.forward()
    show.go_to(1)
    for _ in range(40):
        show.forward()
    frame, stage = drawn(show)
    line = stage.timeline
    blue = np.flatnonzero((frame[round(line.middle[1])] == ACCENT).all(-1))
    assert blue.max() == pytest.approx(line.x + line.width / 2 + 5.5, abs=2)


def test_the_reward_is_that_of_the_moment_that_is_shown(monkeypatch):
    show, texts, text = Show([player_of(20)]), [], Pen.text

    def noted(pen, at, said, *rest, **more):
        texts.append(said)
        return text(pen, at, said, *rest, **more)

    monkeypatch.setattr(Pen, "text", noted)
    for _ in range(8):
        show.forward()
    for step, figure in ((8, "8"), (3, "3"), (5, "5"), (0, "–")):
        show.seek(step)
        texts.clear()
        drawn(show)
        assert texts[texts.index("reward") + 1] == figure
        assert (f"step {step}" in texts) and not show.ended
    while not show.over:
        show.forward()
    texts.clear()
    drawn(show)
    assert "20 of 20" in texts and show.span == 20


# Overlays


def test_an_overlay_covers_the_picture_and_nothing_else():
    show = walk("ur")
    plain = drawn(show)[0]
    show.overlays = [shown_of()]
    frame, stage = drawn(show)
    inside = np.zeros(frame.shape[:2], bool)
    inside[pixels(stage.pictures[0], 1.0)] = True
    assert (frame[inside] == (255, 0, 0)).all() and np.array_equal(frame[~inside], plain[~inside])
    show.overlays[0].on = False
    assert np.array_equal(drawn(show)[0], plain)


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("scale", SCALES)
def test_the_walker_stays_above_what_lies_on_the_ground(layer, scale):
    show = walk("urr")
    show.overlays = [shown_of(layer=layer)]
    frame, stage = drawn(show, SIZE, scale)
    (picture,) = stage.pictures
    assert cells(frame, picture, scale, 4, 12) == {(2, 2)}
    red = (frame[pixels(picture, scale)] == (255, 0, 0)).all(-1)
    assert 46 / 48 < red.mean() < 1


def test_overlays_lie_in_the_order_of_their_layers():
    class Green(Red):
        def draw(self, pen, area, look):
            pen.fill(area, (0, 255, 0))

    show = walk("urr")
    for layers, top in (((0, 1), (0, 255, 0)), ((1, 0), (255, 0, 0)), ((2, 1), (255, 0, 0))):
        show.overlays = [shown_of(layer=layers[0]), shown_of(layer=layers[1], kind=Green, key="d")]
        frame, stage = drawn(show)
        x, y = stage.pictures[0].x, stage.pictures[0].y
        assert tuple(frame[int(y) + 2, int(x) + 2]) == top


@pytest.mark.parametrize("place", ["over", "beside"])
@pytest.mark.parametrize("fault", ["refusal", "height", "draw"])
def test_an_overlay_that_raises_is_switched_off_and_the_rest_goes_on(place, fault):
    show = walk("ur")
    broken, sound = shown_of(place=place, fault=fault, name="a"), shown_of(place=place, name="b", key="d")
    show.overlays = [sound]
    expected = drawn(show)[0]
    show.overlays = [broken, sound]
    drawn(show)
    fails = not (place == "over" and fault == "height")
    assert broken.on != fails and sound.on and not sound.failed
    if fails:
        assert "ZeroDivisionError: in " + fault in broken.failed and "\n" not in broken.failed
        assert np.array_equal(drawn(show)[0], expected)
        show.switch(broken)
        assert not broken.on and broken.failed in show.notice


def test_an_overlay_that_cannot_even_be_made_is_switched_off():
    show = walk("ur")
    broken = shown_of(__init__=lambda self: 1 / 0)
    show.overlays = [broken]
    drawn(show)
    assert not broken.on and "ZeroDivisionError" in broken.failed


def test_an_overlay_hears_which_cell_the_mouse_is_over():
    made = []
    show = walk("ur")
    show.overlays = [shown_of(__init__=lambda self: made.append(self))]
    _, stage = drawn(show)
    picture = stage.pictures[0]
    for row, column in itertools.product(range(4), range(12)):
        stage.mouse = picture.cell(row, column, 4, 12).middle
        drawn(show, stage=stage)
        assert (made[0].looks[-1].cell, made[0].looks[-1].hovers) == (12 * row + column, True)
    for mouse in (None, (0.0, 0.0), (picture.right + 1, picture.middle[1])):
        stage.mouse = mouse
        drawn(show, stage=stage)
        assert (made[0].looks[-1].cell, made[0].looks[-1].hovers) == (25, False), "the walker's own"


def test_every_player_has_an_overlay_of_its_own():
    made = []
    show = Show([player_of(kind=Film) for _ in range(3)])
    show.overlays = [shown_of(__init__=lambda self: made.append(self))]
    for _ in range(2):
        drawn(show)
    assert len(made) == 3 and [look.player for one in made for look in one.looks[:1]] == show.players


# The list of keys


def test_the_sheet_covers_and_fits():
    show = walk("ur")
    for size in (SIZE, (640, 400), (320, 240)):
        frame, _ = drawn(show, size, stage=Stage(sheet=sheet([])))
        rows = np.flatnonzero((frame == WHITE).all(-1).any(1))
        assert rows.min() > 0 and rows.max() < size[1] - 1
