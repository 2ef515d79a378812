"""A real window on a real X server: every key, the mouse, and what is then on the screen."""

import numpy as np
import pygame
import pytest
from planted_screen import desk, screen  # noqa: F401
from planted_worlds import Walker, player_of, shown_of

import arena
from arena.cli import main
from arena.environments.factory import EnvironmentFactory
from arena.errors import ArenaError
from arena_gridworld.observation.styles import WALKER
from arena_viewer.frames import rgb_array
from arena_viewer.keys import KEYS, sheet
from arena_viewer.playback import Playback
from arena_viewer.player import Player
from arena_viewer.roles import Snapshots, make_players, role_from_run
from arena_viewer.window import FPS, Window

SMALL = {"size": (700, 460)}


class Agents:
    """Checkpoints of a run."""

    unit, steps, place = "step", (10, 20, 30), 1

    def go(self, place):
        self.place = place


def playback_of(length=100, **options):
    """A show that stands at step 5 of the third episode, paused."""
    playback = Playback([player_of(length)], checkpoints=Agents(), **options)
    playback.go_to(2)
    for _ in range(8):
        playback.forward()
    playback.seek(5)
    return playback


def walk(steps=3):
    """A show of a cliff on which somebody went up and some steps to the right."""
    player = Player(EnvironmentFactory.resolve("arena/CliffWalk-v0"), Walker(action=1), horizon=100)
    player.advance(0)
    for _ in range(steps):
        player.advance()
    playback = Playback([player])
    playback.seek(playback.newest)
    return playback


def cells(one):
    """In which cells of the cliff there is walker on the screen."""
    area, scale = one.window.renderer.pictures[0], one.window.scale
    left, top, width, height = (round(side * scale) for side in area)
    part = rgb_array(one.surface)[top : top + height, left : left + width]
    found = np.argwhere((part == WALKER).all(-1))
    return {(int(y * 4 / height), int(x * 12 / width)) for y, x in found}


#: What xdotool calls a key, and what is then so.
PRESSES = {
    "space": lambda one: not one.playback.paused,
    "Right": lambda one: one.playback.position == 6,
    "Left": lambda one: one.playback.position == 4,
    "Up": lambda one: one.playback.speed == 15,
    "Down": lambda one: one.playback.speed == 4,
    "Home": lambda one: one.playback.position == 0,
    "End": lambda one: one.playback.position == 8,
    "n": lambda one: one.playback.episode == 3,
    "Next": lambda one: one.playback.episode == 3,
    "p": lambda one: one.playback.episode == 1,
    "Prior": lambda one: one.playback.episode == 1,
    "bracketright": lambda one: one.playback.checkpoints.place == 2 and one.playback.position == 0,
    "period": lambda one: one.playback.checkpoints.place == 2,
    "bracketleft": lambda one: one.playback.checkpoints.place == 0,
    "comma": lambda one: one.playback.checkpoints.place == 0,
    "o": lambda one: one.playback.overlays[0].on and not one.playback.overlays[1].on,
    "e": lambda one: one.playback.overlays[0].on,
    "s": lambda one: list(one.window.folder.glob("arena-*.png")),
    "r": lambda one: one.window.renderer.recording,
    "plus": lambda one: one.window.scale == 1.1,
    "equal": lambda one: one.window.scale == 1.1,
    "minus": lambda one: one.window.scale == 0.9,
    "KP_Add": lambda one: one.window.scale == 1.1,
    "f": lambda one: one.surface.get_size() == (1400, 1000),
    "F11": lambda one: one.surface.get_size() == (1400, 1000),
    "question": lambda one: one.window.renderer.sheet,
    "h": lambda one: one.window.renderer.sheet,
    "F1": lambda one: one.window.renderer.sheet,
    "Escape": lambda one: not one.window.open,
    "ctrl+q": lambda one: not one.window.open,
}


@pytest.mark.parametrize("name", PRESSES)
def test_a_real_key_does_what_the_list_says(desk, tmp_path, name):  # noqa: F811
    if name == "r":
        pytest.importorskip("imageio_ffmpeg")
    overlays = [shown_of(on=False), shown_of(on=False, name="none", key="x", reason="nothing to draw")]
    one = desk(playback_of(overlays=overlays), folder=tmp_path, **SMALL)
    one.focus()
    assert not PRESSES[name](one)
    one.type("key", name)
    one.until(lambda: PRESSES[name](one))


