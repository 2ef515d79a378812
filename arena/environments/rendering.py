"""Rendering and controls of environments for people: a painter for pictures of any size, and keys for actions.

Both are optional attributes of ``env.unwrapped``: ``painter`` (a `Painter`) with a method ``scene()``, and ``controls``
(`Controls`). Without them an environment is shown by the frames that it renders, and steered by digits or the mouse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

__all__ = ["CellPainter", "Controls", "Frame", "Painter", "Scene"]

#: State of the environment that a painter draws: a number or a few small arrays, which are never changed.
Scene: TypeAlias = Any

#: Picture in red, green and blue: uint8, shape (height, width, 3).
Frame: TypeAlias = npt.NDArray[np.uint8]


@runtime_checkable
class Painter(Protocol):
    """Painter of an environment, with sharp pictures of any size.

    It draws a scene from ``env.unwrapped.scene()``, at once or later: a scene contains everything that a picture needs.
    """

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """Width and height, in pixels, of the largest picture that fits into an area; at least 1 × 1."""

    def paint(
        self, scene: Scene, width: int, height: int, *, before: Scene | None = None, share: float = 1.0
    ) -> Frame:
        """Draw a scene.

        Args:
            scene: the scene.
            width: width of the picture, in pixels, as `fit` returned it.
            height: height of the picture, in pixels, as `fit` returned it.
            before: the scene one step earlier in the same episode, for a picture between the two.
            share: position of the picture between `before` (0) and `scene` (1): moving bodies are interpolated.

        Returns:
            uint8, shape (height, width, 3): a new array, or one that is valid until the next call.
        """


@runtime_checkable
class CellPainter(Painter, Protocol):
    """Painter of a grid of equal cells, with an agent in one of them.

    Attributes:
        rows: number of rows of cells.
        columns: number of columns of cells.
        moves: shape (num_actions, 2): intended move of each action, in cells to the right and down; None if actions are
            not moves.
    """

    rows: int
    columns: int
    moves: npt.NDArray[np.int64] | None

    def cell(self, scene: Scene) -> int:
        """Index of the agent's cell: ``row * columns + column``."""

    def walker(self, scene: Scene, *, before: Scene | None = None, share: float = 1.0) -> tuple[float, float]:
        """Row and column of the upper left corner of the agent as `paint` draws it with the same arguments."""

    def states(self, scene: Scene) -> npt.NDArray[np.int64]:
        """State with the agent in each cell, and everything else as in a scene: int64, shape (rows · columns,).

        −1 for cells in which no action is ever taken: walls, and cells where episodes end.
        """

    def observe(self, states: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Observations of the environment in these states: shape (len(states), *observation_space.shape)."""


@dataclass(frozen=True)
class Controls:
    """Keys with which a person controls an environment.

    Attributes:
        keys: action of each key, by pygame's name of the key ("left", "space", "a").
        names: names of the actions of a `Discrete` space, in order, each of a word or two; empty if unknown.
        idle: action while no key is pressed; None if the environment waits for a key.
    """

    keys: Mapping[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    idle: Any = None
