"""Streams whose environments cannot be replayed start new episodes, and those whose environments fail say where."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from stream_cases import (
    KINDS,
    MAKES,
    Alternating,
    Counting,
    Deaf,
    Late,
    Planted,
    foreign,
    native,
    plan,
    run,
    wrapped,
)

from arena.environments.spaces import view
from arena.environments.tabular import TableVectorEnv
from arena.errors import ArenaError
from arena.storage import codec
from arena.streams.gymnasium_stream import GymnasiumStream, replay_obstacle

# What cannot be replayed


HIDDEN = {
    "counter": (wrapped(Counting), "reward"),
    "alternating": (wrapped(Alternating), "reward"),
    "running mean": (wrapped(gym.wrappers.NormalizeObservation), "observation"),
    "running reward scale": (wrapped(gym.wrappers.NormalizeReward), "reward"),
    "deaf to the seed": (wrapped(Deaf), "observation"),
}


def _probe(make):
    env = make()
    return replay_obstacle(make, view(env.observation_space, KINDS), view(env.action_space, KINDS))


@pytest.mark.parametrize("name", HIDDEN)
def test_hidden_state_is_detected(name):
    make, what = HIDDEN[name]
    assert f"another {what}" in _probe(make)


@pytest.mark.parametrize("name", MAKES)
def test_honest_environments_are_not_accused(name):
    assert _probe(MAKES[name]) is None


def test_an_environment_that_raises_alike_is_replayable():
    assert _probe(wrapped(Planted, "raise")) is None


def test_an_obstacle_starts_new_episodes():
    make = HIDDEN["counter"][0]
    stream = foreign(make, 2, obstacle=_probe(make))
    run(stream, plan(stream, 50))
    state = codec.decode(codec.encode(stream.state_dict()))
    resumed = foreign(make, 2)
    resumed.load_state_dict(state)
    _anew(stream, resumed)
    assert "the same seed and actions gave another reward" in resumed.notice
    assert resumed.obstacle == stream.obstacle  # the state carries it


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("name", ["counter", "running mean", "deaf to the seed"])
def test_the_digest_detects_a_wrong_replay_without_a_probe(name, asynchronous):
    stream = foreign(HIDDEN[name][0], 2, asynchronous=asynchronous)
    run(stream, plan(stream, 50))
    resumed = foreign(HIDDEN[name][0], 2, asynchronous=asynchronous)
    resumed.load_state_dict(stream.state_dict())
    _anew(stream, resumed)
    run(resumed, plan(resumed, 50))
    for each in (stream, resumed):
        each.close()


def test_a_state_too_late_for_the_probe_is_caught_by_the_digest():
    make = wrapped(Late)
    assert _probe(make) is None
    stream = foreign(make)
    # At the second step of an episode, five episodes on.
    while stream.episodes < 6 or stream.episode_account["length"][0] < 2:
        stream.step(np.array([1]))
    resumed = foreign(make)
    resumed.load_state_dict(stream.state_dict())
    _anew(stream, resumed)


@pytest.mark.parametrize("key", ["digest", "observation"])
def test_every_byte_is_compared(key):
    stream = foreign(MAKES["CartPole-v1"], 3)
    run(stream, plan(stream, 30))
    state = stream.state_dict()
    state["source"][key][1:2] += 1
    resumed = foreign(MAKES["CartPole-v1"], 3)
    resumed.load_state_dict(state)
    _anew(stream, resumed)
    assert "environment 1 did not repeat itself" in resumed.notice


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_replay_that_raises_starts_anew(asynchronous):
    stream = foreign(MAKES["CartPole-v1"], 2)
    for action in plan(stream, 7):
        stream.step(action)
    resumed = foreign(wrapped(Planted, "raise"), 2, asynchronous=asynchronous)
    resumed.load_state_dict(stream.state_dict())
    _anew(stream, resumed)
    assert "raised ValueError" in resumed.notice
    resumed.step(np.zeros(2))
    resumed.close()


def _anew(stream, resumed):
    assert resumed.notice.startswith("CartPole-v1 cannot be resumed mid-episode: ")
    assert resumed.notice.endswith("; its episodes are restarted")
    assert "\n" not in resumed.notice
    assert resumed._episode == [episode + 1 for episode in stream._episode]
    assert not resumed.episode_account["length"].any()
    assert (resumed.steps, resumed.episodes) == (stream.steps, stream.episodes)


# What environments do wrong


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    ("what", "message"),
    [
        (
            "raise",
            "CartPole-v1 raised ValueError in environment 0 at step 8: 100% broken, in two lines %d; see",
        ),
        ("unpicklable", "CartPole-v1 raised Local in environment 0 at step 8: gone; see --debug"),
        ("observation nan", "CartPole-v1 gave an observation with nan in environment 0 at step 8; "),
        ("observation -inf", "CartPole-v1 gave an observation with -inf in environment 0 at step 8; "),
        ("nan", "CartPole-v1 gave the reward nan in environment 0 at step 8; "),
        ("inf", "CartPole-v1 gave the reward inf in environment 0 at step 8; "),
    ],
)
def test_errors_name_lane_and_step(what, message, asynchronous):
    stream = foreign(wrapped(Planted, what), 2, asynchronous=asynchronous)
    with pytest.raises(ArenaError) as caught:
        run(stream, [np.zeros(2, int)] * 10)
    assert str(caught.value).startswith(message)
    if what == "raise":
        cause = caught.value.__cause__
        assert "100% broken" in str(cause)
        assert "Traceback" in str(cause) if asynchronous else type(cause) is ValueError
    stream.close()
    stream.close()


class Overflowing(TableVectorEnv):
    """Its second lane earns what no number tells."""

    def advance(self, action):
        super().advance(action)
        self.reward[1] = np.nan


def test_our_own_environments_are_watched_as_well():
    with pytest.raises(ArenaError, match="toy gave the reward nan in environment 1 at step 0; fix it"):
        native(3, kind=Overflowing).step(np.zeros(3, int))


def test_an_error_in_reset_names_its_lane():
    with pytest.raises(
        ArenaError, match="raised OSError in environment 0 at step 0: no display; see --debug"
    ):
        foreign(wrapped(Planted, "reset"))


def test_an_error_in_making_says_so():
    make = MAKES["CartPole-v1"]
    env = make()
    spaces = view(env.observation_space, KINDS), view(env.action_space, KINDS)
    with pytest.raises(ArenaError, match=r"X cannot be made: KeyError: 'map'"):
        GymnasiumStream(lambda: {}["map"], 1, *spaces, lambda lane, episode: 0, label="X")


def test_an_index_out_of_its_space_is_refused():
    make = lambda: gym.wrappers.TransformObservation(
        gym.make("FrozenLake-v1"), lambda o: o - 1, gym.spaces.Discrete(16)
    )
    with pytest.raises(ArenaError, match="gave the observation -1, which is not in its space of 16"):
        foreign(make)


def test_an_illegal_action_is_an_error():
    stream = foreign(MAKES["CartPole-v1"], 2)
    with pytest.raises(ArenaError, match="raised AssertionError in environment 1"):
        stream.step(np.array([0, 7]))


def test_a_worker_that_dies_is_an_error():
    stream = foreign(MAKES["CartPole-v1"], 2, asynchronous=True)
    stream._vector.processes[1].kill()
    stream._vector.processes[1].join()
    with pytest.raises(ArenaError, match="lost a worker process at step"):
        run(stream, plan(stream, 3))
    stream.close()


@pytest.mark.parametrize("value", [3e38, 1e200])
def test_large_observations_are_finite(value):
    dtype = np.float32 if value < 1e100 else np.float64
    space = gym.spaces.Box(-np.inf, np.inf, (4,), dtype)
    make = lambda: gym.wrappers.TransformObservation(
        gym.make("CartPole-v1"), lambda o: np.array([value, -value, 0, 0], dtype), space
    )
    run(stream := foreign(make, 2), plan(stream, 5))
