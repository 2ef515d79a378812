"""The value of every cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from arena.colours import INK
from arena.mind import Mind, Thought
from arena.viewer.overlay import Look
from arena.viewer.pen import SMALL, Area, Pen
from arena_overlays.cells import OverCells, cell_area
from arena_overlays.wash import BASE, ROOMY, legend, shares, wash

__all__ = ["SCALE", "Values", "figure"]

SCALE = np.array([(253, 247, 219), (199, 226, 201), (127, 190, 205), (84, 142, 194)], np.float64)


class Values(OverCells):
    """V of every cell as a heatmap."""

    def silence(self, thought: Thought) -> str | None:
        return "the agent says no values" if thought.value is None else None

    def ask(self, mind: Mind, batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
        found = mind.values(batch)
        assert found is not None, "refused"
        return found

    def draw(self, pen: Pen, area: Area, look: Look) -> None:
        painter = look.cells
        assert painter is not None, "refused"
        _, cells, values = self.survey(look)
        wash(pen, area, painter, cells, shares(values), SCALE)
        if area.width / painter.columns >= ROOMY:
            walker = painter.cell(
                look.moment.scene
            )  # who would hide half of a figure that the panel has anyhow
            for cell, value in zip(cells.tolist(), values.tolist(), strict=True):
                if cell == walker:
                    continue
                place = cell_area(area, painter, cell)
                at = place.middle[0], place.bottom - BASE
                pen.text(at, figure(value), SMALL, INK, align="centre", room=place.width - 4)
        finite = values[np.isfinite(values)]
        if len(finite):
            ends = figure(finite.min()), figure(finite.max())
            legend(pen, area, painter, cells, "left", "value", ends, SCALE)


def figure(value: float) -> str:
    """A value in a few characters; nothing is −0."""
    return f"{value + 0.0:.3g}".replace("-", "−")
