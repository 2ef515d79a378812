"""Action values of one cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from arena.agents.actor import Actor, Estimates
from arena.palette import INK, LINE, PAPER, Colour
from arena_overlays.cells import OverCells, cell_area
from arena_overlays.policy import greedy
from arena_overlays.values import SCALE, figure
from arena_overlays.wash import shares, tints
from arena_viewer import SMALL, Area, Canvas, OverlayContext

__all__ = ["QValues"]

#: Lengths of the card, in points: its side, its margin, its distance to the cell.
SIDE, PAD, AWAY = 140.0, 5.0, 10.0

#: Width of a picture, in points, below which a card is drawn only for the cell under the mouse.
NARROW = 300.0

#: Share of its space that a part of the drawing fills.
FILLED = 0.965

#: Corners of the part that points up; the other parts are its rotations.
Direction = tuple[int, int]
TRIANGLE = ((0.0, 0.0), (1.0, 0.0), (0.5, 0.5))
TURNS: dict[Direction, int] = {(0, -1): 0, (1, 0): 90, (0, 1): 180, (-1, 0): 270}


class QValues(OverCells):
    """Action values Q(s, a) on a card beside a cell: triangles for four directions, squares for eight."""

    moving = True

    def silence(self, estimates: Estimates) -> str | None:
        return "the agent has no action values" if estimates.action_values is None else None

    def ask(self, actor: Actor, batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
        found = actor.action_values(batch)
        assert found is not None, "refused"
        return found

    def draw(self, canvas: Canvas, area: Area, context: OverlayContext) -> None:
        painter = context.cells
        assert painter is not None and context.cell is not None, "refused"
        if not context.hovers and area.width < NARROW:
            return
        values = self.of_cell(context)
        if not values:
            return
        cell = cell_area(area, painter, context.cell)
        canvas.frame(cell, INK, 1.5)
        card = _beside(canvas, area, cell)
        canvas.fill(Area(card.x - 1, card.y - 1, card.width + 2, card.height + 2), LINE, radius=9)
        canvas.fill(card, PAPER, radius=8)
        (_triangles if values.keys() <= TURNS.keys() else _fields)(canvas, card.inset(PAD), values)

    def of_cell(self, context: OverlayContext) -> dict[Direction, float]:
        """Value of each direction (of its best action) in the cell; empty if the agent never acts in it."""
        moves = context.player.moves
        assert moves is not None, "refused"
        _, cells, numbers = self.survey(context)
        found = np.flatnonzero(cells == context.cell)
        values: dict[Direction, float] = {}
        for number in found.tolist():
            for (right, down), value in zip(np.sign(moves).tolist(), numbers[number].tolist(), strict=True):
                values[right, down] = max(value, values.get((right, down), value))
        return values


def _triangles(canvas: Canvas, square: Area, values: dict[Direction, float]) -> None:
    for (right, down), value, colour, best in _directions(values):
        shift = (1 - FILLED) / 2 * square.width
        place = square._replace(x=square.x + right * shift, y=square.y + down * shift)
        part = [(0.5 + (x - 0.5) * FILLED, 0.5 + (y - 0.5) * FILLED) for x, y in TRIANGLE]
        canvas.shape(place, part, colour, turn=TURNS[right, down])
        reach = square.width * 0.34
        at = square.middle[0] + right * reach, square.middle[1] + down * reach
        canvas.text(at, figure(value), SMALL, INK, bold=best, align="centre", room=square.width * 0.33)


def _fields(canvas: Canvas, square: Area, values: dict[Direction, float]) -> None:
    for (right, down), value, colour, best in _directions(values):
        field = square.cell(down + 1, right + 1, 3, 3).inset(1.5)
        canvas.fill(field, colour, radius=5)
        canvas.text(field.middle, figure(value), SMALL, INK, bold=best, align="centre", room=field.width - 2)


def _directions(values: dict[Direction, float]) -> list[tuple[Direction, float, Colour, bool]]:
    """Directions with their values, colours, and whether they are greedy."""
    numbers = np.array(list(values.values()))
    colours = tints(np.nan_to_num(shares(numbers)), SCALE).tolist()
    best = greedy(numbers[None])[0] > 0
    rows = zip(values.items(), colours, best.tolist(), strict=True)
    return [(where, value, tuple(colour), marked) for (where, value), colour, marked in rows]


def _beside(canvas: Canvas, area: Area, cell: Area) -> Area:
    """Area of the card: right of the cell, or else left; within the picture if that is large enough."""
    fits = cell.right + AWAY + SIDE <= area.right
    x = cell.right + AWAY if fits else cell.x - AWAY - SIDE
    y = cell.middle[1] - SIDE / 2
    bounds = area if min(area.width, area.height) >= SIDE else canvas.area
    x = min(max(x, bounds.x + 2), bounds.right - SIDE - 2)
    y = min(max(y, bounds.y + 2), bounds.bottom - SIDE - 2)
    return Area(x, y, SIDE, SIDE)
