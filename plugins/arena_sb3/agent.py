"""What Stable-Baselines3's algorithms have in common as agents: how they are set up, act, and are saved."""

from __future__ import annotations

import copy
import math
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.base_class import BaseAlgorithm

from arena.agents.base import Agent, Problem
from arena.errors import ArenaError
from arena.random.generators import Generators
from arena.storage.codec import State
from arena.streams.base import Stream
from arena_sb3.model import build
from arena_sb3.stream_env import StreamVecEnv
from arena_sb3.zips import read_zip

__all__ = ["StableBaselines", "vector_steps"]

Array = npt.NDArray[Any]

#: Plain attributes of the algorithms on which their loops depend; not every one has all of them.
COUNTS = (
    *("num_timesteps", "_n_updates", "_episode_num", "_n_calls"),
    *("exploration_rate", "_current_progress_remaining"),
)


class StableBaselines(Agent):
    """One of Stable-Baselines3's algorithms.

    It is set up once; a subclass's `train` then calls its own ``collect_rollouts`` and ``train``, which is what its
    ``learn`` does: calling ``learn`` again and again would begin its schedules anew and overshoot.

    Its global random numbers are the run's, which the runner lends, and `set_random_seed` is never called; those of
    the action space are the run's generator "sb3-actions".

    Attributes:
        algorithm: its class in Stable-Baselines3.
        name: the agent's.
        model: the algorithm.
        metrics: what it logged at its last update.
    """

    algorithm: ClassVar[type[BaseAlgorithm]]
    name: ClassVar[str]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "algorithm" in vars(cls):
            cls.name = f"sb3-{cls.algorithm.__name__.lower()}"

    def __init__(self, problem: Problem, config: Any) -> None:
        super().__init__(problem, config)
        actions = copy.deepcopy(problem.action_space)
        actions._np_random = problem.generators.numpy("sb3-actions")
        self.env = StreamVecEnv(problem.observation_space, actions, problem.num_envs)
        self.model = build(self.algorithm, self.name, problem, config, self.env)
        _, self.callback = self.model._setup_learn(config.schedule_steps)
        self.metrics: dict[str, float] = {}

    def act(
        self, observation: Array, memory: Any, *, explore: bool, generator: np.random.Generator
    ) -> tuple[Array, Any]:
        """The policy's mode, or as in training."""
        if not explore:
            return self._predict(observation, memory, deterministic=True)
        # Policies draw from the global generators.
        with Generators(int(generator.integers(2**63))).lent("act"):
            return self._explore(observation, memory, generator)

    def state_dict(self) -> State:
        """Everything: parameters, optimisers, counts, where episodes begin, noise, the last metrics."""
        model = self.model
        modules, variables = model._get_torch_save_params()
        return {
            "policy": self._parameters(),
            "optimizers": {
                name: attrgetter(name)(model).state_dict() for name in modules if name != "policy"
            },
            "variables": {name: attrgetter(name)(model) for name in variables},
            "counts": {name: getattr(model, name) for name in COUNTS if hasattr(model, name)},
            "episode_starts": np.array(model._last_episode_starts),
            "metrics": dict(self.metrics),
        }

    def load_state_dict(self, state: State) -> None:
        model = self.model
        model.policy.load_state_dict(state["policy"])
        for name, optimizer in state["optimizers"].items():
            attrgetter(name)(model).load_state_dict(optimizer)
        with torch.no_grad():
            for name, variable in state["variables"].items():
                attrgetter(name)(model).copy_(variable)
        for name, count in state["counts"].items():
            setattr(model, name, count)
        model._last_episode_starts = np.array(state["episode_starts"])
        self.metrics = dict(state["metrics"])

    def snapshot(self) -> State:
        """The policy's parameters, and ε where it has one."""
        rate = (
            {"exploration_rate": self.model.exploration_rate}
            if hasattr(self.model, "exploration_rate")
            else {}
        )
        return {"policy": self._parameters(), **rate}

    def load_snapshot(self, state: State) -> None:
        self.transfer(state)
        if "exploration_rate" in state:
            self.model.exploration_rate = state["exploration_rate"]

    def transfer(self, state: State) -> None:
        """Takes the parameters over; ε begins anew.

        Raises:
            ArenaError: they are of another network.
        """
        try:
            self.model.policy.load_state_dict(state["policy"])
        except RuntimeError as error:
            told = f"; that one is described as {network}" if (network := state.get("network")) else ""
            raise ArenaError(
                f"the network to begin with is not {self.name}'s: {_first_difference(error)}{told}",
                "set --agent.net-arch and --agent.activation as it has them, in its environment",
            ) from error

    @classmethod
    def foreign_snapshot(cls, path: Path) -> State:
        """The policy's parameters in a zip that Stable-Baselines3 saved; nothing pickled is loaded."""
        return read_zip(path)

    def _begin(self, stream: Stream) -> None:
        """Steps `stream` from where it stands; may be called twice."""
        if stream.num_envs != self.env.num_envs:
            raise ArenaError(
                f"{self.name} was built for {self.env.num_envs} environments, not {stream.num_envs}",
                "train it with as many",
            )
        self.env.attach(stream)
        assert self.model.env is not None
        self.model._last_obs = self.model.env.reset()

    def _take_metrics(self) -> None:
        """Notes what the algorithm has logged since the last time; numbers it did not log stay."""
        logged = self.model.logger.name_to_value
        for name, value in logged.items():
            self.metrics[name.rpartition("/")[2]] = float(value)
        logged.clear()
        # The only number that is undefined in sound training: where all returns are equal there is no variance.
        if math.isnan(self.metrics.get("explained_variance", 0.0)):
            del self.metrics["explained_variance"]

    def _predict(self, observation: Array, memory: Any, *, deterministic: bool) -> tuple[Array, Any]:
        action, _ = self.model.policy.predict(observation, deterministic=deterministic)
        return self._inside(action), None

    def _explore(self, observation: Array, memory: Any, generator: np.random.Generator) -> tuple[Array, Any]:
        return self._predict(observation, memory, deterministic=False)

    def _inside(self, action: Array) -> Array:
        """The action in the space's bounds, which scaling from [-1, 1] can miss by a rounding."""
        space = self.env.action_space
        return np.clip(action, space.low, space.high) if isinstance(space, gym.spaces.Box) else action

    def _parameters(self) -> dict[str, torch.Tensor]:
        return dict(self.model.policy.state_dict())


def _first_difference(error: RuntimeError) -> str:
    """What torch says of the first parameter that does not fit, on one line."""
    return " ".join(str(error).partition("\n")[2].partition("\n")[0].split())[:200] or str(error)[:200]


def vector_steps(stream: Stream) -> int:
    """The vector steps to the runner's boundary, at least one."""
    return max(1, -(-stream.remaining // stream.num_envs))
