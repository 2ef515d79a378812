"""Stable-Baselines3's buffers, so that they can be checkpointed cheaply and in the middle of a rollout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from stable_baselines3.common.buffers import NStepReplayBuffer, ReplayBuffer, RolloutBuffer

from arena.storage.codec import State
from arena.storage.journal import Journal

__all__ = ["JournalNStepReplay", "JournalReplay", "resumable", "rollout_state", "set_rollout_state"]

#: What a rollout buffer collects a step at a time; the recurrent one's hidden states too.
COLLECTED = (
    *("observations", "actions", "rewards", "episode_starts", "values", "log_probs"),
    *("hidden_states_pi", "cell_states_pi", "hidden_states_vf", "cell_states_vf"),
)

_Replay = ReplayBuffer if TYPE_CHECKING else object
_Rollout = RolloutBuffer if TYPE_CHECKING else object


class _Journalled(_Replay):
    """Keeps its transitions in a journal, a vector step a row, of which a checkpoint writes what is new.

    Attributes:
        journal: the transitions; to be put into the agent's state.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        columns = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
        # The arrays above took no memory, being untouched; the journal's take their place.
        fields = {name: (getattr(self, name).shape[1:], getattr(self, name).dtype) for name in columns}
        self.adopt(Journal(self.buffer_size, fields))

    def adopt(self, journal: Journal) -> None:
        """Goes on with the rows of a journal, such as a checkpoint's."""
        self.journal = journal
        for name in journal.fields:
            setattr(self, name, journal[name])
        # n-step sampling marks the newest row for a moment, which a journal's final rows do not allow.
        self.timeouts = self.timeouts.copy()
        self._look()

    def add(
        self, obs: Any, next_obs: Any, action: Any, reward: Any, done: Any, infos: list[dict[str, Any]]
    ) -> None:
        """Takes one step of every lane; the arguments are `ReplayBuffer.add`'s."""
        cut = np.array([info.get("TimeLimit.truncated", False) for info in infos])
        self.timeouts[self.pos] = cut
        row = {
            "observations": obs,
            "next_observations": next_obs,
            "actions": action,
            "rewards": reward,
            "dones": done,
            "timeouts": cut,
        }
        self.journal.append(
            **{
                name: np.asarray(row[name], dtype=dtype).reshape(1, *shape)
                for name, (shape, dtype) in self.journal.fields.items()
            }
        )
        self._look()

    def _look(self) -> None:
        self.pos = self.journal.total % self.buffer_size
        self.full = self.journal.total >= self.buffer_size


class JournalReplay(_Journalled, ReplayBuffer):
    """A replay buffer on a journal."""


class JournalNStepReplay(_Journalled, NStepReplayBuffer):
    """A replay buffer of n-step returns on a journal."""


class _Resumable(_Rollout):
    """Does not begin again in the middle of a rollout, so that `collect_rollouts` can be called for a part of it."""

    def reset(self) -> None:
        if self.pos in (0, self.buffer_size):
            super().reset()

    def compute_returns_and_advantage(self, last_values: Any, dones: Any) -> None:
        if self.full:
            super().compute_returns_and_advantage(last_values, dones)


def resumable(buffer: RolloutBuffer) -> RolloutBuffer:
    """The same buffer, over the same arrays, to be collected in parts.

    Made of a buffer, and not in its place, because the recurrent algorithm takes no class of one's own.
    """
    kind = type(type(buffer).__name__, (_Resumable, type(buffer)), {})
    made: RolloutBuffer = kind.__new__(kind)
    vars(made).update(vars(buffer))
    return made


def rollout_state(buffer: RolloutBuffer) -> State:
    """What has been collected of a rollout that is not whole yet."""
    found = {name: getattr(buffer, name) for name in COLLECTED if hasattr(buffer, name)}
    return {"rows": {name: array[: buffer.pos].copy() for name, array in found.items()}, "pos": buffer.pos}


def set_rollout_state(buffer: RolloutBuffer, state: State) -> None:
    """Takes `rollout_state` back."""
    buffer.pos, buffer.full = 0, False
    buffer.reset()
    buffer.pos = state["pos"]
    for name, rows in state["rows"].items():
        getattr(buffer, name)[: buffer.pos] = rows
