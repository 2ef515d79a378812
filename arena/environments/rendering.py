"""How an environment shows itself to people: a painter that draws it at any size, and the keys that steer it.

Both are found by presence, on ``env.unwrapped``: ``painter`` (a `Painter`) with ``scene()``, and ``controls``
(`Controls`). An environment that has neither is shown by the frames that it renders, and steered by digits or by the
mouse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

__all__ = ["CellPainter", "Controls", "Frame", "Painter", "Scene"]

#: What a painter has to know of an instant: a number or a few small arrays, never written to.
Scene: TypeAlias = Any

#: A picture: uint8, shape (height, width, 3), red, green and blue.
Frame: TypeAlias = npt.NDArray[np.uint8]


@runtime_checkable
class Painter(Protocol):
    """Draws an environment's world, crisp at any size.

    It draws what ``env.unwrapped.scene()`` gives, now or later: a scene is all that one instant needs.
    """

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """The size, width and height in pixels, of the largest picture for a room; at least 1 × 1."""
        ...

    def paint(
        self, scene: Scene, width: int, height: int, *, before: Scene | None = None, share: float = 1.0
    ) -> Frame:
        """Draws a scene.

        Args:
            scene: of the instant.
            width: of the picture, in pixels, as `fit` gave it.
            height: likewise.
            before: the scene one step earlier in the same episode, for a picture between the two.
            share: how far from `before` (0) to `scene` (1) the picture is; bodies move, what is decided does not.

        Returns:
            uint8, shape (height, width, 3): a new array, or one that is valid until the next call.
        """
        ...


@runtime_checkable
class CellPainter(Painter, Protocol):
    """A painter whose picture is a grid of equal cells, and whose walker is in one of them.

    Attributes:
        rows: of cells.
        columns: of cells.
        moves: shape (num_actions, 2): how many cells right and down each action is meant to lead; None where actions
            are no moves.
    """

    rows: int
    columns: int
    moves: npt.NDArray[np.int64] | None

    def cell(self, scene: Scene) -> int:
        """Where the walker is: ``row * columns + column``."""
        ...

    def walker(self, scene: Scene, *, before: Scene | None = None, share: float = 1.0) -> tuple[float, float]:
        """Where the walker is drawn by `paint` with the same arguments: the row and column of its upper left corner."""
        ...

    def states(self, scene: Scene) -> npt.NDArray[np.int64]:
        """The state with the walker in each cell and all else as in a scene: int64, shape (rows · columns,).

        −1 where nobody ever decides anything: in walls, and where episodes end.
        """
        ...

    def observe(self, states: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """What the environment shows in these states: shape (len(states), *observation_space.shape)."""
        ...


@dataclass(frozen=True)
class Controls:
    """How a person steers an environment.

    Attributes:
        keys: the action of each key, by pygame's name of it ("left", "space", "a").
        names: what the actions of a `Discrete` space do, from the first on, in a word or two; empty if unknown.
        idle: the action while no key is held; None where time stands still until one is pressed.
    """

    keys: Mapping[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    idle: Any = None
