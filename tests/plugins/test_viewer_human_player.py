"""A person at play: keys and the mouse become steps, time is theirs, and what is kept is what happened."""

import gymnasium as gym
import numpy as np
import pygame
import pytest
from planted_screen import desk, screen  # noqa: F401
from planted_worlds import player_of

from arena.environments import EnvironmentFactory
from arena.errors import ArenaError
from arena.evaluate import episode_seed
from arena_viewer.human_player import Hands, Person
from arena_viewer.key_actions import PUSHES, controls_of, steered
from arena_viewer.keys import TIME
from arena_viewer.playback import Show
from arena_viewer.player import Player

#: Up, along the cliff, and down to the goal.
AROUND = ["up", *["right"] * 11, "down"]


def hands_of(place, *others, horizon=1000, speed=None, **options):
    """A person in an environment, beside others."""
    factory = EnvironmentFactory.resolve(place, options)
    return Hands(Show([Player(factory, Person(), seed=5, horizon=horizon, name="you"), *others]), speed)


def alone(length=10, **options):
    """A person in a corridor."""
    return Hands(Show([player_of(length, actor=Person(), **options)]))


def press(hands, *names):
    for name in names:
        assert hands.pressed(name)
        hands.released(name)


# Where time stands still


def test_a_key_is_a_step():
    hands = hands_of("arena/CliffWalk-v0")
    press(hands, *AROUND)
    assert hands.player.now.step == 13 and hands.player.now.total == -13
    assert hands.player.now.ended == "terminated"
    painter = hands.player.painter
    cells = [painter.cell(moment.scene) for moment in hands.player.moments]
    assert cells == [36, *range(24, 36), 47]
    assert [moment.action for moment in hands.player.moments] == [0, *[1] * 11, 2, None]


def test_without_a_key_nothing_happens():
    hands = hands_of("arena/CliffWalk-v0")
    for _ in range(100):
        hands.tick(1.0, (0.0, 0.0))
    hands.released("up")
    for name in ("x", "space", "return", "escape", "page up"):
        assert not hands.pressed(name)
    assert hands.player.now.step == 0 and not hands.played


def test_a_step_is_seen_gliding():
    hands = hands_of("arena/CliffWalk-v0")
    press(hands, "up")
    assert hands.show.position == 0
    hands.tick(0.03, None)
    assert 0 < hands.show.position < 1 and hands.show.paused
    hands.tick(1.0, None)
    assert hands.show.position == 1


def test_an_episode_is_kept_whole():
    hands = hands_of("arena/CliffWalk-v0")
    press(hands, *AROUND)
    (played,) = hands.played
    assert played.seed == episode_seed(5, 0)
    assert len(played.observations) == 14 and len(played.actions) == 13
    assert played.actions == [0, *[1] * 11, 2] and played.rewards == [-1.0] * 13
    assert played.terminations == [*[False] * 12, True] and not any(played.truncations)
    env = EnvironmentFactory.resolve("arena/CliffWalk-v0").make()
    observation, _ = env.reset(seed=played.seed)
    for action, before, after in zip(
        played.actions, played.observations, played.observations[1:], strict=False
    ):
        assert np.array_equal(observation, before)
        observation = env.step(action)[0]
        assert np.array_equal(observation, after)


def test_an_episode_that_is_cut_off_is_told_apart():
    hands = hands_of("arena/CliffWalk-v0", horizon=3)
    press(hands, "up", "down", "left")
    (played,) = hands.played
    assert played.truncations == [False, False, True] and not any(played.terminations)


def test_enter_goes_on_and_backspace_plays_again():
    hands = alone(3)
    seen = []
    for end in ("return", "backspace", "enter", "backspace"):
        press(hands, "1", "2", "0", "0", "1")  # what comes after the end is no step
        seen.append((hands.player.episode, hands.player.now.step))
        press(hands, end)
        assert hands.player.now.step == 0 and hands.show.position == 0
    assert seen == [(0, 3), (1, 3), (1, 3), (2, 3)] and hands.player.episode == 2
    assert [episode.seed for episode in hands.played] == [episode_seed(0, k) for k in (0, 1, 1, 2)]
    assert all(episode.actions == [1, 2, 0] and len(episode.observations) == 4 for episode in hands.played)
    assert len({id(episode.observations) for episode in hands.played}) == 4


