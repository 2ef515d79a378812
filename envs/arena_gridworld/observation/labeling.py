"""Perception labels: the true contents of a state, with which a representation can be compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from arena.config.validation import validated_count
from arena.errors import unknown_name
from arena_gridworld.observation.observers import coordinates
from arena_gridworld.observation.scene import Array, Scene, checked_size
from arena_gridworld.tiles import TILES

__all__ = ["CLASSES", "StateLabeler", "factors"]

#: Classes of a semantic label: the tiles, in their order, then the walker.
CLASSES = (*(tile.name for tile in TILES), "walker")
WALKER_CODE = len(CLASSES) - 1


class StateLabeler:
    """Labels of states, by name.

    * ``semantic``: uint8, shape (rows · tile, columns · tile): an index into `CLASSES` a cell or pixel; the whole
      cell of the walker has the walker's class.
    * ``state``: float32: x and y of the walker in [0, 1], as in the observation ``xy``, then everything else that
      varies, each as a number in [0, 1] (see `factors`): a key taken, a door open.

    Args:
        names: any of ``semantic`` and ``state``.
        scene: the states.
        tile_size: side of a cell in ``semantic``, in pixels; that of the observation ``pixels`` gives a label per
            pixel.

    Attributes:
        spaces: space of each label of one state, by name.

    Raises:
        ArenaError: an unknown label, a non-positive tile, or a label of more than 64 MiB.
    """

    KNOWN = ("semantic", "state")

    def __init__(self, names: Iterable[str], scene: Scene, tile_size: int = 1) -> None:
        self.scene = scene
        self.tile_size = validated_count("tile_size", tile_size)
        self.spaces: dict[str, spaces.Box] = {}
        self._table: npt.NDArray[np.float32] | None = None
        for name in names:
            if name == "semantic":
                sides = (scene.rows * self.tile_size, scene.columns * self.tile_size)
                shape = checked_size(sides, np.uint8, "give a smaller tile or map")
                self.spaces[name] = spaces.Box(0, WALKER_CODE, shape, np.uint8)
            elif name == "state":
                self._table = np.concatenate((coordinates(scene), factors(scene)[scene.layout]), axis=1)
                self.spaces[name] = spaces.Box(0, 1, self._table.shape[1:], np.float32)
            else:
                raise unknown_name("label", name, self.KNOWN)

    def __call__(self, states: Any) -> dict[str, Array]:
        """Labels of a batch of states, each of shape (len(states), *its space's shape).

        Args:
            states: indices of states, shape (n,).
        """
        index = self.scene.indices(states)
        return {name: getattr(self, f"_{name}")(index) for name in self.spaces}

    def _semantic(self, states: npt.NDArray[np.int64]) -> Array:
        scene = self.scene
        found = scene.layouts[scene.layout[states]]
        found.reshape(len(states), scene.rows * scene.columns)[
            np.arange(len(states)), scene.position[states]
        ] = WALKER_CODE
        return (
            found.repeat(self.tile_size, axis=1).repeat(self.tile_size, axis=2)
            if self.tile_size > 1
            else found
        )

    def _state(self, states: npt.NDArray[np.int64]) -> Array:
        assert self._table is not None
        return self._table[states]


def factors(scene: Scene) -> npt.NDArray[np.float32]:
    """Factors of variation between layouts: the fewest numbers that distinguish them cell by cell.

    Cells that always change together (a door's two halves, all keys of a letter) are one factor; factors are in
    the order of their first cell. The value of a factor numbers the tiles that its cells take on, in the order in
    which the layouts first have them, scaled from 0 (the first layout, where episodes begin) to 1.

    Returns:
        float32, shape (num_layouts, factors).
    """
    cells = scene.layouts.reshape(len(scene.layouts), -1)
    seen: dict[bytes, npt.NDArray[np.float32]] = {}
    for cell in np.flatnonzero((cells != cells[:1]).any(axis=0)):
        _, first, look = np.unique(cells[:, cell], return_index=True, return_inverse=True)
        rank = np.argsort(np.argsort(first))  # by first appearance, whatever the codes are
        value = (rank[look] / (len(first) - 1)).astype(np.float32)
        seen.setdefault(value.tobytes(), value)
    return np.stack([*seen.values()], axis=1) if seen else np.zeros((len(cells), 0), dtype=np.float32)
