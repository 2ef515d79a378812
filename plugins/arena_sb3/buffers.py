"""Replay and rollout buffers of Stable-Baselines3 that can be checkpointed cheaply, and in the middle of a rollout."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3.common.buffers import NStepReplayBuffer, ReplayBuffer, RolloutBuffer

from arena.storage.codec import State
from arena.storage.journal import Journal
from arena.storage.memory import reserve

__all__ = ["JournalNStepReplay", "JournalReplay", "ResumableRollout", "rollout_state", "set_rollout_state"]

#: Arrays that a rollout buffer fills step by step; the hidden states are the recurrent buffer's.
COLLECTED = (
    *("observations", "actions", "rewards", "episode_starts", "values", "log_probs"),
    *("hidden_states_pi", "cell_states_pi", "hidden_states_vf", "cell_states_vf"),
)


class JournalReplay(ReplayBuffer):
    """A replay buffer on a journal: a vector step is a row, and a checkpoint writes the new rows only.

    Attributes:
        journal: the transitions; part of the agent's state.
    """

    timeouts: npt.NDArray[np.float32]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        columns = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
        # The arrays above took no memory, being untouched; the journal's take their place.
        fields = {name: (getattr(self, name).shape[1:], getattr(self, name).dtype) for name in columns}
        self.adopt(Journal(self.buffer_size, fields, steps_per_row=self.n_envs))

    def adopt(self, journal: Journal) -> None:
        """Continues with the rows of a journal, such as one read from a checkpoint."""
        self.journal = journal
        for name in journal.fields:
            setattr(self, name, journal[name])
        # n-step sampling marks the newest row for a moment, which a journal's final rows do not allow.
        self.timeouts = self.timeouts.copy()
        self._follow_journal()

    def add(
        self, obs: Any, next_obs: Any, action: Any, reward: Any, done: Any, infos: list[dict[str, Any]]
    ) -> None:
        """Adds one step of every environment; the arguments are those of `ReplayBuffer.add`."""
        truncated = np.array([info.get("TimeLimit.truncated", False) for info in infos])
        self.timeouts[self.pos] = truncated
        row = {
            "observations": obs,
            "next_observations": next_obs,
            "actions": action,
            "rewards": reward,
            "dones": done,
            "timeouts": truncated,
        }
        self.journal.append(
            **{
                name: np.asarray(row[name], dtype=dtype).reshape(1, *shape)
                for name, (shape, dtype) in self.journal.fields.items()
            }
        )
        self._follow_journal()

    def _follow_journal(self) -> None:
        self.pos = self.journal.total % self.buffer_size
        self.full = self.journal.total >= self.buffer_size


class JournalNStepReplay(JournalReplay, NStepReplayBuffer):
    """A replay buffer of n-step returns on a journal."""


class ResumableRollout(RolloutBuffer):
    """A rollout buffer that `collect_rollouts` can fill in parts: it is reset only when empty or full."""

    def __init__(self, buffer_size: int, observation_space: Any, *args: Any, **options: Any) -> None:
        lanes = options.get("n_envs", 1)
        size = buffer_size * lanes * 4 * (math.prod(observation_space.shape or ()) + 8)
        reserve(size, "rollouts", "use fewer --envs or a smaller --agent.n_steps")
        super().__init__(buffer_size, observation_space, *args, **options)

    def reset(self) -> None:
        if self.pos in (0, self.buffer_size):
            super().reset()

    def compute_returns_and_advantage(self, last_values: torch.Tensor, dones: npt.NDArray[np.bool_]) -> None:
        if self.full:
            super().compute_returns_and_advantage(last_values, dones)


def rollout_state(buffer: RolloutBuffer) -> State:
    """The collected part of an unfinished rollout."""
    arrays = {name: getattr(buffer, name) for name in COLLECTED if hasattr(buffer, name)}
    return {"rows": {name: array[: buffer.pos].copy() for name, array in arrays.items()}, "pos": buffer.pos}


def set_rollout_state(buffer: RolloutBuffer, state: State) -> None:
    """Restores what `rollout_state` returned."""
    buffer.pos, buffer.full = 0, False
    buffer.reset()
    buffer.pos = state["pos"]
    for name, rows in state["rows"].items():
        getattr(buffer, name)[: buffer.pos] = rows
