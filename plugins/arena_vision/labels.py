"""Selection of the label that an encoder predicts, with the errors for missing labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
from torch import Tensor

from arena.encoders.base import Batch
from arena.errors import ArenaError
from arena_vision.heads import classes_in

__all__ = ["Labels", "label_space", "select_label", "target_of"]

#: Space of each label, by name.
Labels = Mapping[str, gym.Space[Any]]


def label_space(labels: Labels, name: str, who: str) -> gym.Space[Any]:
    """Space of a label that an encoder requires.

    Raises:
        ArenaError: the data do not have the label.
    """
    if name not in labels:
        raise ArenaError(
            f"{who} learns to predict the label {name!r}, and the data have {_listed(labels)}",
            f"add it with --env.labels {name}, or choose another with --encoder.label",
        )
    return labels[name]


def select_label(labels: Labels, name: str, who: str) -> str:
    """Name of the label to predict: the given name, or for an empty name the only label that is a class (`Discrete`).

    Raises:
        ArenaError: the data do not have the label, or there is not exactly one class.
    """
    if name:
        label_space(labels, name, who)
        return name
    found = [one for one, space in labels.items() if isinstance(space, gym.spaces.Discrete)]
    found = found or [one for one, space in labels.items() if classes_in(space) is not None]
    if len(found) == 1:
        return found[0]
    several = f"several ({', '.join(found)})" if found else f"none: it has {_listed(labels)}"
    raise ArenaError(
        f"{who} learns to predict a class (a Discrete label), of which the data have {several}",
        "choose a label with --encoder.label"
        + ("" if labels else ", and add it to the data, as with --env.labels state"),
    )


def target_of(batch: Batch, name: str, who: str) -> Tensor:
    """Target label of a batch.

    Raises:
        ArenaError: the batch has no such label, as in an agent.
    """
    if name not in batch.labels:
        raise ArenaError(
            f"{who} cannot learn without the label {name!r}, which these observations do not have",
            "fit it to frames with this label first, and use it frozen in the agent",
        )
    return batch.labels[name]


def _listed(labels: Labels) -> str:
    if not labels:
        return "no labels"
    return "the labels " + ", ".join(f"{name} ({space})" for name, space in labels.items())
