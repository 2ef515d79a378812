"""Augmented random search as an agent, its candidates tried in the lanes of a stream.

Stable-Baselines3's own loop resets the environments before each candidate, which a stream does not; so the trials
are ours, and candidates and updates its own.

Source: Mania, Guy & Recht 2018, Simple random search of static linear policies, algorithm 2.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.nn.utils import parameters_to_vector

from arena.agents.base import Problem
from arena.errors import ArenaError
from arena.storage.codec import State
from arena.streams.base import Progress, Stream
from arena_sb3.agent import StableBaselines, vector_steps

__all__ = ["RandomSearch"]

#: A lane that tries nobody, but goes on with an episode until it ends.
IDLE = -1


class RandomSearch(StableBaselines):
    """Tries perturbed policies for an episode or some, and goes towards the better ones.

    Each lane tries one candidate at a time, from the beginning of an episode. Lanes without a candidate follow the
    unperturbed policy.
    """

    model: Any

    def __init__(self, problem: Problem, config: Any) -> None:
        if problem.features is not None:
            raise ArenaError(
                f"{self.name} takes no encoder: it has no gradients to train one", "leave it out"
            )
        super().__init__(problem, config)
        self._follow_policy()
        self._draws = problem.generators.numpy("sb3-candidates")
        self.seed: int | None = None  # of the candidates that are being tried
        self.given = 0  # how many of them have been given to a lane
        self.returns = np.zeros(self.model.pop_size)
        self.episodes = np.zeros(self.model.pop_size, dtype=np.int64)
        self.candidate = np.full(problem.num_envs, IDLE)
        self.fresh = np.ones(problem.num_envs, dtype=np.bool_)  # whether an episode begins
        self._actors = [copy.deepcopy(self.model.policy) for _ in range(problem.num_envs)]

    def train(self, stream: Stream) -> Iterator[Progress]:
        """As `ARS.learn`."""
        self._begin(stream)
        while True:
            for _ in range(vector_steps(stream)):
                self._step(stream)
            yield stream.progress(**self.metrics)

    def state_dict(self) -> State:
        return {
            **super().state_dict(),
            "seed": self.seed,
            "given": self.given,
            **{name: getattr(self, name).copy() for name in ("returns", "episodes", "candidate", "fresh")},
        }

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        self._follow_policy()
        self.seed, self.given = state["seed"], state["given"]
        for name in ("returns", "episodes", "candidate", "fresh"):
            getattr(self, name)[...] = state[name]
        self._candidates = self._perturbed()
        self._cast()

    def transfer(self, state: State) -> None:
        super().transfer(state)
        self._follow_policy()
        self._cast()

    def _step(self, stream: Stream) -> None:
        """One step of every lane, and an update where that was the last candidate's last."""
        model = self.model
        if self.seed is None:
            self._draw()
        if self.fresh.any():
            self._assign()
        actions = [
            actor.predict(stream.observation[lane : lane + 1], deterministic=True)[0][0]
            for lane, actor in enumerate(self._actors)
        ]
        transition = stream.step(self._inside(np.array(actions)))
        model.num_timesteps += stream.num_envs
        self.fresh = transition.terminated | transition.truncated
        trying = self.candidate != IDLE
        gain = transition.reward + transition.bonus + model.alive_bonus_offset
        self.returns[self.candidate[trying]] += gain[trying]
        self.episodes[self.candidate[trying & self.fresh]] += 1
        if (self.episodes >= model.n_eval_episodes).all():
            self._update()

    def _draw(self) -> None:
        """New candidates."""
        self.model._update_current_progress_remaining(self.model.num_timesteps, self.config.schedule_steps)
        self.seed, self.given = int(self._draws.integers(2**63)), 0
        self.returns[...] = 0
        self.episodes[...] = 0
        self._candidates = self._perturbed()

    def _assign(self) -> None:
        """Gives lanes in which an episode begins somebody to try."""
        for lane in np.flatnonzero(self.fresh):
            current = self.candidate[lane]
            if current != IDLE and self.episodes[current] < self.model.n_eval_episodes:
                continue
            self.candidate[lane] = IDLE
            if self.given < len(self.episodes):
                self.candidate[lane] = self.given
                self.given += 1
        self._cast()

    def _update(self) -> None:
        """The algorithm's own, on the same candidates: they are drawn again from their seed."""
        model = self.model
        found = torch.as_tensor(self.returns, dtype=torch.float32, device=model.device)
        model.evaluate_candidates = lambda *_: found
        with self._seeded():
            model._do_one_update(self.callback, None)
        self._take_metrics()
        self.seed = None
        self.candidate[...] = IDLE
        self._cast()

    def _perturbed(self) -> torch.Tensor | None:
        """The weights of each candidate, as `ARS` draws them: shape (pop_size, n_params)."""
        model = self.model
        if self.seed is None:
            return None
        with self._seeded():
            deltas = torch.normal(0.0, 1.0, (model.n_delta, model.n_params), device=model.device)
        deltas = deltas * model.delta_std_schedule(model._current_progress_remaining)
        return torch.cat([model.weights + deltas, model.weights - deltas])

    @contextlib.contextmanager
    def _seeded(self) -> Iterator[None]:
        """Lets torch draw what the candidates' seed gives."""
        assert self.seed is not None
        device = self.model.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(self.seed)
            yield

    def _cast(self) -> None:
        """Gives each lane the weights that it follows."""
        for actor, candidate in zip(self._actors, self.candidate, strict=True):
            weights = self.model.weights if candidate == IDLE else self._candidates[candidate]
            actor.load_from_vector(weights.cpu())

    def _follow_policy(self) -> None:
        """Goes on from the policy's weights, of which the algorithm has a copy."""
        self.model.weights = parameters_to_vector(self.model.policy.parameters()).detach()
