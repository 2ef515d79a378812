"""Plain Stable-Baselines3 in the very episodes and with the very random numbers of a `Trial`."""

import contextlib

import gymnasium as gym
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

from arena.random.generators import Generators, derive
from arena.testing import Trial


class Seeded(gym.Wrapper):
    """Begins each episode from the seed that a run's stream gives it; one without a step begins again."""

    def __init__(self, env, seed, lane):
        super().__init__(env)
        self.run_seed, self.lane, self.episode, self.stepped = seed, lane, 0, False

    def reset(self, **options):
        self.episode += self.stepped
        self.stepped = False
        return self.env.reset(
            seed=derive(self.run_seed, "environment", self.lane, self.episode, bits=64) % 2**31
        )

    def step(self, action):
        self.stepped = True
        return self.env.step(action)


def dummy(env, num_envs, seed=0):
    """Stable-Baselines3's own vector environment, autoreset and all."""
    return DummyVecEnv([lambda i=i: Monitor(Seeded(gym.make(env), seed, i)) for i in range(num_envs)])


def learned(algorithm, env, num_envs, steps, **options):
    """A model after `learn`, which knows nothing of arena but its random numbers."""
    generators = Generators(0)
    with contextlib.closing(dummy(env, num_envs)) as vector, generators.lent("agent"):
        vector.action_space._np_random = generators.numpy("sb3-actions")
        options["policy_kwargs"] = dict(options["policy_kwargs"])  # of which the algorithm makes its own use
        return algorithm("MlpPolicy", vector, device="cpu", **options).learn(steps)


def trained(agent, env, num_envs, steps, pace, **options):
    """Our agent after as many steps, stopped at every `pace`-th."""
    options = {"schedule_steps": steps, **options}
    with Trial(agent, env, num_envs=num_envs, agent_options=options) as trial:
        return trial.train(steps, pace).agent
