"""Pictures of gridworlds at any size, with a walker that glides between cells, and the keys that steer it."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from arena.environments.rendering import Controls, Frame
from arena_gridworld.maps import tiles_with
from arena_gridworld.observation.observers import Pixels
from arena_gridworld.observation.scene import LARGEST_OBSERVATION
from arena_gridworld.observation.sprites import sprite, walker_sprite
from arena_gridworld.tiles import CODES, TILES

if TYPE_CHECKING:
    from arena.environments.tabular import Observer
    from arena_gridworld.world import World

__all__ = ["GridPainter", "controls_for_moves"]

#: Number of tile sizes whose pictures are kept: a window that is resized goes through many.
KEPT_SIZES = 3

#: Largest distance, in cells down or right, over which the walker glides; over a longer one it jumps.
MAX_GLIDE = 2

#: Most starts for which starts are marked.
MOST_STARTS = 8

#: The name and the key of each move, rows down and columns right. Diagonals are the keys around the S of a keyboard.
DIRECTIONS = {
    (-1, 0): ("up", "up"),
    (0, 1): ("right", "right"),
    (1, 0): ("down", "down"),
    (0, -1): ("left", "left"),
    (-1, 1): ("up right", "e"),
    (1, 1): ("down right", "c"),
    (1, -1): ("down left", "z"),
    (-1, -1): ("up left", "q"),
    (0, 0): ("stay", "s"),
}

#: Tiles in which no action is chosen: they block, end the episode, send back to a start, or hold a key, after which
#: the state belongs to the next layout.
NO_DECISION = tiles_with("blocks", "ends", "sends_back", "key")


class GridPainter:
    """Painter of a gridworld, an `arena.environments.rendering.CellPainter`; a scene is the index of a state.

    Args:
        world: the gridworld that it draws.
        observer: makes observations of states; None for the index of the state.

    Attributes:
        rows: number of rows of cells.
        columns: number of columns of cells.
        moves: intended cells right and down of each action, int64, shape (num_actions, 2); None where actions are not
            moves.
    """

    def __init__(self, world: World, observer: Observer | None = None) -> None:
        self.rows, self.columns = world.rows, world.columns
        self.moves = None if world.moves is None else np.array(world.moves, dtype=np.int64)[:, ::-1]
        self._world, self._observer = world, observer
        self._pixels = functools.lru_cache(KEPT_SIZES)(functools.partial(_pixels, world))

    def __reduce__(self) -> tuple[Any, ...]:
        return GridPainter, (self._world, self._observer)  # the cached pictures are large, and quickly drawn

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """Size of the largest picture of whole tiles within ``width`` × ``height`` pixels; a tile has at least one.

        Example:
            >>> import arena_gridworld as ag
            >>> ag.CliffWalk().painter.fit(800, 600)
            (792, 264)
        """
        largest = math.isqrt(LARGEST_OBSERVATION // (3 * self.rows * self.columns))
        tile = max(1, min(width // self.columns, height // self.rows, largest))
        return self.columns * tile, self.rows * tile

    def paint(
        self, scene: int, width: int, height: int, *, before: int | None = None, share: float = 1.0
    ) -> Frame:
        """Picture of a state, or of the walker between two; see `arena.environments.rendering.Painter`.

        The walker glides over the earlier map, up to two cells far; over a longer distance it jumps.
        """
        pixels = self._pixels(width // self.columns)
        if not self._glides(scene, before, share):
            return _frame(pixels, scene)
        assert before is not None
        frame = _frame(pixels, before)
        row, column = divmod(self.cell(before), self.columns)
        if self.cell(scene) == self.cell(before):
            return frame
        tile = pixels.tile_size
        name = TILES[pixels.scene.layouts[self._world.layout[before], row, column]].name
        frame[row * tile : (row + 1) * tile, column * tile : (column + 1) * tile] = sprite(name, tile)
        corner = np.array(self.walker(scene, before=before, share=share)) * tile
        _blend(walker_sprite(tile), frame, corner)
        return frame

    def walker(self, scene: int, *, before: int | None = None, share: float = 1.0) -> tuple[float, float]:
        """Row and column of the upper left corner of the walker, fractional between two cells."""
        end = self._place(scene)
        place = end.astype(np.float64)
        if self._glides(scene, before, share):
            assert before is not None
            start = self._place(before)
            place = start + share * (end - start)
        return float(place[0]), float(place[1])

    def cell(self, scene: int) -> int:
        """Cell of the walker: ``row * columns + column``."""
        return int(self._world.position[scene])

    def states(self, scene: int) -> npt.NDArray[np.int64]:
        """State with the walker in each cell of a scene's map: int64, shape (rows · columns,), −1 for none."""
        world, layout = self._world, self._world.layout[scene]
        alike = np.flatnonzero(world.layout == layout)
        states = np.full(self.rows * self.columns, -1, dtype=np.int64)
        states[world.position[alike]] = alike
        states[NO_DECISION[world.layouts[layout].ravel()]] = -1
        return states

    def observe(self, states: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Observations of states: shape (len(states), *observation_space.shape)."""
        if self._observer is None:
            return np.array(states, dtype=np.int64)
        space = self._observer.space
        seen = np.empty((len(states), *(space.shape or ())), dtype=space.dtype)
        self._observer.observe(states, seen)
        return seen

    def _place(self, scene: int) -> npt.NDArray[np.int64]:
        return np.array(divmod(self.cell(scene), self.columns))

    def _glides(self, scene: int, before: int | None, share: float) -> bool:
        if before is None or share >= 1:
            return False
        return bool(np.abs(self._place(before) - self._place(scene)).max() <= MAX_GLIDE)


def controls_for_moves(moves: tuple[tuple[int, int], ...] | None) -> Controls:
    """Keys for moves: arrows, and the letters around S for diagonals; longer moves have no key.

    Args:
        moves: rows down and columns right of each action; None where actions are not moves.

    Example:
        >>> controls_for_moves(((0, -1), (1, 0))).keys
        {'left': 0, 'down': 1}
    """
    moves = moves or ()
    keys = {DIRECTIONS[move][1]: action for action, move in enumerate(moves) if move in DIRECTIONS}
    names = tuple(DIRECTIONS[move][0] for move in moves if move in DIRECTIONS)
    return Controls(keys, names if len(names) == len(moves) else ())


def _pixels(world: World, tile: int) -> Pixels:
    """Observer that draws states with tiles of a given size."""
    pixels = dataclasses.replace(world, layouts=_display_layouts(world)).observer("pixels", tile_size=tile)
    assert isinstance(pixels, Pixels)
    return pixels


def _display_layouts(world: World) -> npt.NDArray[np.uint8]:
    """Layouts as they are drawn: with arrows for the wind of columns, and without starts where these are many."""
    shown, floor = world.layouts, np.uint8(CODES["floor"])
    if np.count_nonzero(shown[0] == CODES["start"]) > MOST_STARTS:
        shown = np.where(shown == CODES["start"], floor, shown)
    if any(world.wind):
        wind = np.array(world.wind)
        arrows = np.where(wind > 0, CODES["wind up"], np.where(wind < 0, CODES["wind down"], floor))
        shown = np.where(shown == floor, arrows.astype(np.uint8), shown)
    return shown


def _frame(pixels: Pixels, state: int) -> Frame:
    frame = np.empty((1, *(pixels.space.shape or ())), dtype=np.uint8)
    pixels.observe(np.array([state]), frame)
    picture: Frame = frame[0]
    return picture


def _blend(picture: npt.NDArray[np.float32], frame: Frame, corner: npt.NDArray[np.float64]) -> None:
    """Blend a picture with opacity into a frame at a fractional position (bilinear weights).

    Args:
        picture: a picture from `walker_sprite`.
        frame: the frame; written to.
        corner: upper left corner of the picture in the frame, in pixels down and right.
    """
    (row, column), side = corner.astype(np.int64), len(picture) + 1
    spread = np.pad(picture, ((0, 1), (0, 1), (0, 0)))  # the padding rolls round to the front
    for axis, part in enumerate((corner % 1).astype(np.float32)):
        spread = spread + part * (np.roll(spread, 1, axis) - spread)
    patch = frame[row : row + side, column : column + side]
    spread = spread[: len(patch), : patch.shape[1]]  # only padding is cut off at the edge of the frame
    patch[...] = np.rint(patch * (1 - spread[..., 3:]) + spread[..., :3])
