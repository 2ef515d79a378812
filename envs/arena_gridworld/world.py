"""Compiled gridworlds: a transition model, and the layout of the map in each of its states."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from arena_gridworld.maps import GridMap
from arena_gridworld.observation import Pixels, Scene, StateLabeler, make_observer

if TYPE_CHECKING:
    from arena.environments.mdp import TransitionModel
    from arena.environments.tabular import Observer

__all__ = ["RENDER_TILE", "World"]

#: Width and height of a cell in `World.frames`, in pixels.
RENDER_TILE = 32


@dataclass(frozen=True, eq=False)
class World:
    """Compiled gridworld, which everything that steps, observes or draws it reads.

    A state is a cell and a layout. A layout is the map with each door open or closed and each key present or taken. On
    a map, the index of a state is ``layout * rows * columns + cell``; a map that never changes has one layout, so its
    states are its cells.

    Attributes:
        model: the dynamics.
        layouts: indices into `arena_gridworld.tiles.TILES`, uint8, shape (layouts, rows, columns).
        position: cell of the walker in each state, ``row * columns + column``, int32, shape (num_states,).
        layout: index into `layouts` of each state, int32, shape (num_states,).
        phase_starts: environment steps of a lane after which each phase of a changing world starts; phase i has the
            i-th of as many equal parts of the states. A world that does not change has one phase, from step 0.
        moves: intended rows down and columns right of each action; None where actions are not moves.
        wind: strength of the wind in each column, in cells upwards, apart from wind tiles; empty for none.
    """

    model: TransitionModel
    layouts: npt.NDArray[np.uint8]
    position: npt.NDArray[np.int32]
    layout: npt.NDArray[np.int32]
    phase_starts: tuple[int, ...] = (0,)
    moves: tuple[tuple[int, int], ...] | None = None
    wind: tuple[int, ...] = ()

    @classmethod
    def layered(
        cls,
        model: TransitionModel,
        layouts: npt.NDArray[np.uint8],
        phase_starts: tuple[int, ...] = (0,),
        moves: tuple[tuple[int, int], ...] | None = None,
    ) -> World:
        """World whose states are the cells of its layouts, one layout after another.

        Args:
            model: the dynamics, of ``layouts.size`` states.
            layouts: uint8, shape (layouts, rows, columns).
            phase_starts: environment steps after which each phase starts.
            moves: intended rows down and columns right of each action.
        """
        layer, cell = np.divmod(np.arange(layouts.size, dtype=np.int32), layouts[0].size)
        return cls(model, layouts, position=cell, layout=layer, phase_starts=phase_starts, moves=moves)

    @property
    def rows(self) -> int:
        """The map's height in cells."""
        return int(self.layouts.shape[1])

    @property
    def columns(self) -> int:
        """The map's width in cells."""
        return int(self.layouts.shape[2])

    @property
    def num_states(self) -> int:
        """Number of states of the model."""
        return self.model.num_states

    def text(self, state: int | None = None) -> str:
        """The map of a state in characters, with ``@`` for the walker; the first layout if the state is None."""
        if state is None:
            return GridMap(self.layouts[0]).text
        text, cell = GridMap(self.layouts[self.layout[state]]).text, int(self.position[state])
        at = cell + cell // self.columns  # a newline ends each row
        return f"{text[:at]}@{text[at + 1 :]}"

    def observer(self, kind: str, view_size: int = 5, tile_size: int = 8) -> Observer | None:
        """Observer of the states; None for their index. See `arena_gridworld.observation.make_observer`."""
        return None if kind == "index" else make_observer(kind, self.scene, view_size, tile_size)

    def labels(self, names: Sequence[str], tile_size: int = 1) -> StateLabeler:
        """Labeler of the states, for the given labels."""
        return StateLabeler(names, self.scene, tile_size)

    def frames(self, states: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Images of states: uint8, shape (len(states), rows · `RENDER_TILE`, columns · `RENDER_TILE`, 3)."""
        frames = np.empty((len(states), *(self._pixels.space.shape or ())), dtype=np.uint8)
        self._pixels.observe(states, frames)
        return frames

    @functools.cached_property
    def scene(self) -> Scene:
        """The states as observers and labelers read them."""
        return Scene(
            rows=self.rows,
            columns=self.columns,
            position=self.position,
            layout=self.layout,
            layouts=self.layouts,
        )

    @functools.cached_property
    def _pixels(self) -> Pixels:
        return Pixels(self.scene, RENDER_TILE)