def test_no_key_is_left_untried():
    known = {"next": "page down", "prior": "page up", "bracketright": "]", "bracketleft": "[", "period": "."}
    known |= {"comma": ",", "plus": "+", "equal": "=", "minus": "-", "question": "?"}
    tried = {known.get(name.lower(), name.lower()) for name in PRESSES}
    assert {name for key in KEYS for name in key.names} <= tried


def test_letters_that_nobody_knows_do_nothing(desk):  # noqa: F811
    one = desk(playback_of(), **SMALL)
    before = rgb_array(one.surface).copy()
    for name in ("x", "7", "tab", "left shift", "f5"):
        one.press(name, unicode=name if len(name) == 1 else "")
    assert np.array_equal(rgb_array(one.surface), before) and one.window.open


@pytest.mark.parametrize(
    ("name", "unicode", "expected"), [("ß", "?", "sheet"), ("7", "=", "larger"), ("5", "[", "before")]
)
def test_what_a_key_types_counts_whatever_the_keyboard(desk, name, unicode, expected):  # noqa: F811
    one = desk(playback_of(), **SMALL)
    pygame.event.post(pygame.Event(pygame.KEYDOWN, key=ord(name), unicode=unicode, mod=0))
    one.frames()
    found = {"sheet": one.window.renderer.sheet, "larger": one.window.scale > 1}
    assert found.get(expected, one.playback.checkpoints.place == 0)


# Time and events


def test_time_passes_and_stands_still(desk):  # noqa: F811
    one = desk(playback_of(speed=30.0), **SMALL)
    before = rgb_array(one.surface).copy()
    one.frames(20, 1 / FPS)
    assert one.playback.position == 5 and np.array_equal(rgb_array(one.surface), before)
    one.press("space", " ")
    one.frames(20, 1 / FPS)
    assert one.playback.position == pytest.approx(15) and not np.array_equal(rgb_array(one.surface), before)


def test_events_are_taken_while_time_stands_still(desk):  # noqa: F811
    one = desk(playback_of(), **SMALL)
    for _ in range(5):
        pygame.event.post(pygame.Event(pygame.MOUSEMOTION, pos=(30, 70), rel=(0, 0), buttons=(0, 0, 0)))
        one.frames()
        assert not pygame.event.peek(pygame.MOUSEMOTION)
    assert one.window.renderer.mouse == (30, 70)
    pygame.event.post(pygame.Event(pygame.WINDOWLEAVE))
    one.frames()
    assert one.window.renderer.mouse is None


@pytest.mark.parametrize("kind", [pygame.WINDOWCLOSE, pygame.QUIT])
def test_it_runs_until_it_is_closed(desk, kind):  # noqa: F811
    one = desk(walk(), **SMALL)
    pygame.event.post(pygame.Event(kind))
    one.window.run()
    assert not one.window.open and not pygame.display.get_init()


def test_a_window_that_breaks_is_closed_as_well(desk):  # noqa: F811
    one = desk(Playback([player_of(fault=0)]), **SMALL)
    with pytest.raises(ArenaError, match="Corridor-v0 raised RuntimeError"):
        one.window.run()
    assert not one.window.open and not pygame.display.get_init()


# Pictures and films


def test_a_screenshot_is_what_is_seen(desk, tmp_path):  # noqa: F811
    one = desk(walk(), folder=tmp_path, **SMALL)
    before = rgb_array(one.surface).copy()
    for count in (1, 2):
        one.playback.notice = ""
        one.press("s", "s")
        assert len(list(tmp_path.glob("arena-*.png"))) == count
    for path in tmp_path.iterdir():
        assert np.array_equal(rgb_array(pygame.image.load(path)), before)
    assert one.playback.notice.startswith("saved ") and not np.array_equal(rgb_array(one.surface), before)


def test_a_screenshot_that_cannot_be_saved_is_told_and_the_window_stays(desk, tmp_path):  # noqa: F811
    (tmp_path / "file").write_text("")
    one = desk(walk(), folder=tmp_path / "file" / "folder", **SMALL)
    for name in "sr":
        one.playback.notice = ""
        one.press(name, name)
        assert one.window.open and "file" in one.playback.notice and not one.window.renderer.recording


