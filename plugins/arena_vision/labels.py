"""Which label an encoder learns to tell, and what to say where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
from torch import Tensor

from arena.encoders.base import Batch
from arena.errors import ArenaError
from arena_vision.heads import classes_in

__all__ = ["Labels", "chosen", "present", "truth"]

#: The space of each label, by name.
Labels = Mapping[str, gym.Space[Any]]


def present(labels: Labels, name: str, who: str) -> gym.Space[Any]:
    """The space of a label that an encoder needs.

    Raises:
        ArenaError: the data does not have it.
    """
    if name not in labels:
        raise ArenaError(
            f"{who} learns to tell the label {name!r}, and the data has {_listed(labels)}",
            f"ask the environment for it, as with --env.labels {name}, or name another with --encoder.label",
        )
    return labels[name]


def chosen(labels: Labels, name: str, who: str) -> str:
    """The label of that name, or for an empty name the only one that tells a class (a `Discrete`).

    Raises:
        ArenaError: the data does not have it, or not one such label.
    """
    if name:
        present(labels, name, who)
        return name
    found = [one for one, space in labels.items() if isinstance(space, gym.spaces.Discrete)]
    found = found or [one for one, space in labels.items() if classes_in(space) is not None]
    if len(found) == 1:
        return found[0]
    several = f"several ({', '.join(found)})" if found else f"none: it has {_listed(labels)}"
    raise ArenaError(
        f"{who} learns to tell a class, a Discrete label, of which the data has {several}",
        "name the label with --encoder.label"
        + ("" if labels else ", and ask the environment for it, as with --env.labels state"),
    )


def truth(batch: Batch, name: str, who: str) -> Tensor:
    """The label of a batch.

    Raises:
        ArenaError: it has none, as in an agent.
    """
    if name not in batch.labels:
        raise ArenaError(
            f"{who} cannot learn without the label {name!r}, which these observations do not come with",
            "train it on labelled frames first, and let the agent use it as it is",
        )
    return batch.labels[name]


def _listed(labels: Labels) -> str:
    if not labels:
        return "no labels"
    return "the labels " + ", ".join(f"{name} ({space})" for name, space in labels.items())
