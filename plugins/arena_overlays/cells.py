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

#: Cells that are asked about at once: pictures of a whole map of them may be large.
PART = 512

Array = npt.NDArray[Any]


class Survey(NamedTuple):
    """An agent's estimates for cells.

    Attributes:
        key: of the agent as it is now and the map as it looks now.
        cells: those where the agent acts, ``row * columns + column``: shape (count,).
        numbers: what it says of each: shape (count, …).
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
        """The reason why an agent with such estimates has nothing to show; None if it has."""

    @abstractmethod
    def ask(self, actor: Actor, batch: Array) -> Array:
        """The agent's estimates for observations as it receives them: shape (batch, …)."""

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
        """The agent's estimates for every cell, with the map as it is in the moment that is shown."""
        painter, actor = context.cells, context.player.actor
        assert painter is not None and actor is not None, "refused"
        states = painter.states(context.moment.scene)
        key = actor.version, states.tobytes()
        if self._survey is None or self._survey.key != key:
            cells = np.flatnonzero(states >= 0)
            parts = np.split(states[cells], range(PART, len(cells), PART))
            estimates = [self.ask(actor, actor.see(painter.observe(part))) for part in parts]
            self._survey = Survey(key, cells, np.concatenate(estimates))
        return self._survey


def cell_area(area: Area, painter: CellPainter, cell: int) -> Area:
    """Where a cell is in a picture."""
    row, column = divmod(cell, painter.columns)
    return area.cell(row, column, painter.rows, painter.columns)


def _remembers(encoder: ObservationEncoder) -> bool:
    from arena.encoders.base import Remembers  # brings torch, which is slow to import

    return isinstance(encoder.encoder, Remembers)


def _shows(painter: CellPainter, player: Player) -> bool:
    """Whether the agent gets what the painter says of a state: a wrapper may show it something else."""
    moment = player.moments[0]
    state = painter.states(moment.scene)[painter.cell(moment.scene)]
    return state < 0 or np.array_equal(painter.observe(np.array([state]))[0], moment.observation)