def test_a_film_of_the_window_has_its_frames(desk, tmp_path):  # noqa: F811
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    one = desk(walk(), folder=tmp_path, size=(320, 240))
    one.press("r", "r")
    one.frames(9, 1 / FPS)
    one.press("r", "r")
    (path,) = tmp_path.glob("arena-*.mp4")
    assert imageio_ffmpeg.count_frames_and_secs(str(path))[0] == 10
    assert one.playback.notice == f"saved {path}" and not one.window.renderer.recording


def test_a_film_ends_where_the_window_changes_its_size(desk, tmp_path):  # noqa: F811
    pytest.importorskip("imageio_ffmpeg")
    one = desk(walk(), folder=tmp_path, size=(320, 240))
    one.press("r", "r")
    one.frames(2)
    one.window.window.size = (400, 300)
    one.until(lambda: not one.window.renderer.recording)
    assert "changed its size" in one.playback.notice and len(list(tmp_path.glob("arena-*.mp4"))) == 1


def test_closing_the_window_ends_its_film(desk, tmp_path):  # noqa: F811
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
    one = desk(walk(), folder=tmp_path, size=(320, 240))
    one.press("r", "r")
    one.frames(3)
    one.press("escape")
    one.window.close()
    (path,) = tmp_path.glob("arena-*.mp4")
    assert imageio_ffmpeg.count_frames_and_secs(str(path))[0] >= 4


# Sizes


@pytest.mark.parametrize("size", [(500, 700), (1100, 500), (320, 240)])
def test_a_new_size_is_drawn_for(desk, size):  # noqa: F811
    one = desk(walk(5), **SMALL)
    assert cells(one) == {(2, 5)}
    one.window.window.size = size
    one.until(lambda: one.surface.get_size() == size and one.window.scale == 1)
    one.frames()
    assert cells(one) == {(2, 5)}
    (picture,) = one.window.renderer.pictures
    assert picture.x >= 0 and picture.right <= size[0] and picture.bottom <= size[1]


def test_zoom_keeps_everything_inside(desk):  # noqa: F811
    one, scales = desk(walk(5), size=(800, 560)), []
    for name in ["-"] * 6 + ["="] * 14:
        one.press(name, name)
        scales.append(one.window.scale)
        assert one.playback.notice == f"{one.window.scale:.0%}"
        one.playback.notice = ""  # it may cover the walker
        one.frames()
        assert one.surface.get_size() == (800, 560)
        assert cells(one) == {(2, 5)}
        for area in (*one.window.renderer.pictures, one.window.renderer.timeline):
            assert area.x >= 0 and area.right * scales[-1] <= 800 and area.bottom * scales[-1] <= 561
    assert min(scales) == 0.5 and max(scales) == 4.0


def test_the_whole_screen_and_back(desk):  # noqa: F811
    one = desk(walk(5), **SMALL)
    for name in ("f", "escape"):
        one.press("f", "f")
        one.until(lambda: one.surface.get_size() == (1400, 1000))
        one.frames()
        assert cells(one) == {(2, 5)}
        one.press(name, name[:1])
        one.until(lambda: one.surface.get_size() == SMALL["size"])
        assert one.window.open
    one.press("escape")
    assert not one.window.open


def test_a_window_is_no_larger_than_the_screen(desk):  # noqa: F811
    one = desk(walk(), size=(5000, 4000))
    assert one.surface.get_width() <= 1400 and one.surface.get_height() <= 1000


# The list of keys, overlays, the mouse


def test_the_list_of_keys_comes_and_goes(desk):  # noqa: F811
    shown = shown_of(on=False, key="e", name="boxes")
    one = desk(playback_of(overlays=[shown]), **SMALL)
    before = rgb_array(one.surface).copy()
    for hide in (("?", "?"), ("escape", "")):
        one.press("/", "?")
        assert one.window.renderer.sheet == sheet([shown]) and one.window.renderer.sheet[-1] == ("e", "Boxes")
        assert not np.array_equal(rgb_array(one.surface), before)
        one.press(*hide)
        assert not one.window.renderer.sheet and np.array_equal(rgb_array(one.surface), before)
    assert one.window.open


