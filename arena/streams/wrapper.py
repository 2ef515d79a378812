"""Base class of streams that wrap another stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena.streams.base import Stream, Transition

if TYPE_CHECKING:
    from arena.environments.spaces import View
    from arena.storage.codec import State

__all__ = ["StreamWrapper"]


class StreamWrapper(Stream):
    """Wrapper of a stream that may change its observations, rewards and bonuses; by default it changes nothing.

    Args:
        inner: the wrapped stream.
        observations: conversion of the wrapper's observations to the agent's; by default that of the inner stream.

    Attributes:
        inner: the wrapped stream.
    """

    def __init__(self, inner: Stream, observations: View | None = None) -> None:
        super().__init__(inner.num_envs, observations or inner.observations, inner.actions, inner.label)
        self.inner, self.notice = inner, inner.notice
        # Episodes are counted once, in the innermost stream.
        self.episode_account, self.totals = inner.episode_account, inner.totals

    def take_log(self) -> dict[str, float | None]:
        return self.inner.take_log()

    def _count_episodes(self, transition: Transition) -> None:
        return

    def close(self) -> None:
        self.inner.close()

    def _advance(self, transition: Transition) -> None:
        inner = self.inner.step(transition.action)
        for name in ("reward", "terminated", "truncated", "bonus"):
            getattr(transition, name)[...] = getattr(inner, name)
        self._transform(inner, transition)

    def _transform(self, inner: Transition, transition: Transition) -> None:
        """Fill `next_observation` of a transition whose other fields are filled, and the stream's `observation`."""
        transition.next_observation[...] = inner.next_observation
        self.observation[...] = self.inner.observation

    def _begin_source(self) -> None:
        self.inner.begin()
        self._observe()

    def _observe(self) -> None:
        """Fill `observation` at the beginning of every lane's episode."""
        self.observation[...] = self.inner.observation

    def _source_state(self) -> State:
        return {"inner": self.inner.state_dict()}

    def _restore_source(self, state: State) -> None:
        self.inner.load_state_dict(state["inner"])
        self.notice = self.inner.notice
        self.observation[...] = self.inner.observation
