"""Keys that are held and clicks on the curve, in a window that nobody sees."""

import pygame
import pytest
from planted_worlds import player_of

from arena_viewer.curve import EvaluationCurve
from arena_viewer.playback import Playback
from arena_viewer.window import Window


class Agents:
    """Checkpoints of a run."""

    unit, steps, place = "step", (10, 20, 30, 40), 1

    def go(self, place):
        self.place = place


@pytest.fixture
def window(monkeypatch, tmp_path):
    """A window in which time stands still, at step 5."""
    pygame.quit()
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    playback = Playback([player_of(100)], checkpoints=Agents())
    playback.players[0].curve = EvaluationCurve([10, 20, 30, 40], [1.0, 2.0, 3.0, 5.0], at=20)
    for _ in range(5):
        playback.forward()
    opened = Window(playback, size=(900, 600), folder=tmp_path)
    opened.frame(0.0)
    yield opened
    opened.close()
    playback.close()


def down(window, name, times=1):
    """The system repeats a key that is held."""
    code = pygame.key.key_code(name)
    letter = name if len(name) == 1 else ""
    for _ in range(times):
        pygame.event.post(pygame.Event(pygame.KEYDOWN, key=code, unicode=letter, mod=0))
    window.frame(0.0)


def up(window, name):
    pygame.event.post(pygame.Event(pygame.KEYUP, key=pygame.key.key_code(name), unicode="", mod=0))
    window.frame(0.0)


def test_a_key_that_is_held_acts_once_until_it_is_let_go(window, tmp_path):
    assert window.playback.paused
    down(window, "space", 5)
    assert not window.playback.paused
    up(window, "space")
    down(window, "space", 4)
    assert window.playback.paused
    for count in (1, 2):
        down(window, "s", 5)
        assert len(list(tmp_path.iterdir())) == count
        up(window, "s")


def test_a_key_that_moves_through_time_acts_as_long_as_it_is_held(window):
    down(window, "right", 5)
    assert window.playback.position == 10
    up(window, "right")
    down(window, "left", 3)
    assert window.playback.position == 7


def test_a_key_that_was_let_go_elsewhere_is_not_held_any_more(window):
    down(window, "space")
    pygame.event.post(pygame.Event(pygame.WINDOWFOCUSLOST))
    down(window, "space")
    assert window.playback.paused


@pytest.mark.parametrize(("share", "place"), [(0.0, 0), (0.1, 0), (0.35, 1), (0.62, 2), (0.999, 3)])
def test_a_click_on_the_evaluations_chooses_the_nearest_checkpoint(window, share, place):
    curve, points = window.renderer.curve, window.playback.checkpoints
    at = curve.x + share * curve.width, curve.middle[1]
    pos = at[0] * window.scale, at[1] * window.scale
    pygame.event.post(pygame.Event(pygame.MOUSEBUTTONDOWN, pos=pos, button=1))
    window.frame(0.0)
    assert points.place == place and window.playback.position == 0 and window.playback.newest == 0


def test_a_click_beside_the_evaluations_chooses_nothing(window):
    curve = window.renderer.curve
    pos = curve.x - 5, curve.middle[1]
    pygame.event.post(pygame.Event(pygame.MOUSEBUTTONDOWN, pos=pos, button=1))
    window.frame(0.0)
    assert window.playback.checkpoints.place == 1 and window.playback.position == 5
