"""Base of the agents that run an algorithm of Stable-Baselines3: construction, training loop, acting, state."""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from arena.agents.base import Agent, Problem
from arena.errors import ArenaError
from arena.random.generators import Generators
from arena.storage.codec import State
from arena.streams.base import Progress, Stream
from arena_sb3 import sde
from arena_sb3.model import build
from arena_sb3.options import Options
from arena_sb3.stream_env import StreamVecEnv
from arena_sb3.zips import read_zip

__all__ = ["StableBaselines", "steps_to_boundary"]

Array = npt.NDArray[Any]

#: Plain attributes of the algorithms on which their loops depend; each algorithm has some of them.
COUNTS = (
    *("num_timesteps", "_n_updates", "_episode_num", "_n_calls"),
    *("exploration_rate", "_current_progress_remaining"),
)


class StableBaselines(Agent):
    """An algorithm of Stable-Baselines3 as an agent.

    The algorithm is set up once, as by its ``learn``; `train` then calls its own ``collect_rollouts`` and ``train`` in
    turn. Calling ``learn`` repeatedly would restart its schedules and collect more steps than asked for.

    The algorithm draws from the global generators, which the runner lends; `set_random_seed` is never called. The
    action space draws from the run's generator "sb3-actions".

    Attributes:
        algorithm: the class in Stable-Baselines3.
        name: name of the agent.
        model: the algorithm.
        metrics: numbers logged at the last update.
    """

    algorithm: ClassVar[type[BaseAlgorithm]]
    name: ClassVar[str]
    model: BaseAlgorithm
    config: Options

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "algorithm" in vars(cls):
            cls.name = f"sb3-{cls.algorithm.__name__.lower()}"

    def __init__(self, problem: Problem, config: Options) -> None:
        super().__init__(problem, config)
        actions = copy.deepcopy(problem.action_space)
        actions._np_random = problem.generators.numpy("sb3-actions")
        self.env = StreamVecEnv(problem.observation_space, actions, problem.num_envs)
        self.model = build(self.algorithm, self.name, problem, config, self.env)
        _, self.callback = self.model._setup_learn(config.schedule_steps)
        self.metrics: dict[str, float] = {}

    def train(self, stream: Stream) -> Iterator[Progress]:
        """The loop of the algorithm's ``learn``: collects experience and updates in turn.

        It also yields between two updates, at the runner's boundaries; what was collected is in the state.
        """
        self._begin(stream)
        while True:
            self._collect(stream)
            if self._update_is_due():
                self._update()
            yield stream.progress(**self.metrics)

    @abstractmethod
    def _collect(self, stream: Stream) -> None:
        """Collects experience up to the runner's boundary or the next update, whichever comes first."""

    @abstractmethod
    def _update_is_due(self) -> bool:
        """Whether enough experience has been collected for an update."""

    @abstractmethod
    def _update(self) -> None:
        """Updates the parameters from what was collected, and logs metrics."""

    def act(
        self, observation: Array, memory: Any, *, explore: bool, generator: np.random.Generator
    ) -> tuple[Array, Any]:
        """Actions of the policy: its mode, or drawn as in training."""
        if not explore:
            return self._predict(observation, memory, deterministic=True)
        # Policies draw from the global generators.
        with Generators(int(generator.integers(2**63))).lent("act"):
            return self._explore(observation, memory, generator)

    def state_dict(self) -> State:
        """Parameters, optimizers, counts, starts of episodes, exploration noise and the last metrics."""
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
            "noise": sde.noise_state(model, self._explorer),
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
        sde.set_noise_state(model, self._explorer, state["noise"])
        self.metrics = dict(state["metrics"])

    def snapshot(self) -> State:
        """The policy's parameters."""
        return {"policy": self._parameters()}

    def load_snapshot(self, state: State) -> None:
        self.transfer(state)

    def transfer(self, state: State) -> None:
        """Loads the parameters of another run's policy; schedules such as ε's start anew.

        Raises:
            ArenaError: the parameters are of another network.
        """
        try:
            self.model.policy.load_state_dict(state["policy"])
        except RuntimeError as error:
            network = state.get("network")
            description = f"; its file describes it as {network}" if network else ""
            raise ArenaError(
                f"the network to begin with does not fit {self.name}'s: {_first_difference(error)}{description}",
                "set --agent.net-arch and --agent.activation to its values, and use its environment",
            ) from error

    @classmethod
    def foreign_snapshot(cls, path: Path) -> State:
        """Reads the policy's parameters from a zip that Stable-Baselines3 saved; nothing is unpickled."""
        return read_zip(path)

    @property
    def _vec_env(self) -> VecEnv:
        """The environment that the algorithm steps: `env`, perhaps wrapped by the algorithm."""
        env = self.model.env
        assert env is not None, "the constructor was given one"
        return env

    @property
    def _explorer(self) -> Any:
        """The network that holds gSDE's noise: the actor where there is a separate one, else the policy."""
        return getattr(self.model, "actor", self.model.policy)

    def _begin(self, stream: Stream) -> None:
        """Steps `stream` from its current observation; may be called more than once."""
        if stream.num_envs != self.env.num_envs:
            raise ArenaError(
                f"{self.name} was built for {self.env.num_envs} environments, not {stream.num_envs}",
                f"train it in {self.env.num_envs}",
            )
        self.env.attach(stream)
        observation = self._vec_env.reset()
        assert isinstance(observation, np.ndarray), "a stream's observations are arrays"
        self.model._last_obs = observation

    def _take_metrics(self) -> None:
        """Copies what the algorithm has logged since the last call; numbers that it did not log keep their values."""
        logged = self.model.logger.name_to_value
        for name, value in logged.items():
            self.metrics[name.rpartition("/")[2]] = float(value)
        logged.clear()
        # The only number that is undefined in sound training: where all returns are equal there is no variance.
        if math.isnan(self.metrics.get("explained_variance", 0.0)):
            del self.metrics["explained_variance"]

    def _predict(self, observation: Array, memory: Any, *, deterministic: bool) -> tuple[Array, Any]:
        action, _ = self.model.policy.predict(observation, deterministic=deterministic)
        return self._in_bounds(action), None

    def _explore(self, observation: Array, memory: Any, generator: np.random.Generator) -> tuple[Array, Any]:
        return self._predict(observation, memory, deterministic=False)

    def _in_bounds(self, action: Array) -> Array:
        """Clips actions to the space's bounds, which scaling from [-1, 1] can exceed by rounding."""
        space = self.env.action_space
        return np.clip(action, space.low, space.high) if isinstance(space, gym.spaces.Box) else action

    def _parameters(self) -> dict[str, torch.Tensor]:
        return dict(self.model.policy.state_dict())


def _first_difference(error: RuntimeError) -> str:
    """Torch's message about the first parameter that does not fit, on one line."""
    return " ".join(str(error).partition("\n")[2].partition("\n")[0].split())[:200] or str(error)[:200]


def steps_to_boundary(stream: Stream) -> int:
    """Vector steps to the runner's boundary, at least one."""
    return max(1, -(-stream.remaining // stream.num_envs))
