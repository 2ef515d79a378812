"""A data set of frames that a fit is made from: where it lies, and how to make it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arena.environments.space_json import from_json

if TYPE_CHECKING:
    import gymnasium as gym

__all__ = ["DataReference"]


@dataclass(frozen=True)
class DataReference:
    """A data set of frames that a fit is made from; `arena.frames.references` makes and opens one.

    Attributes:
        source: what `arena.frames.open_source` takes.
        options: its options.
        folder: where the data set was when it was first read.
        digest: of its contents; part of the id of a run.
        observation: the space of one observation, as JSON has it.
        labels: the space of each label, as JSON has it.
        name: how the name of a run's folder calls it; empty for an environment.
    """

    source: str
    options: Mapping[str, Any]
    folder: str
    digest: str
    observation: Any
    labels: Mapping[str, Any]
    name: str = ""

    @property
    def env_options(self) -> dict[str, Any]:
        """The options of the environment that the frames are collected from; empty for other sources."""
        return dict(self.options.get("env_options") or {})

    @property
    def space(self) -> gym.Space[Any]:
        """The space of one observation."""
        return from_json(self.observation)

    @property
    def label_spaces(self) -> dict[str, gym.Space[Any]]:
        """The space of each label, by name."""
        return {name: from_json(space) for name, space in self.labels.items()}
