"""Example of an overlay: the path of the walker, in lines that become thinner with age."""

from __future__ import annotations

from arena.palette import ACCENT
from arena_viewer import Area, Canvas, Overlay, OverlayContext, Player

#: Number of steps in the path.
LONGEST = 30


class Trail(Overlay):
    """Line through the cells of the last steps."""

    place = "over"

    def refusal(self, player: Player) -> str | None:
        """Reason why no path can be drawn: the picture is not a grid of cells."""
        return None if OverlayContext(player, player.now).cells else "no cells in this environment"

    def draw(self, canvas: Canvas, area: Area, context: OverlayContext) -> None:
        """Draw one line for each step; older ones are thinner."""
        cells, now = context.cells, context.moment.step
        assert cells is not None, "refusal() returned a reason"
        first = max(now - LONGEST, context.player.first)
        places = [
            area.cell(
                *divmod(cells.cell(context.player.at(step).scene), cells.columns), cells.rows, cells.columns
            )
            for step in range(first, now + 1)
        ]
        for age, (here, there) in enumerate(zip(places[::-1], places[-2::-1], strict=False)):
            canvas.line([here.middle, there.middle], ACCENT, 5 * (1 - age / LONGEST) + 1)
