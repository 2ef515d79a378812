"""Policy of the agent in every cell."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.agents.actor import Actor, Estimates
from arena.palette import INK
from arena_overlays.cells import OverCells, Survey, cell_area
from arena_overlays.wash import BASE, ROOMY
from arena_viewer import SMALL, Area, Canvas, OverlayContext

__all__ = ["Policy", "greedy"]

#: The smallest probability of an action with an arrow.
LEAST = 0.05

#: Relative difference below which two action values count as equal.
ROUNDING = 1e-9

#: Side of a cell, in points, below which no arrows are drawn, and above which they do not grow.
SMALLEST, LARGEST = 8.0, 64.0

#: Shares of that side: reach of the longest arrow from its middle, length of its head, half the width of its shaft,
#: radius of the dot of an action without a move, and distance of several arrows from the middle.
REACH, HEAD, THIN, DOT, CLEAR = 0.34, 0.17, 0.018, 0.08, 0.05

#: Number of distinct arrow lengths: lengths are rounded, so that few pictures are cached.
LENGTHS = 16

OPACITY = 0.85


class Policy(OverCells):
    """Arrows along the greedy actions; without action values, arrows whose length is the action's probability."""

    moving = True

    def silence(self, estimates: Estimates) -> str | None:
        silent = estimates.action_values is None and estimates.probabilities is None
        return "the agent has neither action values nor probabilities" if silent else None

    def ask(self, actor: Actor, batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
        values = actor.action_values(batch)
        if values is not None:
            return greedy(values)
        found = actor.probabilities(batch)
        assert found is not None, "refused"
        return np.where(found > LEAST, found, 0.0)

    def draw(self, canvas: Canvas, area: Area, context: OverlayContext) -> None:
        survey = self.survey(context)
        canvas.kept((self, survey.key), area, lambda canvas, area: _arrows(canvas, area, context, survey))


def greedy(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """1 for the greedy actions, including ties, and 0 for the others: shape (batch, num_actions)."""
    best = values.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):  # an agent may have diverged
        near = values >= best - ROUNDING * np.abs(best)
    found: npt.NDArray[np.float64] = (near | (values == best)).astype(np.float64)
    return found


def _arrows(canvas: Canvas, area: Area, context: OverlayContext, survey: Survey) -> None:
    painter, steps = context.cells, context.player.moves
    assert painter is not None and steps is not None, "refused"
    moves, side = steps.tolist(), min(area.width / painter.columns, area.height / painter.rows)
    if side < SMALLEST:
        return
    # The most probable action of the map has the longest arrow, so that a nearly uniform policy is visible.
    strengths = survey.numbers / (survey.numbers.max(initial=0.0) or 1.0)
    for cell, row in zip(survey.cells.tolist(), strengths.tolist(), strict=True):
        place = cell_area(area, painter, cell)
        drawn = [(move, strength) for move, strength in zip(moves, row, strict=True) if strength > 0]
        for (right, down), strength in drawn:
            if right == down == 0:
                canvas.disc(place.middle, DOT * min(side, LARGEST) * math.sqrt(strength), INK, OPACITY)
            else:
                _arrow(canvas, place, math.degrees(math.atan2(down, right)), strength, alone=len(drawn) == 1)


def _arrow(canvas: Canvas, cell: Area, turn: float, strength: float, alone: bool) -> None:
    """Draws an arrow from a cell's middle, or through it.

    Args:
        canvas: canvas in points.
        cell: area of the cell.
        turn: direction in degrees clockwise from the right.
        strength: length as a share of the longest arrow's.
        alone: whether the cell has only this arrow.
    """
    side = min(cell.width, cell.height, LARGEST)
    square = Area(cell.middle[0] - side / 2, cell.middle[1] - side / 2, side, side)
    # A large cell has a number below, which the arrow must not cross.
    reach = REACH if side < ROOMY else min(REACH, (cell.height / 2 - BASE - SMALL / 2) / side)
    length = reach * math.ceil(strength * LENGTHS) / LENGTHS
    tail, tip = 0.5 - (length if alone else -CLEAR), 0.5 + length
    head = min(HEAD, (0.6 if alone else 0.5) * length)
    neck, wide = tip - head, 0.6 * head
    points = (
        *((tail, 0.5 - THIN), (neck, 0.5 - THIN), (neck, 0.5 - wide), (tip, 0.5)),
        *((neck, 0.5 + wide), (neck, 0.5 + THIN), (tail, 0.5 + THIN)),
    )
    canvas.shape(square, points, INK, OPACITY, turn)
