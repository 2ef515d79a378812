"""Labels of control: `info` has the state that the observation is of, whatever shows it, single and in a vector."""

import copy

import gymnasium as gym
import numpy as np
import pytest

import arena_control_plugin
from arena.errors import ArenaError

IDS = [spec.name for spec in arena_control_plugin.ENVIRONMENTS]
TOLD = {"labels": ("state",)}


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize(
    "shown", [{}, {"observation": "pixels", "image_size": 16}, {"observation_noise": 0.3}], ids=str
)
def test_the_label_is_the_state_without_noise(env_id, shown):
    plain, told = gym.make(env_id), gym.make(env_id, **TOLD, **shown)
    space = told.unwrapped.label_spaces["state"]
    assert space == plain.observation_space and plain.unwrapped.label_spaces == {}
    told.action_space.seed(0)
    expected, nothing = plain.reset(seed=3)
    observation, info = told.reset(seed=3)
    for _ in range(30):
        assert nothing == {} and info.keys() == {"state"}
        assert info["state"].dtype == np.float32 and np.array_equal(info["state"], expected)
        assert not shown or not np.array_equal(observation, expected)
        action = told.action_space.sample()
        expected, *rest, nothing = plain.step(action)
        observation, *same, info = told.step(action)
        assert rest == same
        if rest[1] or rest[2]:
            expected, nothing = plain.reset()
            observation, info = told.reset()


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("shown", [{}, {"observation": "pixels", "image_size": 16}], ids=str)
def test_a_lane_tells_what_the_single_environment_does(env_id, shown):
    lanes, limit = 3, 7
    many = gym.make_vec(env_id, lanes, max_episode_steps=limit, **TOLD, **shown)
    assert many.unwrapped.label_spaces.keys() == {"state"}
    ones = [gym.wrappers.TimeLimit(gym.make(env_id, **TOLD, **shown).unwrapped, limit) for _ in range(lanes)]
    _, infos = many.reset(seed=3)
    for i, env in enumerate(ones):
        assert np.array_equal(env.reset(seed=3 + i)[1]["state"], infos["state"][i]) and infos["_state"][i]
    many.action_space.seed(0)
    ended = 0
    for _ in range(20):
        actions = many.action_space.sample()
        _, _, terminated, truncated, infos = many.step(actions)
        for i, env in enumerate(ones):
            *_, info = env.step(actions[i])
            if terminated[i] or truncated[i]:
                ended += 1
                final = infos["final_info"]
                assert infos["_final_info"][i] and final["_state"][i]
                assert np.array_equal(final["state"][i], info["state"])
                _, info = env.reset()
            assert np.array_equal(infos["state"][i], info["state"]) and infos["_state"][i]
    assert ended >= 6


def test_labels_are_the_receiver_s_own():
    env = gym.make_vec("arena/Pendulum-v0", 2, **TOLD)
    _, info = env.reset(seed=0)
    before = info["state"].copy()
    env.step(env.action_space.sample())
    assert np.array_equal(info["state"], before)
    other = copy.deepcopy(env)
    assert np.array_equal(
        env.step(np.ones((2, 1), np.float32))[4]["state"], other.step(np.ones((2, 1), np.float32))[4]["state"]
    )


def test_no_other_labels():
    with pytest.raises(ArenaError, match=r"labels\[0\] is 'semantic', which is not 'state'; give 'state'"):
        gym.make("arena/Pendulum-v0", labels=("semantic",))
