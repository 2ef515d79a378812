"""An agent's estimates for every cell of a map, computed again when the agent or the map changes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from arena.agents.actor import Actor, Estimates
from arena.environments.rendering import CellPainter
from arena_viewer import Area, Overlay, OverlayContext, Player

if TYPE_CHECKING:
    from arena.encoders.encoded_stream import ObservationEncoder

__all__ = ["OverCells", "Survey", "cell_area"]

#: The largest batch of cells: the observations of a whole map may need much memory.
PART = 512

Array = npt.NDArray[Any]


class Survey(NamedTuple):
    """An agent's estimates for cells.

    Attributes:
        key: identity of the agent's version and of the map.
        cells: cells in which the agent acts, ``row * columns + column``: shape (count,).
        numbers: estimates for each cell: shape (count, …).
    """

    key: Hashable
    cells: npt.NDArray[np.int64]
    numbers: Array


class OverCells(Overlay):
    """Base class of overlays that show the agent's estimates for every cell."""

    #: Whether actions have to be moves.
    moving: ClassVar[bool] = False

    def __init__(self) -> None:
        self._survey: Survey | None = None
        self._shown: bool | None = None

    @abstractmethod
    def silence(self, estimates: Estimates) -> str | None:
        """Reason why an agent with such estimates has nothing to draw; None if it has."""

    @abstractmethod
    def ask(self, actor: Actor, batch: Array) -> Array:
        """Estimates for a batch of observations as the agent receives them: shape (batch, …)."""

    def refusal(self, player: Player) -> str | None:
        painter, actor = player.painter, player.actor
        if not isinstance(painter, CellPainter):
            return "the environment is no grid of cells"
        if actor is None:
            return "no agent plays"
        encoder = actor.environment.encoder
        if encoder is not None and _remembers(encoder):
            return "the encoder's code depends on earlier observations"
        if self._shown is None:
            self._shown = _shows(painter, player)
        if not self._shown:
            return "a wrapper changes the environment's observations"
        if self.moving and player.moves is None:
            return "the actions are no moves"
        return self.silence(player.moments[0].estimates)

    def survey(self, context: OverlayContext) -> Survey:
        """Estimates for every cell, with the map of the displayed moment."""
        painter, actor = context.cells, context.player.actor
        assert painter is not None and actor is not None, "refused"
        states = painter.states(context.moment.scene)
        key = actor.version, states.tobytes()
        if self._survey is None or self._survey.key != key:
            cells = np.flatnonzero(states >= 0)
            parts = np.split(states[cells], range(PART, len(cells), PART))
            estimates = [self.ask(actor, actor.encode(painter.observe(part))) for part in parts]
            self._survey = Survey(key, cells, np.concatenate(estimates))
        return self._survey


def cell_area(area: Area, painter: CellPainter, cell: int) -> Area:
    """Area of a cell in a picture."""
    row, column = divmod(cell, painter.columns)
    return area.cell(row, column, painter.rows, painter.columns)


def _remembers(encoder: ObservationEncoder) -> bool:
    from arena.encoders.base import Remembers  # brings torch, which is slow to import

    return isinstance(encoder.encoder, Remembers)


def _shows(painter: CellPainter, player: Player) -> bool:
    """Whether the agent's observation is the painter's: a wrapper may change it."""
    moment = player.moments[0]
    state = painter.states(moment.scene)[painter.cell(moment.scene)]
    return state < 0 or np.array_equal(painter.observe(np.array([state]))[0], moment.observation)
