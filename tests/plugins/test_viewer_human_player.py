"""A person at play: keys and the mouse become steps, time is theirs, and what is kept is what happened."""

import gymnasium as gym
import numpy as np
import pygame
import pytest
from planted_screen import desk, screen  # noqa: F401
from planted_worlds import player_of

from arena.environments.factory import EnvironmentFactory
from arena.errors import ArenaError
from arena.training.evaluation import evaluation_episode_seed
from arena_viewer.human_player import HumanActor, HumanController
from arena_viewer.key_actions import PUSHES, action_from_input, controls_of
from arena_viewer.keys import TIME
from arena_viewer.playback import Playback
from arena_viewer.player import Player

#: Up, along the cliff, and down to the goal.
AROUND = ["up", *["right"] * 11, "down"]


def hands_of(place, *others, horizon=1000, speed=None, **options):
    """A person in an environment, beside others."""
    factory = EnvironmentFactory.resolve(place, options)
    return HumanController(
        Playback([Player(factory, HumanActor(), seed=5, horizon=horizon, name="you"), *others]), speed
    )


def alone(length=10, **options):
    """A person in a corridor."""
    return HumanController(Playback([player_of(length, actor=HumanActor(), **options)]))


def press(controller, *names):
    for name in names:
        assert controller.pressed(name)
        controller.released(name)


# Where time stands still


def test_a_key_is_a_step():
    controller = hands_of("arena/CliffWalk-v0")
    press(controller, *AROUND)
    assert controller.player.now.step == 13 and controller.player.now.total == -13
    assert controller.player.now.ended == "terminated"
    painter = controller.player.painter
    cells = [painter.cell(moment.scene) for moment in controller.player.moments]
    assert cells == [36, *range(24, 36), 47]
    assert [moment.action for moment in controller.player.moments] == [0, *[1] * 11, 2, None]


def test_without_a_key_nothing_happens():
    controller = hands_of("arena/CliffWalk-v0")
    for _ in range(100):
        controller.tick(1.0, (0.0, 0.0))
    controller.released("up")
    for name in ("x", "space", "return", "escape", "page up"):
        assert not controller.pressed(name)
    assert controller.player.now.step == 0 and not controller.recorded_episodes


def test_a_step_is_seen_gliding():
    controller = hands_of("arena/CliffWalk-v0")
    press(controller, "up")
    assert controller.playback.position == 0
    controller.tick(0.03, None)
    assert 0 < controller.playback.position < 1 and controller.playback.paused
    controller.tick(1.0, None)
    assert controller.playback.position == 1


def test_an_episode_is_kept_whole():
    controller = hands_of("arena/CliffWalk-v0")
    press(controller, *AROUND)
    (recorded_episodes,) = controller.recorded_episodes
    assert recorded_episodes.seed == evaluation_episode_seed(5, 0)
    assert len(recorded_episodes.observations) == 14 and len(recorded_episodes.actions) == 13
    assert recorded_episodes.actions == [0, *[1] * 11, 2] and recorded_episodes.rewards == [-1.0] * 13
    assert recorded_episodes.terminations == [*[False] * 12, True] and not any(recorded_episodes.truncations)
    env = EnvironmentFactory.resolve("arena/CliffWalk-v0").make()
    observation, _ = env.reset(seed=recorded_episodes.seed)
    for action, before, after in zip(
        recorded_episodes.actions,
        recorded_episodes.observations,
        recorded_episodes.observations[1:],
        strict=False,
    ):
        assert np.array_equal(observation, before)
        observation = env.step(action)[0]
        assert np.array_equal(observation, after)


def test_an_episode_that_is_cut_off_is_told_apart():
    controller = hands_of("arena/CliffWalk-v0", horizon=3)
    press(controller, "up", "down", "left")
    (recorded_episodes,) = controller.recorded_episodes
    assert recorded_episodes.truncations == [False, False, True] and not any(recorded_episodes.terminations)


def test_enter_goes_on_and_backspace_plays_again():
    controller = alone(3)
    seen = []
    for end in ("return", "backspace", "enter", "backspace"):
        press(controller, "1", "2", "0", "0", "1")  # what comes after the end is no step
        seen.append((controller.player.episode, controller.player.now.step))
        press(controller, end)
        assert controller.player.now.step == 0 and controller.playback.position == 0
    assert seen == [(0, 3), (1, 3), (1, 3), (2, 3)] and controller.player.episode == 2
    assert [episode.seed for episode in controller.recorded_episodes] == [
        evaluation_episode_seed(0, k) for k in (0, 1, 1, 2)
    ]
    assert all(
        episode.actions == [1, 2, 0] and len(episode.observations) == 4
        for episode in controller.recorded_episodes
    )
    assert len({id(episode.observations) for episode in controller.recorded_episodes}) == 4


