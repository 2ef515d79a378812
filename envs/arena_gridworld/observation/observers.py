"""How states look to an agent: observers for `arena.environments.tabular`, each of which fills a batch in one compiled call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from arena.errors import ArenaError
from arena_gridworld.observation.kernels import fill_egocentric, fill_onehot, fill_pixels
from arena_gridworld.observation.scene import Array, Scene, checked_size
from arena_gridworld.observation.sprites import sprite
from arena_gridworld.tiles import TILES

__all__ = ["CHANNELS", "XY", "CellObserver", "Egocentric", "OneHot", "Pixels", "coordinates"]

#: What the channels of an egocentric view are: outside the map, then a kind of tile each.
CHANNELS = ("outside", *(tile.name for tile in TILES))

#: The most bytes of ready-made rows of cells that `Pixels` keeps; above it, frames are put together from tiles.
ROWS_BUDGET = 256 << 20

SMALLER = "choose observation xy or egocentric, or a smaller map"


class CellObserver(ABC):
    """An `arena.environments.tabular.Observer` of a gridworld's states.

    Args:
        scene: the states.
        space: of one observation.
    """

    def __init__(self, scene: Scene, space: spaces.Box) -> None:
        self.scene = scene
        self.space: gym.Space[Any] = space
        self._shape = space.shape

    def observe(self, states: Array, out: Array) -> None:
        """Fills ``out``, of shape (len(states), *space.shape), with what each state looks like.

        Raises:
            ValueError: a state that is none, or an ``out`` of another shape or type.
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
        """`observe`, with everything checked and ``out`` contiguous."""


class OneHot(CellObserver):
    """The state's index as a one among zeros: float32, shape (num_states,)."""

    def __init__(self, scene: Scene) -> None:
        shape = checked_size((scene.num_states,), np.float32, SMALLER)
        super().__init__(scene, spaces.Box(0, 1, shape, np.float32))

    def _fill(self, states: npt.NDArray[np.int64], out: Array) -> None:
        fill_onehot(states, out)


class XY(CellObserver):
    """The walker's place: float32, (x, y) from the top left (0, 0) to the bottom right (1, 1).

    x is ``column / (columns - 1)`` and y ``row / (rows - 1)``, and 0 on a map of one column or row. What else the
    state holds (keys taken, doors open) does not show.
    """

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene, spaces.Box(0, 1, (2,), np.float32))
        self._table = coordinates(scene)

    def _fill(self, states: npt.NDArray[np.int64], out: Array) -> None:
        np.take(self._table, states, axis=0, out=out, mode="clip")


class Egocentric(CellObserver):
    """The k × k cells around the walker, which is in the middle: uint8, shape (k, k, channels), one-hot.

    Rows go down and columns right, as on the map: a gridworld's walker faces nowhere. Channel 0 marks the cells
    outside the map, channel 1 + code the tile `arena_gridworld.tiles.TILES` has at that code, so that a view has the
    same channels on every map. Nothing blocks the sight.

    Args:
        scene: the states.
        view: k, odd.

    Attributes:
        channels: the channels' names.

    Raises:
        ArenaError: k is even, below 1, or huge.
    """

    channels = CHANNELS

    def __init__(self, scene: Scene, view: int) -> None:
        if isinstance(view, bool) or not isinstance(view, (int, np.integer)) or view < 1 or view % 2 == 0:
            raise ArenaError(
                f"view is {view!r}; the walker stands in the middle of a view of odd width",
                f"give an odd number of cells, such as {_odd(view)}",
            )
        k = int(view)
        shape = checked_size((k, k, len(CHANNELS)), np.uint8, "give a smaller view")
        super().__init__(scene, spaces.Box(0, 1, shape, np.uint8))

    def _fill(self, states: npt.NDArray[np.int64], out: Array) -> None:
        scene = self.scene
        fill_egocentric(states, scene.position, scene.layout, scene.layouts, out)


class Pixels(CellObserver):
    """The whole map from above with the walker on it: uint8, shape (rows · tile, columns · tile, 3), RGB.

    Rows of cells are drawn once each, however many layouts they occur in, and a frame is a copy of its rows with
    the walker's tile over them; where the rows would take more than `ROWS_BUDGET` bytes, frames are put together
    from single tiles instead, which is slower and looks the same.

    Args:
        scene: the states.
        tile: a cell's side, in pixels; from `arena_gridworld.observation.sprites.SMALLEST_GLYPH` on, tiles have
            pictures.

    Raises:
        ArenaError: ``tile`` is below 1, or frames would be huge.
    """

    def __init__(self, scene: Scene, tile: int) -> None:
        if isinstance(tile, bool) or not isinstance(tile, (int, np.integer)) or tile < 1:
            raise ArenaError(f"tile is {tile!r} pixels", "give a whole number from 1, such as 8")
        tile = self.tile = int(tile)
        remedy = "give a smaller tile" if tile > 1 else SMALLER
        shape = checked_size((scene.rows * tile, scene.columns * tile, 3), np.uint8, remedy)
        super().__init__(scene, spaces.Box(0, 255, shape, np.uint8))
        self._walkers = _strip([sprite(TILES[code].name, tile, walker=True) for code in scene.codes])
        # Kernels look sprites up by their place among the tiles that occur, for a table of all may be large.
        place = np.zeros(len(TILES), dtype=np.uint8)
        place[scene.codes] = np.arange(len(scene.codes))
        self._layouts = _readonly(place[scene.layouts])
        self._block_of, self._blocks = self._prepare()

    def _prepare(self) -> tuple[Array, Array]:
        """Which block goes where, shape (num_layouts, rows, n), and the blocks, shape (count, height, bytes)."""
        scene, tile = self.scene, self.tile
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
    """Shape (num_states, 2): the walker's x and y in [0, 1], as `XY` shows them."""
    x = scene.position % scene.columns / max(scene.columns - 1, 1)
    y = scene.position // scene.columns / max(scene.rows - 1, 1)
    return np.stack((x, y), axis=1).astype(np.float32)


def _strip(pictures: list[npt.NDArray[np.uint8]]) -> Array:
    """Pictures as one read-only array, shape (count, tile, 3 · tile)."""
    stacked = np.stack(pictures)
    return _readonly(stacked.reshape(*stacked.shape[:2], -1))


def _readonly(array: Array) -> Array:
    array = np.ascontiguousarray(array)
    array.setflags(write=False)
    return array


def _odd(view: Any) -> str:
    """An odd number near what was asked for."""
    if isinstance(view, bool) or not isinstance(view, (int, np.integer)) or view < 2:
        return "5"
    return f"{view - 1} or {view + 1}"
