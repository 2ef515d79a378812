"""Environment with or without a frozen encoder in front of the agent."""

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
    """Environment as an agent observes it: directly, or through a frozen encoder.

    Attributes:
        factory: factory of the environment.
        encoder: encoder of its observations; None if the agent observes the environment directly.

    Raises:
        ArenaError: the encoder was fitted to other observations.
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
                "choose an environment with these observations",
            )

    def with_factory(self, factory: EnvironmentFactory) -> ObservedEnvironment:
        """Another environment, observed through this encoder."""
        return dataclasses.replace(self, factory=factory)

    def views(self, needs: Accepts) -> tuple[View | None, View | None]:
        """Conversions of observations and actions for an agent with these needs; None where there is none."""
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
        """Open a stream of parallel episodes; see `arena.streams.make.open_stream` for the arguments.

        `wrap` wraps the stream of the environment's own observations, before they are encoded.
        """
        accepts = needs if self.encoder is None else _ArrayObservations(needs.actions)
        stream = open_stream(self.factory, num_envs, accepts, seed_of, limit=limit, check_replay=check_replay)
        stream = wrap(stream) if wrap else stream
        if self.encoder is None:
            return stream
        from arena.encoders.encoded_stream import EncodedStream  # which needs torch

        return EncodedStream(stream, self.encoder)
