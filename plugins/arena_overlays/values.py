"""State value V(s) of every cell."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from arena.agents.actor import Actor, Estimates
from arena.palette import INK
from arena_overlays.cells import OverCells, cell_area
from arena_overlays.wash import BASE, ROOMY, legend, shares, wash
from arena_viewer import SMALL, Area, Canvas, OverlayContext, Player

__all__ = ["SCALE", "Values", "figure"]

SCALE = np.array([(253, 247, 219), (199, 226, 201), (127, 190, 205), (84, 142, 194)], np.float64)


class Values(OverCells):
    """V(s) of every cell as a heatmap."""

    #: The least and the greatest value of each player: players side by side share one scale.
    _ends: ClassVar[WeakKeyDictionary[Player, tuple[float, float]]] = WeakKeyDictionary()

    def __init__(self) -> None:
        super().__init__()
        self._known: tuple[Hashable, npt.NDArray[Any]] | None = None

    def silence(self, estimates: Estimates) -> str | None:
        return "the agent has no state values" if estimates.value is None else None

    def ask(self, actor: Actor, batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
        found = actor.values(batch)
        assert found is not None, "refused"
        return found

    def values(self, context: OverlayContext) -> npt.NDArray[Any]:
        """V of each cell of the survey; NaN for cells that a table has not updated, if it has updated others."""
        actor, survey = context.player.actor, self.survey(context)
        assert actor is not None and context.cells is not None, "refused"
        if self._known is None or self._known[0] != survey.key:
            states = context.cells.states(context.moment.scene)[survey.cells]
            unknown = _untouched(actor, actor.encode(context.cells.observe(states)))
            shown = survey.numbers if unknown.all() else np.where(unknown, np.nan, survey.numbers)
            self._known = survey.key, shown
        return self._known[1]

    def prepare(self, context: OverlayContext) -> None:
        values = self.values(context)
        values = values[np.isfinite(values)]
        if len(values):
            self._ends[context.player] = float(values.min()), float(values.max())
        else:
            self._ends.pop(context.player, None)

    def draw(self, canvas: Canvas, area: Area, context: OverlayContext) -> None:
        painter = context.cells
        assert painter is not None, "refused"
        cells, values = self.survey(context).cells, self.values(context)
        known = [self._ends[player] for player in context.players or [context.player] if player in self._ends]
        if not known:
            self.prepare(context)
            known = [self._ends[context.player]] if context.player in self._ends else []
        if not known:
            return
        ends = min(low for low, _ in known), max(high for _, high in known)
        wash(canvas, area, painter, cells, shares(values, ends), SCALE)
        if area.width / painter.columns >= ROOMY:
            walker = painter.cell(
                context.moment.scene
            )  # the walker would hide half of a number that the panel shows
            for cell, value in zip(cells.tolist(), values.tolist(), strict=True):
                if cell != walker and np.isfinite(value):
                    place = cell_area(area, painter, cell)
                    at = place.middle[0], place.bottom - BASE
                    canvas.text(at, figure(value), SMALL, INK, align="centre", room=place.width - 4)
        legend(canvas, area, painter, cells, "left", "value", (figure(ends[0]), figure(ends[1])), SCALE)


def _untouched(actor: Actor, batch: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Observations that a table has never updated: all of their values are the initial one."""
    initial = getattr(actor.agent.config, "initial_value", None)
    values = None if initial is None else actor.action_values(batch)
    return np.zeros(len(batch), np.bool_) if values is None else (values == initial).all(axis=1)


def figure(value: float) -> str:
    """Short text of a value, without −0."""
    return f"{value + 0.0:.3g}".replace("-", "−")
