"""Streams of small environments, sound and misbehaving ones, for the tests of `arena.streams.base`."""

from __future__ import annotations

import functools

import gymnasium as gym
import numpy as np

from arena.environments.mdp import TransitionModel
from arena.environments.spaces import BOX, DISCRETE, view
from arena.environments.tabular import TableVectorEnv
from arena.random.generators import derive
from arena.streams.base import NativeStream
from arena.streams.gymnasium_stream import GymnasiumStream


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


def wrapped(wrapper, *arguments):
    return lambda: wrapper(gym.make("CartPole-v1"), *arguments)
