"""The compiled picture of a gridworld: its model, and how each of the model's states looks."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from arena_gridworld.maps import GridMap

if TYPE_CHECKING:
    from arena.environments.mdp import TransitionModel
    from arena.environments.tabular import Observer
    from arena_gridworld.observation import Labeller

__all__ = ["RENDER_TILE", "World"]

#: Pixels that a tile is wide and high in `World.frames`.
RENDER_TILE = 32


@dataclass(frozen=True, eq=False)
class World:
    """What everything that steps, shows or draws a gridworld reads.

    A state is a cell and a layout, which is the map as it looks then: doors open or closed, keys there or taken.
    State ``layout * rows * columns + cell`` of a map; a map that never changes has one layout, so that its states
    are its cells.

    Attributes:
        model: the dynamics.
        layouts: uint8, shape (layouts, rows, columns): indices into `arena_gridworld.tiles.TILES`.
        position: int32, shape (num_states,): the walker's cell, ``row * columns + column``.
        layout: int32, shape (num_states,): an index into `layouts`.
        since: the environment steps of a lane after which each phase of a changing world begins; the states of
            phase i are the i-th of as many equal parts. One phase, from the beginning, for all others.
        moves: rows down and columns right that each action is meant to lead; None where actions are no moves.
        wind: how many cells upwards each column's wind pushes, as far as no tile says so; empty for none.
    """

    model: TransitionModel
    layouts: npt.NDArray[np.uint8]
    position: npt.NDArray[np.int32]
    layout: npt.NDArray[np.int32]
    since: tuple[int, ...] = (0,)
    moves: tuple[tuple[int, int], ...] | None = None
    wind: tuple[int, ...] = ()

    @classmethod
    def layered(
        cls,
        model: TransitionModel,
        layouts: npt.NDArray[np.uint8],
        since: tuple[int, ...] = (0,),
        moves: tuple[tuple[int, int], ...] | None = None,
    ) -> World:
        """The world whose states are the cells of its layouts, one layout after another.

        Args:
            model: the dynamics, of ``layouts.size`` states.
            layouts: uint8, shape (layouts, rows, columns).
            since: as the attribute.
            moves: as the attribute.
        """
        layer, cell = np.divmod(np.arange(layouts.size, dtype=np.int32), layouts[0].size)
        return cls(model, layouts, position=cell, layout=layer, since=since, moves=moves)

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
        """How many states the model has."""
        return self.model.num_states

    def text(self, state: int | None = None) -> str:
        """The map in characters as it looks in a state, ``@`` for the walker; the first layout without one."""
        if state is None:
            return GridMap(self.layouts[0]).text
        text, cell = GridMap(self.layouts[self.layout[state]]).text, int(self.position[state])
        at = cell + cell // self.columns  # a newline ends each row
        return f"{text[:at]}@{text[at + 1 :]}"

    def observer(self, kind: str, view: int = 5, tile: int = 8) -> Observer | None:
        """What shows the states to an agent; None for their index. See `arena_gridworld.observation.observer`."""
        if kind == "index":
            return None
        from arena_gridworld.observation import observer

        return observer(kind, **self._picture(), view=view, tile=tile)

    def labels(self, names: Sequence[str], tile: int = 1) -> Labeller:
        """What labels states. See `arena_gridworld.observation.labels`."""
        from arena_gridworld.observation import labels

        return labels(names, **self._picture(), tile=tile)

    def frames(self, states: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Pictures of states: uint8, shape (len(states), rows · `RENDER_TILE`, columns · `RENDER_TILE`, 3)."""
        painter = self._painter
        assert painter is not None
        frames = np.empty((len(states), *(painter.space.shape or ())), dtype=np.uint8)
        painter.observe(states, frames)
        return frames

    @functools.cached_property
    def _painter(self) -> Observer | None:
        return self.observer("pixels", tile=RENDER_TILE)

    def _picture(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "columns": self.columns,
            "position": self.position,
            "layout": self.layout,
            "layouts": self.layouts,
        }
