"""What an agent would do in every cell."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.colours import INK
from arena.mind import Mind
from arena.viewer.overlay import Look
from arena.viewer.pen import Area, Pen
from arena.viewer.player import Player
from arena_overlays.cells import OverCells, Survey

__all__ = ["Policy", "strengths"]

#: Less probable actions are not drawn.
LEAST = 0.05

#: Values of actions that differ by less, as a share of the greatest, differ by rounding.
ROUNDING = 1e-9

#: Of a cell: how far the longest arrow reaches from its middle, the dot of an action that stays.
REACH, DOT = 0.34, 0.08

#: Lengths that differ by less than so many parts are drawn alike, and so once.
LENGTHS = 16

OPACITY = 0.85


class Policy(OverCells):
    """Arrows along the greedy actions; of an agent that values none, as long as actions are probable."""

    def refusal(self, player: Player) -> str | None:
        said = super().refusal(player)
        if said is not None:
            return said
        if getattr(player.painter, "moves", None) is None:
            return "its actions are no moves"
        thought = player.moments[0].thought
        silent = thought.action_values is None and thought.probabilities is None
        return "the agent says nothing of its actions" if silent else None

    def ask(self, mind: Mind, batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
        values = mind.action_values(batch)
        if values is not None:
            return strengths(values)
        found = mind.probabilities(batch)
        assert found is not None, "refused"
        return np.where(found > LEAST, found, 0.0)

    def draw(self, pen: Pen, area: Area, look: Look) -> None:
        survey = self.survey(look)
        pen.kept((self, survey.key), area, lambda pen, area: _arrows(pen, area, look, survey))


def strengths(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """1 for the best actions, all of them that are equally good, and 0 for others: shape (batch, num_actions)."""
    best = values.max(axis=1, keepdims=True)
    found: npt.NDArray[np.float64] = (values >= best - ROUNDING * np.abs(best)).astype(np.float64)
    return found


def _arrows(pen: Pen, area: Area, look: Look, survey: Survey) -> None:
    painter = look.cells
    assert painter is not None and painter.moves is not None, "refused"
    moves = painter.moves.tolist()
    for cell, told in zip(survey.cells.tolist(), survey.numbers.tolist(), strict=True):
        place = area.cell(*divmod(cell, painter.columns), painter.rows, painter.columns)
        for (right, down), strength in zip(moves, told, strict=True):
            if strength <= 0:
                continue
            if right == down == 0:
                pen.disc(place.middle, DOT * place.width * math.sqrt(strength), INK, OPACITY)
            else:
                _arrow(pen, place, math.degrees(math.atan2(down, right)), strength)


def _arrow(pen: Pen, cell: Area, turn: float, strength: float) -> None:
    """From a cell's middle on.

    Args:
        pen: draws in points.
        cell: where.
        turn: degrees clockwise from the right.
        strength: its share of the longest one's length.
    """
    side = min(cell.width, cell.height)
    square = Area(cell.middle[0] - side / 2, cell.middle[1] - side / 2, side, side)
    tip = 0.5 + REACH * math.ceil(strength * LENGTHS) / LENGTHS
    head, wide, thin = min(0.15, (tip - 0.5) * 0.6), 0.095, 0.018
    wide *= head / 0.15
    neck = tip - head
    points = (
        *((0.5, 0.5 - thin), (neck, 0.5 - thin), (neck, 0.5 - wide), (tip, 0.5)),
        *((neck, 0.5 + wide), (neck, 0.5 + thin), (0.5, 0.5 + thin)),
    )
    pen.shape(square, points, INK, OPACITY, turn)
