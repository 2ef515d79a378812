"""Environments that others wrote: what they return, render, say of themselves, and are wrapped in."""

from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pygame
import pytest
from planted_worlds import Corridor, Film, Walker, player_of

from arena.environments.factory import EnvironmentFactory
from arena.errors import ArenaError
from arena.plugins.discovery import get_plugins
from arena.runs.resolve import resolve_experiment
from arena_viewer.human_player import HumanActor, HumanController
from arena_viewer.key_actions import controls_of
from arena_viewer.overlay import OverlaySwitch
from arena_viewer.playback import Playback
from arena_viewer.player import Player, render_speed
from arena_viewer.renderer import Renderer
from arena_viewer.roles import make_players, untrained_role

CLIFF = "arena/CliffWalk-v0"


class Reusing(Corridor):
    """It returns one array again and again, changed."""

    def _seen(self):
        self.array = getattr(self, "array", np.zeros(3))
        self.array[0] = self.time
        return self.array


class Backwards(gym.ActionWrapper):
    """Means other actions than it is given."""

    def action(self, action):
        return 3 - action


class Speaking(Corridor):
    """Says that it renders, and can be made without saying how only."""

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012


def speaking() -> gym.Env:
    return Speaking()


def wrapped_cliff(backwards=True):
    """Somebody on a cliff, whose actions a wrapper turns round."""
    wrappers = [f"{__name__}:Backwards"] if backwards else []
    return make_players([untrained_role(resolve_experiment("q-learning", CLIFF, wrappers=wrappers))])[0]


def draw(player):
    Renderer().draw(pygame.Surface((900, 600)), Playback([player]))


def test_observations_are_kept_as_they_were_where_an_environment_changes_its_array():
    player = player_of(kind=Reusing, length=4, actor=HumanActor())
    controller = HumanController(Playback([player]))
    while not player.ended:
        controller.pressed("0")
    assert [moment.observation[0] for moment in player.moments] == [0, 1, 2, 3, 4]
    assert [observation[0] for observation in controller.recorded_episodes[0].observations] == [0, 1, 2, 3, 4]


def test_an_action_that_a_wrapper_changes_has_no_name_and_is_no_move():
    plain, player = wrapped_cliff(backwards=False), wrapped_cliff()
    policy = OverlaySwitch(get_plugins().overlays["policy"], "")
    assert plain.controls.names and plain.moves is not None and policy.refusal(plain) is None
    assert player.cells is not None and not player.controls.names and player.moves is None
    assert policy.refusal(player) == "the actions are no moves"
    assert controls_of(player.env).keys == {"0": 0, "1": 1, "2": 2, "3": 3}
    for one in (plain, player):
        one.close()


FRAMES = {
    "grey": (np.zeros((4, 5, 1), np.uint8), True),
    "flat": (np.zeros((4, 5), np.uint8), True),
    "with opacity": (np.zeros((4, 5, 4), np.uint8), True),
    "two channels": (np.zeros((4, 5, 2), np.uint8), False),
    "no rows": (np.zeros((0, 5, 3), np.uint8), False),
    "no columns": (np.zeros((5, 0, 3), np.uint8), False),
    "of floats": (np.zeros((4, 5, 3)), False),
    "a number": (np.uint8(3), False),
    "a row": (np.zeros(5, np.uint8), False),
}


@pytest.mark.parametrize(("frame", "seen"), FRAMES.values(), ids=FRAMES)
def test_any_frame_is_a_picture_or_numbers_take_its_place(monkeypatch, frame, seen):
    monkeypatch.setattr(Film, "render", lambda self: frame)
    player = player_of(kind=Film)
    player.advance()
    assert (player.now.scene is not None) == seen
    if seen:
        assert player.now.scene.frame().shape == (4, 5, 3)
    draw(player)


def test_a_world_that_cannot_render_after_all_shows_numbers(monkeypatch):
    def fail(self):
        raise RuntimeError("no OpenGL")

    monkeypatch.setattr(Film, "render", fail)
    player = player_of(kind=Film)
    player.advance()
    assert player.now.scene is None
    draw(player)


@pytest.mark.parametrize("make", [speaking, "test_viewer_foreign:speaking"], ids=["planted", "resolved"])
def test_a_function_that_takes_no_render_mode_is_played_without_a_picture(make):
    def planted(horizon=None, render_mode=None):
        if render_mode is not None:
            raise ArenaError("speaking takes no render_mode", "leave it out")
        return gym.wrappers.TimeLimit(speaking(), horizon)

    resolved = isinstance(make, str)
    factory = EnvironmentFactory.resolve(make) if resolved else SimpleNamespace(id="speaking", make=planted)
    player = Player(factory, Walker(), horizon=20)
    player.advance()
    assert player.now.step == 1 and player.now.scene is None
    draw(player)
    player.close()


@pytest.mark.parametrize("fps", ["fast", -3, 0, None, True, float("nan"), float("inf"), [30]])
def test_a_speed_that_is_none_gives_way_to_ours(fps):
    env = Corridor()
    env.metadata = {"render_modes": [], "render_fps": fps}
    assert render_speed(env, 8.0) == 8.0
    env.metadata = {"render_fps": 25}
    assert render_speed(env, 8.0) == 25.0
