"""Number of visits of every cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from arena.agents.actor import Actor, Estimates
from arena.environments.rendering import CellPainter
from arena_overlays.cells import OverCells
from arena_overlays.wash import legend, shares, wash
from arena_viewer import Area, Canvas, OverlayContext, Player

__all__ = ["SCALE", "Visits"]

SCALE = np.array([(246, 238, 246), (213, 188, 220), (170, 132, 190)], np.float64)


class Visits(OverCells):
    """Visits on a logarithmic scale: of training if the agent counts them, otherwise of the player."""

    def refusal(self, player: Player) -> str | None:
        return None if isinstance(player.painter, CellPainter) else "the environment is no grid of cells"

    def silence(self, estimates: Estimates) -> str | None:
        return None  # without the agent's counts, the player's are drawn

    def ask(self, actor: Actor, batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
        counts: npt.NDArray[Any] = _trained(actor)[batch].sum(axis=1)
        return counts

    def draw(self, canvas: Canvas, area: Area, context: OverlayContext) -> None:
        painter = context.cells
        assert painter is not None, "refused"
        cells, counts, label = self.counts(context)
        seen = counts > 0
        values = np.where(seen, np.log(np.maximum(counts, 1)), np.nan)
        wash(canvas, area, painter, cells, shares(values), SCALE)
        ends = f"{counts[seen].min(initial=counts.max(initial=0)):,}", f"{counts.max(initial=0):,}"
        legend(canvas, area, painter, cells[seen], "right", label, ends, SCALE)

    def counts(self, context: OverlayContext) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], str]:
        """Cells, the number of visits of each, and a label that names their source."""
        actor = context.player.actor
        if actor is not None and len(_trained(actor)) and super().refusal(context.player) is None:
            _, cells, counts = self.survey(context)
            return cells, counts, "visits in training"
        counts = context.player.visits
        return np.arange(len(counts)), counts, "visits watched"


def _trained(actor: Actor) -> npt.NDArray[np.int64]:
    """N(s, a), shape (num_states, num_actions), of an agent that counts them; else empty."""
    found = getattr(actor.agent, "visits", None)
    return found if isinstance(found, np.ndarray) and found.ndim == 2 else np.zeros((0, 1), np.int64)