def test_who_begins_again_midway_keeps_nothing_of_it():
    controller = alone(3)
    press(controller, "1", "1", "backspace", "2", "2", "2")
    (recorded_episodes,) = controller.recorded_episodes
    assert (
        recorded_episodes.actions == [2, 2, 2]
        and recorded_episodes.rewards == [1, 2, 3]
        and controller.player.episode == 0
    )


# Where time runs


def test_time_runs_from_the_first_key_on():
    controller = hands_of("CartPole-v1", speed=50.0)
    assert controller.runs and "press a key" in controller.playback.notice
    for _ in range(100):
        controller.tick(0.1, (0.0, 0.0))
    assert controller.player.now.step == 0
    assert controller.pressed("right")
    controller.tick(0.0601, None)
    controller.released("right")
    controller.tick(0.06, None)
    actions = [moment.action for moment in controller.player.moments][:-1]
    assert actions == [1, 1, 1, *[controller.controls.idle] * 3]


def test_the_last_of_several_keys_that_are_held_counts_and_the_speed_is_kept():
    controller = hands_of("MountainCar-v0")
    assert controller._speed == controller.player.env.metadata["render_fps"] == 30
    controller.pressed("left")
    controller.tick(1 / 30 + 1e-9, None)
    controller.released("left")
    controller.tick(10 / 30, None)
    assert [moment.action for moment in controller.player.moments][:-1] == [0, *[1] * 10]
    assert controller.playback.newest - 1 <= controller.playback.position <= controller.playback.newest


def test_time_stops_at_the_end_and_begins_anew_with_a_key():
    controller = hands_of("CartPole-v1", speed=10.0)
    controller.pressed("left")
    for _ in range(100):
        controller.tick(0.1, None)
    assert (
        controller.player.ended and controller.player.now.step < 20 and len(controller.recorded_episodes) == 1
    )
    assert "you" in controller.playback.notice and "enter" in controller.playback.notice
    controller.released("left")
    press(controller, "return")
    controller.tick(1.0, None)
    assert (controller.player.episode, controller.player.now.step) == (1, 0)
    controller.pressed("left")
    controller.tick(0.3, None)
    assert controller.player.now.step == 3


@pytest.mark.parametrize(
    ("held", "mouse", "expected"),
    [((), (0.5, 0.9), 0.5), ((), (-1.0, 0.0), -1.0), (("right",), (-1.0, 0.0), 1.0), (("left",), None, -1.0)],
)
def test_numbers_are_given_by_keys_and_by_the_mouse(held, mouse, expected):
    controller = hands_of("arena/Pendulum-v0", speed=10.0)
    for name in held:
        assert controller.pressed(name)
    controller.tick(0.0, mouse and (0.9, 0.9))  # it has to move before it counts
    controller.tick(0.35, mouse)
    assert controller.player.now.step == 3
    for moment in list(controller.player.moments)[:-1]:
        assert controller.space.contains(moment.action) and moment.action == pytest.approx([expected])


def test_a_mouse_that_was_never_there_begins_nothing():
    controller = hands_of("arena/Pendulum-v0")
    controller.tick(1.0, None)
    assert controller.player.now.step == 0
    controller.tick(1.0, (0.0, 0.0))
    controller.tick(1.0, (0.0, 0.0))
    assert controller.player.now.step == 0, "nor does one that rests where the window has opened"
    controller.tick(1.0, (0.1, 0.0))
    assert controller.player.now.step > 0


def test_pushes_go_to_the_bounds_and_cancel():
    low, high = np.array([[[-1, 0.5]], [[3, np.inf]]], np.float32)
    space = gym.spaces.Box(low, high)
    resting = controls_of(player_of(action_space=space).env).idle
    assert resting.tolist() == [[0, 0.5]] and space.contains(resting)
    cases = {
        (): [0, 0.5],
        ("left",): [-1, 0.5],
        ("right", "up"): [3, 1],
        ("left", "right"): [0, 0.5],
        ("down", "a"): [0, 0.5],
    }
    for held, expected in cases.items():
        action = action_from_input(space, frozenset(held), None, resting)
        assert action.tolist() == [expected] and action.dtype == np.float32
    assert action_from_input(space, frozenset(), (1.0, -1.0), resting).tolist() == [[3, 0.5]]
    assert len({key for pair in PUSHES for key in pair}) == 2 * len(PUSHES)


# Whom, and what, one cannot steer


@pytest.mark.parametrize(
    "space",
    [
        gym.spaces.MultiDiscrete([2, 3]),
        gym.spaces.MultiBinary(3),
        gym.spaces.Tuple([gym.spaces.Discrete(2)]),
        gym.spaces.Box(0, 9, (2,), np.int64),
    ],
    ids=lambda space: type(space).__name__,
)
def test_actions_that_hands_cannot_give_are_refused(space):
    with pytest.raises(ArenaError, match="cannot be given by hand; choose an environment") as caught:
        alone(action_space=space)
    assert "\n" not in str(caught.value)


