"""Protocols of the parts of a session: learner, source of data, and evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from arena.storage.codec import State
from arena.streams.base import Progress

__all__ = ["Learner", "Setup", "Source"]


class Source(Protocol):
    """Protocol of a source of training data: a stream of transitions, or of batches.

    Attributes:
        boundary: number of steps at which training returns control to the runner.
        notice: notice about the last `load_state_dict`, in one line, or None.
    """

    boundary: int
    notice: str | None

    def take_log(self) -> dict[str, float | None]:
        """Return means of the source's metrics since the last call."""
        ...

    def state_dict(self) -> State:
        """Return the exact state."""
        ...

    def load_state_dict(self, state: State) -> None:
        """Restore a state."""
        ...


class Learner(Protocol):
    """Protocol of an agent or an encoder during training; `arena.agents.base.Agent` describes the methods."""

    def train(self, source: Any, /) -> Iterator[Progress]:
        """Train, and yield progress regularly."""
        ...

    def state_dict(self) -> State:
        """Return everything that training needs to continue."""
        ...

    def load_state_dict(self, state: State) -> None:
        """Restore a state."""
        ...

    def snapshot(self) -> State:
        """Return everything that acting or encoding needs."""
        ...

    def transfer(self, state: State) -> None:
        """Start from another run's snapshot."""
        ...


@dataclass(frozen=True)
class Setup:
    """Parts of one run in memory.

    Attributes:
        learner: the agent or encoder.
        source: source of training data.
        evaluate: function that returns scores of the learner, of which larger is better.
        conclude: function that returns ``optimum`` and ``policy_value`` at the end; None if unknown.
        close: function that releases all resources.
    """

    learner: Learner
    source: Source
    evaluate: Callable[[], list[float]]
    conclude: Callable[[], dict[str, float | None]]
    close: Callable[[], None]
