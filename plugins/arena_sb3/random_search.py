"""Augmented random search as an agent; each environment of a stream tries one candidate at a time.

Stable-Baselines3's own loop resets the environments before each candidate, which a stream does not allow. So the trials
are implemented here; the candidates' distribution and the update are Stable-Baselines3's.

Source: Mania, Guy & Recht 2018, Simple random search of static linear policies, algorithm 2.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import sb3_contrib
import torch
from torch.nn.utils import parameters_to_vector

from arena.agents.base import Needs, Problem
from arena.environments.spaces import BOX, DISCRETE
from arena.errors import ArenaError
from arena.storage.codec import State
from arena.streams.base import Stream
from arena_sb3.agent import StableBaselines, steps_to_boundary
from arena_sb3.options import Options

__all__ = ["RandomSearch"]

#: Index of an environment without a candidate, which follows the unperturbed policy.
IDLE = -1


class ARS(sb3_contrib.ARS):
    """ARS whose candidates have been tried already: an update takes their returns from `returns`.

    Attributes:
        returns: of each candidate: shape (pop_size,).
    """

    returns: torch.Tensor
    weights: torch.Tensor  # type: ignore[assignment]  # ARS begins with None

    def evaluate_candidates(self, *_: Any) -> torch.Tensor:
        return self.returns


class RandomSearch(StableBaselines):
    """Tries perturbed policies for some episodes each, and moves towards the better ones.

    An environment tries one candidate from the beginning of an episode on. Environments without a candidate follow the
    unperturbed policy.
    """

    needs: ClassVar[Needs] = Needs(observations=(BOX,), actions=(DISCRETE, BOX), features=True)
    algorithm = ARS
    model: ARS

    def __init__(self, problem: Problem, config: Options) -> None:
        if problem.features is not None:
            raise ArenaError(
                f"{self.name} cannot train an encoder: it has no gradients",
                "use --encoder.mode frozen, or choose sb3-ppo",
            )
        super().__init__(problem, config)
        self._follow_policy()
        self._draws = problem.generators.numpy("sb3-candidates")
        self.seed: int | None = None  # of the current candidates; None: none are drawn
        self.assigned = 0  # how many of them have been assigned to an environment
        self.returns = np.zeros(self.model.pop_size)
        self.episodes = np.zeros(self.model.pop_size, dtype=np.int64)
        self.candidate = np.full(problem.num_envs, IDLE)
        self.fresh = np.ones(problem.num_envs, dtype=np.bool_)  # whether an episode begins
        self._actors = [copy.deepcopy(self.model.policy) for _ in range(problem.num_envs)]

    def state_dict(self) -> State:
        return {
            **super().state_dict(),
            "seed": self.seed,
            "assigned": self.assigned,
            **{name: getattr(self, name).copy() for name in ("returns", "episodes", "candidate", "fresh")},
        }

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        self._follow_policy()
        self.seed, self.assigned = state["seed"], state["assigned"]
        for name in ("returns", "episodes", "candidate", "fresh"):
            getattr(self, name)[...] = state[name]
        if self.seed is not None:
            self._candidates = self._perturbed(self.seed)
        self._load_actors()

    def transfer(self, state: State) -> None:
        super().transfer(state)
        self._follow_policy()
        self._load_actors()

    def _collect(self, stream: Stream) -> None:
        for _ in range(steps_to_boundary(stream)):
            self._step(stream)
            if self._update_is_due():
                return

    def _update_is_due(self) -> bool:
        return bool((self.episodes >= self.model.n_eval_episodes).all())

    def _update(self) -> None:
        """Stable-Baselines3's update on the same candidates, which it draws again from their seed."""
        model = self.model
        model.returns = torch.as_tensor(self.returns, dtype=torch.float32, device=model.device)
        assert self.seed is not None, "an update follows trials"
        with self._seeded(self.seed):
            model._do_one_update(self.callback, None)
        self._take_metrics()
        self.seed = None
        self.episodes[...] = 0
        self.candidate[...] = IDLE
        self._load_actors()

    def _step(self, stream: Stream) -> None:
        """One step of every environment."""
        model = self.model
        if self.seed is None:
            self._draw()
        if self.fresh.any():
            self._assign()
        actions = [
            actor.predict(stream.observation[lane : lane + 1], deterministic=True)[0][0]
            for lane, actor in enumerate(self._actors)
        ]
        transition = stream.step(self._in_bounds(np.array(actions)))
        model.num_timesteps += stream.num_envs
        self.fresh = transition.terminated | transition.truncated
        trying = self.candidate != IDLE
        gain = transition.reward + transition.bonus + model.alive_bonus_offset
        self.returns[self.candidate[trying]] += gain[trying]
        self.episodes[self.candidate[trying & self.fresh]] += 1

    def _draw(self) -> None:
        """Draws new candidates."""
        self.model._update_current_progress_remaining(self.model.num_timesteps, self.config.schedule_steps)
        self.seed, self.assigned = int(self._draws.integers(2**63)), 0
        self.returns[...] = 0
        self._candidates = self._perturbed(self.seed)

    def _assign(self) -> None:
        """Assigns the next candidates to environments in which an episode begins and whose candidate is done."""
        for lane in np.flatnonzero(self.fresh):
            current = self.candidate[lane]
            if current != IDLE and self.episodes[current] < self.model.n_eval_episodes:
                continue
            self.candidate[lane] = IDLE
            if self.assigned < len(self.episodes):
                self.candidate[lane] = self.assigned
                self.assigned += 1
        self._load_actors()

    def _perturbed(self, seed: int) -> torch.Tensor:
        """The weights of each candidate, drawn as `ARS` draws them: shape (pop_size, n_params)."""
        model = self.model
        with self._seeded(seed):
            deltas = torch.normal(0.0, 1.0, (model.n_delta, model.n_params), device=model.device)
        deltas = deltas * model.delta_std_schedule(model._current_progress_remaining)
        return torch.cat([model.weights + deltas, model.weights - deltas])

    @contextlib.contextmanager
    def _seeded(self, seed: int) -> Iterator[None]:
        """Seeds torch's global generator for a while."""
        device = self.model.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            yield

    def _load_actors(self) -> None:
        """Loads into each environment's actor the weights that it follows."""
        for actor, candidate in zip(self._actors, self.candidate, strict=True):
            weights = self.model.weights if candidate == IDLE else self._candidates[candidate]
            actor.load_from_vector(weights.cpu().numpy())

    def _follow_policy(self) -> None:
        """Continues from the policy's weights, of which the algorithm has a copy."""
        self.model.weights = parameters_to_vector(self.model.policy.parameters()).detach()
