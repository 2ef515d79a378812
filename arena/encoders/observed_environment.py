"""An environment as an agent observes it: directly, or through a frozen encoder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from arena.environments.spaces import BOX, Accepts, View, describe_space
from arena.errors import ArenaError
from arena.streams.make import open_stream

if TYPE_CHECKING:
    from arena.encoders.encoded_stream import ObservationEncoder
    from arena.environments.factory import EnvironmentFactory
    from arena.streams.base import Stream

__all__ = ["ObservedEnvironment"]


@dataclass(frozen=True)
class _ArrayObservations:
    """Needs with observations as arrays, which encoders take."""

    actions: tuple[str, ...]
    observations: tuple[str, ...] = (BOX,)


@dataclass(frozen=True)
class ObservedEnvironment:
    """An environment as an agent observes it: directly, or through a frozen encoder.

    Attributes:
        factory: makes the environment.
        encoder: turns its observations into codes; None where the agent takes them as they are.

    Raises:
        ArenaError: the encoder is for other observations.
    """

    factory: EnvironmentFactory
    encoder: ObservationEncoder | None = None

    def __post_init__(self) -> None:
        if self.encoder is None:
            return
        space = self.factory.properties.observation_space
        if space != self.encoder.inner:
            raise ArenaError(
                f"the encoder takes {describe_space(self.encoder.inner)}, and {self.factory.id} gives "
                f"{describe_space(space)}",
                "choose an environment of the same observations",
            )

    def with_factory(self, factory: EnvironmentFactory) -> ObservedEnvironment:
        """Another environment, observed through the same encoder."""
        return dataclasses.replace(self, factory=factory)

    def views(self, needs: Accepts) -> tuple[View | None, View | None]:
        """How an agent with these needs sees observations and actions; None where it cannot."""
        observations, actions = self.factory.views(needs)
        if self.encoder is not None:
            observations = self.encoder if BOX in needs.observations else None
        return observations, actions

    def open_stream(
        self,
        num_envs: int,
        needs: Accepts,
        seed_of: Callable[[int, int], int],
        *,
        limit: int | None = None,
        check_replay: bool = False,
        wrap: Callable[[Stream], Stream] | None = None,
    ) -> Stream:
        """Parallel episodes as a stream of what the agent observes.

        Args:
            num_envs: how many episodes run in parallel.
            needs: the observations and actions that the agent takes; it must fit the environment.
            seed_of: the seed of (lane, episode), in [0, 2³¹).
            limit: truncate episodes after so many steps at the latest.
            check_replay: find out first whether a Gymnasium environment can be resumed by replay.
            wrap: wraps the stream of the environment's own observations, before they are encoded.
        """
        taken = needs if self.encoder is None else _ArrayObservations(needs.actions)
        stream = open_stream(self.factory, num_envs, taken, seed_of, limit=limit, check_replay=check_replay)
        stream = wrap(stream) if wrap else stream
        if self.encoder is None:
            return stream
        from arena.encoders.encoded_stream import EncodedStream  # which needs torch

        return EncodedStream(stream, self.encoder)
