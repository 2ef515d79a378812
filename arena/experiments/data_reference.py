"""Reference to the data set of a fit: its location, and how to make it again."""

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
    """Reference to the data set of a fit; `arena.frames.references` makes and opens one.

    Attributes:
        source: source of the frames, an argument of `arena.frames.open_source`.
        options: options of the source.
        folder: folder of the data set when it was first read.
        digest: digest of the data set, part of the id of a run.
        observation: space of one observation, as JSON.
        labels: space of each label, as JSON.
        name: name of the data set in the name of a run's folder; empty for an environment.
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
        """Options of the environment that the frames are collected from; empty for other sources."""
        return dict(self.options.get("env_options") or {})

    @property
    def space(self) -> gym.Space[Any]:
        """Space of one observation."""
        return from_json(self.observation)

    @property
    def label_spaces(self) -> dict[str, gym.Space[Any]]:
        """Space of each label, by name."""
        return {name: from_json(space) for name, space in self.labels.items()}