def test_who_begins_again_midway_keeps_nothing_of_it():
    hands = alone(3)
    press(hands, "1", "1", "backspace", "2", "2", "2")
    (played,) = hands.played
    assert played.actions == [2, 2, 2] and played.rewards == [1, 2, 3] and hands.player.episode == 0


# Where time runs


def test_time_runs_from_the_first_key_on():
    hands = hands_of("CartPole-v1", speed=50.0)
    assert hands.runs and "press a key" in hands.show.notice
    for _ in range(100):
        hands.tick(0.1, (0.0, 0.0))
    assert hands.player.now.step == 0
    assert hands.pressed("right")
    hands.tick(0.0601, None)
    hands.released("right")
    hands.tick(0.06, None)
    actions = [moment.action for moment in hands.player.moments][:-1]
    assert actions == [1, 1, 1, *[hands.controls.idle] * 3]


def test_the_last_of_several_keys_that_are_held_counts_and_the_speed_is_kept():
    hands = hands_of("MountainCar-v0")
    assert hands._speed == hands.player.env.metadata["render_fps"] == 30
    hands.pressed("left")
    hands.tick(1 / 30 + 1e-9, None)
    hands.released("left")
    hands.tick(10 / 30, None)
    assert [moment.action for moment in hands.player.moments][:-1] == [0, *[1] * 10]
    assert hands.show.newest - 1 <= hands.show.position <= hands.show.newest


def test_time_stops_at_the_end_and_begins_anew_with_a_key():
    hands = hands_of("CartPole-v1", speed=10.0)
    hands.pressed("left")
    for _ in range(100):
        hands.tick(0.1, None)
    assert hands.player.ended and hands.player.now.step < 20 and len(hands.played) == 1
    assert "you" in hands.show.notice and "enter" in hands.show.notice
    hands.released("left")
    press(hands, "return")
    hands.tick(1.0, None)
    assert (hands.player.episode, hands.player.now.step) == (1, 0)
    hands.pressed("left")
    hands.tick(0.3, None)
    assert hands.player.now.step == 3


@pytest.mark.parametrize(
    ("held", "mouse", "expected"),
    [((), (0.5, 0.9), 0.5), ((), (-1.0, 0.0), -1.0), (("right",), (-1.0, 0.0), 1.0), (("left",), None, -1.0)],
)
def test_numbers_are_given_by_keys_and_by_the_mouse(held, mouse, expected):
    hands = hands_of("arena/Pendulum-v0", speed=10.0)
    for name in held:
        assert hands.pressed(name)
    hands.tick(0.0, mouse and (0.9, 0.9))  # it has to move before it counts
    hands.tick(0.35, mouse)
    assert hands.player.now.step == 3
    for moment in list(hands.player.moments)[:-1]:
        assert hands.space.contains(moment.action) and moment.action == pytest.approx([expected])


def test_a_mouse_that_was_never_there_begins_nothing():
    hands = hands_of("arena/Pendulum-v0")
    hands.tick(1.0, None)
    assert hands.player.now.step == 0
    hands.tick(1.0, (0.0, 0.0))
    hands.tick(1.0, (0.0, 0.0))
    assert hands.player.now.step == 0, "nor does one that rests where the window has opened"
    hands.tick(1.0, (0.1, 0.0))
    assert hands.player.now.step > 0


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
        action = steered(space, frozenset(held), None, resting)
        assert action.tolist() == [expected] and action.dtype == np.float32
    assert steered(space, frozenset(), (1.0, -1.0), resting).tolist() == [[3, 0.5]]
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
    hands = alone(99, action_space=gym.spaces.Discrete(4, start=-1))
    assert hands.keys() == {"0": "action -1", "1": "action 0", "2": "action 1", "3": "action 2"}
    press(hands, *"0123")
    assert [moment.action for moment in hands.player.moments][:-1] == [-1, 0, 1, 2]
    assert not hands.pressed("4")
    assert len(alone(action_space=gym.spaces.Discrete(50)).keys()) == 10


