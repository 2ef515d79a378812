"""Gridworlds for people: their pictures at any size, a walker that glides, and the keys that steer it."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from arena.environments.rendering import Controls, Frame
from arena_gridworld.maps import tiles_having
from arena_gridworld.observation.observers import Pixels
from arena_gridworld.observation.scene import LARGEST_OBSERVATION
from arena_gridworld.observation.sprites import sprite, walker_alone
from arena_gridworld.tiles import CODES, TILES

if TYPE_CHECKING:
    from arena.environments.tabular import Observer
    from arena_gridworld.world import World

__all__ = ["GridPainter", "controls_of"]

#: Sizes whose tiles are kept ready: a window that is dragged passes many, and shows one.
KEPT = 3

#: The most cells down or right that a walker glides; a longer way is no walk but a leap.
GLIDE = 2

#: Starts that are marked, at most.
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

#: Tiles where nobody decides: nobody gets there, the episode goes on elsewhere or ends, or, with a key, the state
#: after taking it is one of the next layout.
UNDECIDED = tiles_having("blocks", "ends", "sends_back", "key")


class GridPainter:
    """An `arena.environments.rendering.CellPainter` of a gridworld; a scene is a state's index.

    Args:
        world: what it draws.
        shown: how the environment shows states; None for their index.

    Attributes:
        rows: of cells.
        columns: of cells.
        moves: int64, shape (num_actions, 2): how many cells right and down each action is meant to lead; None where
            actions are no moves.
    """

    def __init__(self, world: World, shown: Observer | None = None) -> None:
        self.rows, self.columns = world.rows, world.columns
        self.moves = None if world.moves is None else np.array(world.moves, dtype=np.int64)[:, ::-1]
        self._world, self._shown = world, shown
        self._pixels = functools.lru_cache(KEPT)(functools.partial(_pixels, world))

    def __reduce__(self) -> tuple[Any, ...]:
        return GridPainter, (self._world, self._shown)  # what is kept ready is large, and soon made again

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """The size of the largest picture of whole tiles; larger than the room where that has fewer pixels than cells.

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
        """A state's picture, or the walker on the way to it; see `arena.environments.rendering.Painter`.

        The walker glides over the map as it was before, up to two cells far; after a longer way, or none, it is
        where it is.
        """
        pixels = self._pixels(width // self.columns)
        if not self._glides(scene, before, share):
            return _frame(pixels, scene)
        assert before is not None, "nobody glides from nowhere"
        frame = _frame(pixels, before)
        row, column = divmod(self.cell(before), self.columns)
        if self.cell(scene) == self.cell(before):
            return frame
        tile = pixels.tile
        name = TILES[pixels.scene.layouts[self._world.layout[before], row, column]].name
        frame[row * tile : (row + 1) * tile, column * tile : (column + 1) * tile] = sprite(name, tile)
        corner = np.array(self.walker(scene, before=before, share=share)) * tile
        _lay(walker_alone(tile), frame, corner)
        return frame

    def walker(self, scene: int, *, before: int | None = None, share: float = 1.0) -> tuple[float, float]:
        """The row and column of the walker's upper left corner, fractions of them on its way."""
        end = self._place(scene)
        place = end.astype(np.float64)
        if self._glides(scene, before, share):
            assert before is not None, "nobody glides from nowhere"
            start = self._place(before)
            place = start + share * (end - start)
        return float(place[0]), float(place[1])

    def cell(self, scene: int) -> int:
        """Where the walker is: ``row * columns + column``."""
        return int(self._world.position[scene])

    def states(self, scene: int) -> npt.NDArray[np.int64]:
        """The state with the walker in each cell of a scene's map: int64, shape (rows · columns,), −1 for no one."""
        world, layout = self._world, self._world.layout[scene]
        alike = np.flatnonzero(world.layout == layout)
        states = np.full(self.rows * self.columns, -1, dtype=np.int64)
        states[world.position[alike]] = alike
        states[UNDECIDED[world.layouts[layout].ravel()]] = -1
        return states

    def observe(self, states: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """What the environment shows in these states: shape (len(states), *observation_space.shape)."""
        if self._shown is None:
            return np.array(states, dtype=np.int64)
        space = self._shown.space
        seen = np.empty((len(states), *(space.shape or ())), dtype=space.dtype)
        self._shown.observe(states, seen)
        return seen

    def _place(self, scene: int) -> npt.NDArray[np.int64]:
        return np.array(divmod(self.cell(scene), self.columns))

    def _glides(self, scene: int, before: int | None, share: float) -> bool:
        if before is None or share >= 1:
            return False
        return bool(np.abs(self._place(before) - self._place(scene)).max() <= GLIDE)


def controls_of(moves: tuple[tuple[int, int], ...] | None) -> Controls:
    """The keys of moves, arrows and for diagonals the letters around S; none of what leads elsewhere.

    Args:
        moves: as `World.moves`.

    Example:
        >>> controls_of(((0, -1), (1, 0))).keys
        {'left': 0, 'down': 1}
    """
    moves = moves or ()
    keys = {DIRECTIONS[move][1]: action for action, move in enumerate(moves) if move in DIRECTIONS}
    names = tuple(DIRECTIONS[move][0] for move in moves if move in DIRECTIONS)
    return Controls(keys, names if len(names) == len(moves) else ())


def _pixels(world: World, tile: int) -> Pixels:
    """What paints states with tiles of a size."""
    pixels = dataclasses.replace(world, layouts=_for_people(world)).observer("pixels", tile=tile)
    assert isinstance(pixels, Pixels)
    return pixels


def _for_people(world: World) -> npt.NDArray[np.uint8]:
    """The layouts as people are to see them: columns' wind on the floor, and no mark of starts that are everywhere."""
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


def _lay(picture: npt.NDArray[np.float32], frame: Frame, corner: npt.NDArray[np.float64]) -> None:
    """Lays a picture with opacity over a frame, each of its pixels shared out among the four that it lies on.

    Args:
        picture: as `walker_alone` gives it.
        frame: written to.
        corner: where the picture's upper left corner comes, in pixels down and right.
    """
    (row, column), side = corner.astype(np.int64), len(picture) + 1
    spread = np.pad(picture, ((0, 1), (0, 1), (0, 0)))  # and what rolls round to the front is empty
    for axis, part in enumerate((corner % 1).astype(np.float32)):
        spread = spread + part * (np.roll(spread, 1, axis) - spread)
    patch = frame[row : row + side, column : column + side]
    spread = spread[: len(patch), : patch.shape[1]]  # what the frame's edge cuts off is empty
    patch[...] = np.rint(patch * (1 - spread[..., 3:]) + spread[..., :3])