def test_an_overlay_goes_on_and_off_by_its_letter(desk):  # noqa: F811
    shown = [shown_of(on=False), shown_of(on=False, name="none", key="1", reason="there is no encoder")]
    one = desk(walk(), **SMALL)
    one.playback.overlays = shown
    assert cells(one) == {(2, 3)}
    one.press("e", "e")
    assert shown[0].on and cells(one) == set()
    one.press("e", "e")
    assert not shown[0].on and cells(one) == {(2, 3)}
    one.press("1", "1")
    assert not shown[1].on and one.playback.notice == "None: there is no encoder"
    one.press("o", "o")
    assert shown[0].on and not shown[1].on
    one.press("o", "o")
    assert not shown[0].on


def test_the_mouse_drags_the_timeline(desk):  # noqa: F811
    one = desk(playback_of(8), **SMALL)
    line = one.window.renderer.timeline
    one.focus()
    row = round(line.middle[1])
    places = [round(line.x + line.width * step / 8) for step in (2, 6, 8)]
    one.point(places[0], row, "mousedown", 1)
    one.until(lambda: one.playback.position == 2)
    one.point(places[1], 10)  # wherever it goes meanwhile
    one.until(lambda: one.playback.position == 6)
    one.type("mouseup", 1)
    one.frames(3)
    one.point(places[2], row)
    one.until(lambda: one.window.renderer.mouse[0] == pytest.approx(places[2], abs=1))
    assert one.playback.position == 6 and one.playback.paused


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_a_mouse_beside_the_timeline_drags_nothing(desk, scale):  # noqa: F811
    one = desk(playback_of(8), scale=scale, **SMALL)
    line = one.window.renderer.timeline
    one.mouse(pygame.MOUSEBUTTONDOWN, (line.x + 5, line.y - 20))
    one.mouse(pygame.MOUSEMOTION, line.middle)
    one.mouse(pygame.MOUSEBUTTONDOWN, line.middle, button=3)
    assert one.playback.position == 5
    one.mouse(pygame.MOUSEBUTTONDOWN, line.middle)
    assert one.playback.position == 4
    for x, position in ((-500, 0), (5000, 8)):
        one.mouse(pygame.MOUSEMOTION, (x, 0))
        assert one.playback.position == position


@pytest.mark.parametrize("scale", [0.8, 1.0, 2.0])
def test_the_mouse_is_over_the_cell_that_is_under_it(desk, scale):  # noqa: F811
    made = []
    one = desk(walk(), scale=scale, **SMALL)
    one.playback.overlays = [shown_of(__init__=lambda self: made.append(self))]
    one.frames()
    for row, column in ((0, 0), (2, 7), (3, 11)):
        one.mouse(pygame.MOUSEMOTION, one.window.renderer.pictures[0].cell(row, column, 4, 12).middle)
        assert (made[0].contexts[-1].cell, made[0].contexts[-1].hovers) == (12 * row + column, True)


# Runs, and no display


def test_the_checkpoints_of_a_run_are_gone_through(desk, tmp_path):  # noqa: F811
    settings = {"steps": 300, "evaluate_every": 100, "seeds": 1, "out": tmp_path, "progress": False}
    run = arena.train("q-learning", "arena/CliffWalk-v0", **settings).runs[0]["path"]
    role = role_from_run(run)
    cast = make_players([role], horizon=20)
    one = desk(Playback(cast, checkpoints=Snapshots(role, [cast[0].actor])), **SMALL)
    seen = []
    for name in ("[", "[", "[", "]"):
        one.press(name, name)
        seen.append((one.playback.status, role.curve.at))
    assert [at for _, at in seen] == [200, 100, 100, 200]
    assert seen[0][0] == "after 200 steps" and cast[0].actor.version == 3


COMMANDS = (
    ["watch", "q-learning", "arena/CliffWalk-v0"],
    ["play", "arena/CliffWalk-v0"],
    ["train", "q-learning", "arena/CliffWalk-v0", "--steps", "100", "--watch"],
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_without_a_display_one_line_says_what_to_do(command, tmp_path, monkeypatch, capsys):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    assert main(command) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1 and "--record" in told.err
    assert "there is no display" in told.err and not list(tmp_path.iterdir()), "nothing was trained"


def test_a_display_that_is_not_there_is_told_of(monkeypatch):
    pygame.quit()
    monkeypatch.setenv("DISPLAY", ":987")
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    with pytest.raises(ArenaError, match="no window can be opened: .*--record"):
        Window(walk())
    assert not pygame.display.get_init()