# Rivals


def test_a_rival_steps_along_and_both_scores_are_told():
    rival = player_of(6, name="robot")
    hands = Hands(Show([player_of(3, actor=Person(), name="you"), rival]))
    for step in range(1, 4):
        press(hands, "1")
        assert hands.player.now.step == rival.now.step == step
    assert "robot" not in hands.show.notice, "it still plays"
    for _ in range(5):
        hands.tick(0.1, None)
    assert rival.ended and hands.show.notice.startswith("you 6   robot 21")
    press(hands, "return")
    assert (rival.episode, rival.now.step) == (1, 0)


def test_a_rival_that_ends_first_waits():
    rival = player_of(2, name="robot")
    hands = Hands(Show([player_of(4, actor=Person()), rival]))
    press(hands, *"1111")
    hands.tick(0.1, None)
    assert rival.now.step == 2 and hands.player.ended and "you 10   robot 3" in hands.show.notice


# In the window


def test_in_a_window_time_and_episodes_are_the_persons(desk):  # noqa: F811
    hands = alone(10)
    one = desk(hands.show, size=(700, 460), pilot=hands)
    press(hands, "1")
    for sheet_is_shown in (False, True):
        one.window.stage.sheet = one.window.keys() if sheet_is_shown else ()
        for name in (name for key in TIME for name in key.names):
            one.press(name, name if len(name) == 1 else "")
            one.frames(2, 0.1)
        assert (hands.player.episode, hands.player.now.step, len(hands.player.moments)) == (0, 1, 2)
    labels, _ = zip(*one.window.keys(), strict=True)
    assert labels[:3] == ("0", "1", "2") and len(labels) == len(set(labels))
    assert not {key.label for key in TIME} & set(labels)


def test_real_keys_steer_before_they_mean_anything_else(desk):  # noqa: F811
    hands = hands_of("arena/CliffWalk-v0")
    one = desk(hands.show, size=(700, 460), pilot=hands)
    one.focus()
    one.type("key", "Up", "Right", "Right")
    one.until(lambda: hands.player.now.step == 3)
    assert [moment.action for moment in hands.player.moments] == [0, 1, 1, None]
    one.type("key", "question")
    one.until(lambda: one.window.stage.sheet)
    one.type("key", "Right", "Escape")
    one.until(lambda: not one.window.stage.sheet)
    assert hands.player.now.step == 3 and one.window.open, "nobody moves behind the list of keys"
    for name in AROUND[3:]:
        one.press(name)
    one.frames(1, 0.1)
    assert len(hands.played) == 1 and "you -13" in hands.show.notice
    one.type("key", "Return")
    one.until(lambda: hands.player.episode == 1)


def test_the_mouse_over_the_picture_steers(desk):  # noqa: F811
    hands = hands_of("arena/Pendulum-v0", speed=10.0)
    one = desk(hands.show, size=(700, 460), pilot=hands)
    one.frames(3, 0.1)
    assert hands.player.now.step == 0
    area = one.window.stage.pictures[0]
    one.mouse(pygame.MOUSEMOTION, area.middle)
    one.frames(1, 0.0)
    one.mouse(pygame.MOUSEMOTION, (area.x + 0.75 * area.width, area.middle[1]))
    one.frames(1, 0.1)
    assert hands.player.moments[-2].action == pytest.approx([0.5], abs=0.02)
    one.mouse(pygame.MOUSEMOTION, (1, 1))
    steps = hands.player.now.step
    one.frames(1, 0.11)
    assert hands.player.now.step > steps, "beside it time goes on"
    assert hands.player.moments[-2].action == [0], "then nothing is pushed"


def test_a_held_key_is_let_go_by_its_real_release(desk):  # noqa: F811
    hands = hands_of("arena/Pendulum-v0", speed=10.0)
    one = desk(hands.show, size=(700, 460), pilot=hands)
    one.focus()
    for word, expected in (("keydown", [1.0]), ("keyup", [0.0])):
        one.type(word, "Right")
        one.until(lambda word=word: bool(hands._held) == (word == "keydown"))
        one.frames(2, 0.11)
        assert hands.player.moments[-2].action.tolist() == expected