def test_unknown_actions_are_digits():
    controller = alone(99, action_space=gym.spaces.Discrete(4, start=-1))
    assert controller.keys() == {"0": "action -1", "1": "action 0", "2": "action 1", "3": "action 2"}
    press(controller, *"0123")
    assert [moment.action for moment in controller.player.moments][:-1] == [-1, 0, 1, 2]
    assert not controller.pressed("4")
    assert len(alone(action_space=gym.spaces.Discrete(50)).keys()) == 10


# Rivals


def test_a_rival_steps_along_and_both_scores_are_told():
    rival = player_of(6, name="robot")
    controller = HumanController(Playback([player_of(3, actor=HumanActor(), name="you"), rival]))
    for step in range(1, 4):
        press(controller, "1")
        assert controller.player.now.step == rival.now.step == step
    assert "robot" not in controller.playback.notice, "it still plays"
    for _ in range(5):
        controller.tick(0.1, None)
    assert rival.ended and controller.playback.notice.startswith("you 6   robot 21")
    press(controller, "return")
    assert (rival.episode, rival.now.step) == (1, 0)


def test_a_rival_that_ends_first_waits():
    rival = player_of(2, name="robot")
    controller = HumanController(Playback([player_of(4, actor=HumanActor()), rival]))
    press(controller, *"1111")
    controller.tick(0.1, None)
    assert (
        rival.now.step == 2 and controller.player.ended and "you 10   robot 3" in controller.playback.notice
    )


# In the window


def test_in_a_window_time_and_episodes_are_the_persons(desk):  # noqa: F811
    controller = alone(10)
    one = desk(controller.playback, size=(700, 460), controller=controller)
    press(controller, "1")
    for sheet_is_shown in (False, True):
        one.window.renderer.sheet = one.window.keys() if sheet_is_shown else ()
        for name in (name for key in TIME for name in key.names):
            one.press(name, name if len(name) == 1 else "")
            one.frames(2, 0.1)
        assert (controller.player.episode, controller.player.now.step, len(controller.player.moments)) == (
            0,
            1,
            2,
        )
    labels, _ = zip(*one.window.keys(), strict=True)
    assert labels[:3] == ("0", "1", "2") and len(labels) == len(set(labels))
    assert not {key.label for key in TIME} & set(labels)


def test_real_keys_steer_before_they_mean_anything_else(desk):  # noqa: F811
    controller = hands_of("arena/CliffWalk-v0")
    one = desk(controller.playback, size=(700, 460), controller=controller)
    one.focus()
    one.type("key", "Up", "Right", "Right")
    one.until(lambda: controller.player.now.step == 3)
    assert [moment.action for moment in controller.player.moments] == [0, 1, 1, None]
    one.type("key", "question")
    one.until(lambda: one.window.renderer.sheet)
    one.type("key", "Right", "Escape")
    one.until(lambda: not one.window.renderer.sheet)
    assert controller.player.now.step == 3 and one.window.open, "nobody moves behind the list of keys"
    for name in AROUND[3:]:
        one.press(name)
    one.frames(1, 0.1)
    assert len(controller.recorded_episodes) == 1 and "you -13" in controller.playback.notice
    one.type("key", "Return")
    one.until(lambda: controller.player.episode == 1)


def test_the_mouse_over_the_picture_steers(desk):  # noqa: F811
    controller = hands_of("arena/Pendulum-v0", speed=10.0)
    one = desk(controller.playback, size=(700, 460), controller=controller)
    one.frames(3, 0.1)
    assert controller.player.now.step == 0
    area = one.window.renderer.pictures[0]
    one.mouse(pygame.MOUSEMOTION, area.middle)
    one.frames(1, 0.0)
    one.mouse(pygame.MOUSEMOTION, (area.x + 0.75 * area.width, area.middle[1]))
    one.frames(1, 0.1)
    assert controller.player.moments[-2].action == pytest.approx([0.5], abs=0.02)
    one.mouse(pygame.MOUSEMOTION, (1, 1))
    steps = controller.player.now.step
    one.frames(1, 0.11)
    assert controller.player.now.step > steps, "beside it time goes on"
    assert controller.player.moments[-2].action == [0], "then nothing is pushed"


def test_a_held_key_is_let_go_by_its_real_release(desk):  # noqa: F811
    controller = hands_of("arena/Pendulum-v0", speed=10.0)
    one = desk(controller.playback, size=(700, 460), controller=controller)
    one.focus()
    for word, expected in (("keydown", [1.0]), ("keyup", [0.0])):
        one.type(word, "Right")
        one.until(lambda word=word: bool(controller._held) == (word == "keydown"))
        one.frames(2, 0.11)
        assert controller.player.moments[-2].action.tolist() == expected
