"""What a session trains, whatever it is: a learner, what it learns from, and how it is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from arena.storage.codec import State
from arena.streams.base import Progress

__all__ = ["Learner", "Setup", "Source"]


class Source(Protocol):
    """What a learner learns from, a step at a time: a stream of transitions, or of batches.

    Attributes:
        boundary: the number of steps at which the runner wants to be asked again.
        notice: what a person should know about the last `load_state_dict`, in one line, or None.
    """

    boundary: int
    notice: str | None

    def take_log(self) -> dict[str, float | None]:
        """Means over what happened since the last call."""
        ...

    def state_dict(self) -> State:
        """Where it stands, exactly."""
        ...

    def load_state_dict(self, state: State) -> None:
        """Goes back there."""
        ...


class Learner(Protocol):
    """An agent, or an encoder that is being fitted; `arena.agents.base.Agent` says what each method is to do."""

    def train(self, source: Any, /) -> Iterator[Progress]:
        """Learns, and yields now and then."""
        ...

    def state_dict(self) -> State:
        """Everything that training needs to go on."""
        ...

    def load_state_dict(self, state: State) -> None:
        """Takes it back."""
        ...

    def snapshot(self) -> State:
        """What using it needs."""
        ...

    def transfer(self, state: State) -> None:
        """Begins from another run's snapshot."""
        ...


@dataclass(frozen=True)
class Setup:
    """Everything of one run that is in memory.

    Attributes:
        learner: what is trained.
        source: what it learns from.
        evaluate: judges the learner, the more the better; it depends on nothing else.
        conclude: what is known at the end beside that: ``optimum`` and ``policy_value``, None where they are not.
        close: ends it all.
    """

    learner: Learner
    source: Source
    evaluate: Callable[[], list[float]]
    conclude: Callable[[], dict[str, float | None]]
    close: Callable[[], None]
