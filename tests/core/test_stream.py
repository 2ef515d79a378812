"""Streams of both kinds obey the same laws; a foreign one is resumed by replay, or says that it was not."""

from __future__ import annotations

import functools

import gymnasium as gym
import numpy as np
import pytest
from stream_cases import (
    MAKES,
    STREAMS,
    foreign,
    plan,
    run,
    seed_of,
)

from arena.errors import ArenaError
from arena.storage import codec


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("name", MAKES)
def test_a_lane_equals_the_environment_alone(name, asynchronous):
    """True successors, next seeds, own copies of actions: each lane is a plain Gymnasium loop."""
    stream = foreign(MAKES[name], 3, label=name, asynchronous=asynchronous)
    actions, steps = plan(stream, 60), []
    for action in actions:
        steps.append([part.copy() for part in stream.step(action)])
    for lane in range(3):
        env, episode = MAKES[name](), 0
        see = lambda x: stream.observations.encode(_batch(x))[0]
        observation, _ = env.reset(seed=seed_of(0, lane, 0))
        for action, (before, taken, reward, terminated, truncated, after, bonus) in zip(
            actions, steps, strict=True
        ):
            np.testing.assert_array_equal(before[lane], see(observation))
            np.testing.assert_array_equal(taken[lane], action[lane])
            observation, earned, ended, cut, _ = env.step(action[lane].copy())
            assert (reward[lane], terminated[lane], truncated[lane]) == (earned, ended, cut)
            np.testing.assert_array_equal(after[lane], see(observation))
            assert bonus[lane] == 0
            if ended or cut:
                episode += 1
                observation, _ = env.reset(seed=seed_of(0, lane, episode))
        env.close()
        assert episode > 0
    stream.close()


def _batch(observation):
    if isinstance(observation, dict):
        return {key: _batch(part) for key, part in observation.items()}
    if isinstance(observation, tuple):
        return tuple(map(_batch, observation))
    return np.asarray(observation)[None]


@pytest.mark.parametrize("name", STREAMS)
def test_the_account_equals_a_loop(name):
    stream = STREAMS[name](5)
    returns, lengths, total, length = [], [], [0.0] * 5, [0] * 5
    for action in plan(stream, 150):
        transition = stream.step(action)
        for i in range(5):
            total[i] += float(transition.reward[i])
            length[i] += 1
            if transition.terminated[i] or transition.truncated[i]:
                returns.append(total[i])
                lengths.append(length[i])
                total[i], length[i] = 0.0, 0
    assert stream.steps == 750
    assert stream.episodes == len(returns) > 0
    assert list(stream.episode_account["total"]) == total
    assert list(stream.episode_account["length"]) == length
    log = {"episode_return": sum(returns) / len(returns), "episode_length": sum(lengths) / len(lengths)}
    assert stream.take_log() == log
    assert stream.take_log() == dict.fromkeys(log)
    stream.close()


@pytest.mark.parametrize("name", STREAMS)
def test_same_seed_same_bytes(name):
    streams = [STREAMS[name](2, seed) for seed in (0, 0, 1)]
    actions = plan(streams[0], 80)
    first, second, other = (run(stream, actions) for stream in streams)
    assert first == second != other
    streams[0].begin()
    assert run(streams[0], actions) == first
    assert streams[0].steps == 160
    for stream in streams:
        stream.close()


@pytest.mark.parametrize("num_envs", [1, 5])
@pytest.mark.parametrize("name", STREAMS)
def test_resumed_equals_uninterrupted(name, num_envs):
    generator = np.random.default_rng([num_envs, *name.encode()])
    for instant in (0, *generator.integers(1, 90, size=4)):
        _resume(STREAMS[name], num_envs, int(instant))


@pytest.mark.parametrize("name", MAKES)
def test_asynchronous_resumes_too(name):
    _resume(functools.partial(STREAMS[name], asynchronous=True), 3, 41)


def test_asynchronous_and_synchronous_states_are_the_same():
    _resume(STREAMS["CartPole-v1"], 2, 50, functools.partial(STREAMS["CartPole-v1"], asynchronous=True))


def _resume(make, num_envs, instant, make_again=None):
    stream = make(num_envs)
    actions = plan(stream, 130, seed=instant)
    run(stream, actions[:instant])
    encoded = codec.encode(stream.state_dict())
    expected = run(stream, actions[instant:])
    end = codec.encode(stream.state_dict())
    stream.close()
    resumed = (make_again or make)(num_envs)
    run(resumed, plan(resumed, 7, seed=99))  # wherever it stands
    resumed.load_state_dict(codec.decode(encoded))
    assert resumed.notice is None
    assert codec.encode(resumed.state_dict()) == encoded
    assert run(resumed, actions[instant:]) == expected
    assert codec.encode(resumed.state_dict()) == end
    resumed.close()


def test_a_long_episode_grows_the_history_and_resumes():
    _grow(functools.partial(gym.make, "MountainCar-v0", max_episode_steps=10**6), 3000)
    _grow(functools.partial(gym.make, "FrozenLake-v1"), 5000)


def test_a_history_that_has_just_slid_resumes():
    stream = foreign(MAKES["CartPole-v1"], 2)
    for action in plan(stream, 1030):
        before = stream._history._end
        stream.step(action)
        if stream._history._end < before:
            break
    assert stream.episode_account["length"].max() > 1
    resumed = foreign(MAKES["CartPole-v1"], 2)
    resumed.load_state_dict(stream.state_dict())
    assert resumed.notice is None
    assert stream.state_dict()["source"]["length"].tolist() == stream.episode_account["length"].tolist()


def _grow(make, steps):
    stream = foreign(make, 2)
    actions = plan(stream, steps + 20)
    run(stream, actions[:steps])
    state = stream.state_dict()
    length = state["source"]["length"]
    assert len(state["source"]["actions"]) == length.max()
    assert len(stream._history._rows) < 2 * max(1024, length.max()) + 1024
    resumed = foreign(make, 2)
    resumed.load_state_dict(state)
    assert resumed.notice is None
    assert run(stream, actions[steps:]) == run(resumed, actions[steps:])


@pytest.mark.parametrize(("name", "other"), [("CartPole-v1", "native"), ("native", "CartPole-v1")])
def test_a_state_of_another_stream_is_refused(name, other):
    state = STREAMS[name](2).state_dict()
    with pytest.raises(ArenaError, match=r"of 2 environments, not a .* of 2"):
        STREAMS[other](2).load_state_dict(state)
    with pytest.raises(ArenaError, match=r"of 2 environments, not a .* of 3; .*--envs"):
        STREAMS[name](3).load_state_dict(state)
