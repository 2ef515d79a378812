"""A stream that stands around another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena.streams.base import Stream, Transition

if TYPE_CHECKING:
    from arena.environments.spaces import View
    from arena.storage.codec import State

__all__ = ["StreamWrapper"]


class StreamWrapper(Stream):
    """Steps another stream, and changes what it gives; by default nothing.

    Args:
        inner: the other stream.
        observations: how the agent sees what the wrapper gives; by default as the inner stream's.

    Attributes:
        inner: likewise.
    """

    def __init__(self, inner: Stream, observations: View | None = None) -> None:
        super().__init__(inner.num_envs, observations or inner.observations, inner.actions, inner.label)
        self.inner, self.notice = inner, inner.notice

    def take_log(self) -> dict[str, float | None]:
        return {**self.inner.take_log(), **super().take_log()}

    def close(self) -> None:
        self.inner.close()

    def _advance(self, transition: Transition) -> None:
        seen = self.inner.step(transition.action)
        transition.reward[...] = seen.reward
        transition.terminated[...] = seen.terminated
        transition.truncated[...] = seen.truncated
        transition.bonus[...] = seen.bonus
        self._see(seen, transition)

    def _see(self, seen: Transition, transition: Transition) -> None:
        """Fills what is observed: `transition.next_observation`, and `observation`.

        Args:
            seen: what the inner stream gave.
            transition: the rest of it has been filled in.
        """
        transition.next_observation[...] = seen.next_observation
        self.observation[...] = self.inner.observation

    def _begin_source(self) -> None:
        self.inner.begin()
        self._look()

    def _look(self) -> None:
        """Fills `observation` where every lane's episode begins."""
        self.observation[...] = self.inner.observation

    def _source_state(self) -> State:
        return {"inner": self.inner.state_dict()}

    def _restore_source(self, state: State) -> None:
        self.inner.load_state_dict(state["inner"])
        self.notice = self.inner.notice
        self.observation[...] = self.inner.observation
