"""Observers: observations of states for `arena.environments.tabular`, a batch in one compiled call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from arena.config.validation import validated_count
from arena.errors import ArenaError
from arena_gridworld.observation.kernels import fill_egocentric, fill_onehot, fill_pixels
from arena_gridworld.observation.scene import Array, Scene, checked_size
from arena_gridworld.observation.sprites import sprite
from arena_gridworld.tiles import TILES

__all__ = ["CHANNELS", "XY", "CellObserver", "Egocentric", "OneHot", "Pixels", "coordinates"]

#: Channels of an egocentric view: outside the map, then one for each kind of tile.
CHANNELS = ("outside", *(tile.name for tile in TILES))

#: Most bytes of prepared rows of cells that `Pixels` keeps; above it, images are assembled from single tiles.
ROWS_BUDGET = 256 << 20

SMALLER = "choose observation xy or egocentric, or a smaller map"


class CellObserver(ABC):
    """Base of observers of a gridworld's states; see `arena.environments.tabular.Observer`.

    Args:
        scene: the states.
        space: space of one observation.
    """

    def __init__(self, scene: Scene, space: spaces.Box) -> None:
        self.scene = scene
        self.space: gym.Space[Any] = space
        self._shape = space.shape

    def observe(self, states: Array, out: Array) -> None:
        """Fill ``out``, of shape (len(states), *space.shape), with the observation of each state.

        Raises:
            ValueError: an invalid state, or an ``out`` of another shape or type.
        """
        index = self.scene.indices(states)
        shape = (len(index), *self._shape)
        if out.shape != shape or out.dtype != self.space.dtype:
            raise ValueError(f"out is {out.dtype} of shape {out.shape}, not {self.space.dtype} of {shape}")
        if out.flags.c_contiguous:
            self._fill(index, out)
        else:
            whole = np.empty(shape, out.dtype)
            self._fill(index, whole)
            out[...] = whole

    @abstractmethod
    def _fill(self, states: npt.NDArray[np.int64], out: Array) -> None:
        """Fill ``out``, after all checks and with ``out`` contiguous."""


class OneHot(CellObserver):
    """One-hot vector of the index of the state: float32, shape (num_states,)."""

    def __init__(self, scene: Scene) -> None:
        shape = checked_size((scene.num_states,), np.float32, SMALLER)
        super().__init__(scene, spaces.Box(0, 1, shape, np.float32))

    def _fill(self, states: npt.NDArray[np.int64], out: Array) -> None:
        fill_onehot(states, out)


class XY(CellObserver):
    """Position of the walker: float32, (x, y) from the top left (0, 0) to the bottom right (1, 1).

    x is ``column / (columns - 1)`` and y ``row / (rows - 1)``, and 0 on a map of one column or row. Everything else in
    the state (keys taken, doors open) is hidden.
    """

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene, spaces.Box(0, 1, (2,), np.float32))
        self._table = coordinates(scene)

    def _fill(self, states: npt.NDArray[np.int64], out: Array) -> None:
        np.take(self._table, states, axis=0, out=out, mode="clip")


class Egocentric(CellObserver):
    """Egocentric view: the k × k cells around the walker, one-hot: uint8, shape (k, k, channels).

    Rows go down and columns right, as on the map: the walker has no orientation. Channel 0 marks the cells outside
    the map, channel 1 + code the tile at that code in `arena_gridworld.tiles.TILES`, so that a view has the same
    channels on every map. Walls do not block the view.

    Args:
        scene: the states.
        view_size: k, odd.

    Attributes:
        channels: names of the channels.

    Raises:
        ArenaError: k is even, below 1, or too large.
    """

    channels = CHANNELS

    def __init__(self, scene: Scene, view_size: int) -> None:
        k = validated_count("view_size", view_size)
        if k % 2 == 0:
            raise ArenaError(
                f"view_size is {k}, which is even, and the walker stands in the center of the view",
                f"give an odd number of cells, such as {k - 1} or {k + 1}",
            )
        shape = checked_size((k, k, len(CHANNELS)), np.uint8, "give a smaller view_size")
        super().__init__(scene, spaces.Box(0, 1, shape, np.uint8))

    def _fill(self, states: npt.NDArray[np.int64], out: Array) -> None:
        scene = self.scene
        fill_egocentric(states, scene.position, scene.layout, scene.layouts, out)


class Pixels(CellObserver):
    """RGB image of the whole map with the walker: uint8, shape (rows · tile_size, columns · tile_size, 3).

    Each distinct row of cells is drawn once; an image is a copy of its rows with the walker's tile over them. Where the
    rows would take more than `ROWS_BUDGET` bytes, images are assembled from single tiles instead, which is slower and
    gives equal images.

    Args:
        scene: the states.
        tile_size: side of a cell, in pixels; from `arena_gridworld.observation.sprites.SMALLEST_GLYPH` on, tiles have
            pictures.

    Raises:
        ArenaError: ``tile_size`` is below 1, or images would be too large.
    """

    def __init__(self, scene: Scene, tile_size: int) -> None:
        tile = self.tile_size = validated_count("tile_size", tile_size)
        remedy = "give a smaller tile_size" if tile > 1 else SMALLER
        shape = checked_size((scene.rows * tile, scene.columns * tile, 3), np.uint8, remedy)
        super().__init__(scene, spaces.Box(0, 255, shape, np.uint8))
        self._walkers = _strip([sprite(TILES[code].name, tile, walker=True) for code in scene.codes])
        # Kernels index sprites by their place among the tiles that occur, because a table of all may be large.
        place = np.zeros(len(TILES), dtype=np.uint8)
        place[scene.codes] = np.arange(len(scene.codes))
        self._layouts = _readonly(place[scene.layouts])
        self._block_of, self._blocks = self._prepare()

    def _prepare(self) -> tuple[Array, Array]:
        """Index of the block at each place, shape (num_layouts, rows, n), and blocks, shape (count, height, bytes)."""
        scene, tile = self.scene, self.tile_size
        tiles = _strip([sprite(TILES[code].name, tile) for code in scene.codes])
        rows, which = np.unique(self._layouts.reshape(-1, scene.columns), axis=0, return_inverse=True)
        if rows.size * tile * tile * 3 > ROWS_BUDGET:
            return _readonly(self._layouts.astype(np.int32)), tiles
        blocks = tiles[rows].swapaxes(1, 2).reshape(len(rows), 1, -1)
        block_of = which.reshape(len(scene.layouts), scene.rows, 1).astype(np.int32)
        return _readonly(block_of), _readonly(blocks)

    def _fill(self, states: npt.NDArray[np.int64], out: Array) -> None:
        scene = self.scene
        fill_pixels(
            states,
            scene.position,
            scene.layout,
            self._layouts,
            self._block_of,
            self._blocks,
            self._walkers,
            out,
        )


def coordinates(scene: Scene) -> npt.NDArray[np.float32]:
    """Positions of the walker as x and y in [0, 1], shape (num_states, 2); see `XY`."""
    x = scene.position % scene.columns / max(scene.columns - 1, 1)
    y = scene.position // scene.columns / max(scene.rows - 1, 1)
    return np.stack((x, y), axis=1).astype(np.float32)


def _strip(pictures: list[npt.NDArray[np.uint8]]) -> Array:
    """Stack pictures into one read-only array, shape (count, tile, 3 · tile)."""
    stacked = np.stack(pictures)
    return _readonly(stacked.reshape(*stacked.shape[:2], -1))


def _readonly(array: Array) -> Array:
    array = np.ascontiguousarray(array)
    array.setflags(write=False)
    return array
