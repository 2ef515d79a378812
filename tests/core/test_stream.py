"""Streams of both kinds obey the same laws; a foreign one is resumed by replay, or says that it was not."""

from __future__ import annotations

import functools

import gymnasium as gym
import numpy as np
import pytest

from arena.environments.mdp import TransitionModel
from arena.environments.spaces import BOX, DISCRETE, view
from arena.environments.tabular import TableVectorEnv
from arena.errors import ArenaError
from arena.random.generators import derive
from arena.storage import codec
from arena.streams.base import NativeStream
from arena.streams.gymnasium_stream import GymnasiumStream, probe


class Toy(gym.Env):
    """A Dict observation, a Box action that it keeps and compares with the next, and a random end."""

    observation_space = gym.spaces.Dict(
        place=gym.spaces.Box(-np.inf, np.inf, (2,), np.float64), phase=gym.spaces.Discrete(3, start=1)
    )
    action_space = gym.spaces.Box(-1, 1, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place, self.t, self.last = self.np_random.normal(size=2), 0, None
        return self._look(), {"ragged": np.zeros(self.np_random.integers(1, 5))}

    def step(self, action):
        change = 0.0 if self.last is None else float(np.abs(action - self.last).sum())
        self.last = action
        action *= 2  # an environment may do as it likes with what it is given
        self.place += action + self.np_random.normal(size=2)
        self.t += 1
        return self._look(), change, bool(self.np_random.random() < 0.1), self.t >= 12, {}

    def _look(self):
        return {"place": self.place, "phase": 1 + self.t % 3}  # its own buffer


class Counting(gym.Wrapper):
    """Hidden state that outlives an episode: the reward tells how many there were, from some episode on."""

    first = 0
    period = 10**9
    count = 0

    def reset(self, **options):
        self.count += 1
        return self.env.reset(**options)

    def step(self, action):
        observation, reward, *rest = self.env.step(action)
        return observation, reward + max(0, self.count % self.period - self.first), *rest


class Late(Counting):
    first = 4


class Alternating(Counting):
    period = 2


class Deaf(gym.Wrapper):
    """Ignores the seed."""

    def reset(self, *, seed=None, options=None):
        return self.env.reset(options=options)


class Planted(gym.Wrapper):
    """Does something wrong at the fifth step of an episode: raises, or gives NaN."""

    def __init__(self, env, what):
        super().__init__(env)
        self.what = what

    def reset(self, **options):
        self.t = 0
        if self.what == "reset":
            raise OSError("no display")
        return self.env.reset(**options)

    def step(self, action):
        observation, reward, *rest = self.env.step(action)
        self.t += 1
        if self.t == 5:
            if self.what == "raise":
                raise ValueError("100% broken,\nin two lines %d")
            if self.what == "unpicklable":
                raise type("Local", (Exception,), {})("gone")
            if self.what.startswith("observation"):
                observation = np.full_like(observation, float(self.what.split()[1]))
            if self.what in ("nan", "inf"):
                reward = float(self.what)
        return observation, reward, *rest


MAKES = {
    "CartPole-v1": functools.partial(gym.make, "CartPole-v1"),
    "Blackjack-v1": functools.partial(gym.make, "Blackjack-v1"),
    "FrozenLake-v1": functools.partial(gym.make, "FrozenLake-v1"),
    "toy": Toy,
}
KINDS = (DISCRETE, BOX)


def seed_of(run, lane, episode):
    return derive(run, "environment", lane, episode, bits=64) % 2**31


def foreign(make, num_envs=1, seed=0, label="CartPole-v1", **options):
    env = make()
    seen, taken = view(env.observation_space, KINDS), view(env.action_space, KINDS)
    env.close()
    return GymnasiumStream(
        make, num_envs, seen, taken, functools.partial(seed_of, seed), label=label, **options
    )


def native(num_envs=1, seed=0, kind=TableVectorEnv):
    env = gym.make("FrozenLake-v1").unwrapped
    model = TransitionModel.from_gymnasium(env.P, env.initial_state_distrib)
    vector = kind(model, num_envs, 20)
    seen, taken = view(vector.single_observation_space, KINDS), view(vector.single_action_space, KINDS)
    return NativeStream(
        vector, seen, taken, [seed_of(seed, lane, 0) for lane in range(num_envs)], label="toy"
    )


STREAMS = {name: functools.partial(foreign, make, label=name) for name, make in MAKES.items()}
STREAMS["native"] = native


def plan(stream, steps, seed=0):
    """The same random actions for every stream of the kind."""
    generator = np.random.default_rng(seed)
    space, n = stream.action_space, stream.num_envs
    if isinstance(space, gym.spaces.Discrete):
        return generator.integers(space.n, size=(steps, n))
    return generator.uniform(-1, 1, size=(steps, n, *space.shape)).astype(space.dtype)


def run(stream, actions):
    """What the steps gave, as bytes."""
    return [
        b"".join(part.tobytes() for part in stream.step(action)) + stream.observation.tobytes()
        for action in actions
    ]


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


# What cannot be replayed


def wrapped(wrapper, *arguments):
    return lambda: wrapper(gym.make("CartPole-v1"), *arguments)


HIDDEN = {
    "counter": (wrapped(Counting), "reward"),
    "alternating": (wrapped(Alternating), "reward"),
    "running mean": (wrapped(gym.wrappers.NormalizeObservation), "observation"),
    "running reward scale": (wrapped(gym.wrappers.NormalizeReward), "reward"),
    "deaf to the seed": (wrapped(Deaf), "observation"),
}


def _probe(make):
    env = make()
    return probe(make, view(env.observation_space, KINDS), view(env.action_space, KINDS))


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
    with pytest.raises(ArenaError, match="toy gave the reward nan in environment 1 at step 0; fix"):
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
    with pytest.raises(ArenaError, match=r"X raised KeyError \('map'\) when it was made"):
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
