"""An overlay: the way that the walker has come, which fades with age."""

from __future__ import annotations

from arena.palette import ACCENT
from arena_viewer import Area, Canvas, Overlay, OverlayContext, Player

#: Steps after which the trail is gone.
LONGEST = 30


class Trail(Overlay):
    """A line through the cells of the last steps."""

    place = "over"

    def refusal(self, player: Player) -> str | None:
        """Only a world of cells has places."""
        return None if OverlayContext(player, player.now).cells else "this world has no cells"

    def draw(self, canvas: Canvas, area: Area, context: OverlayContext) -> None:
        """A piece of line a step, the older the thinner."""
        cells, now = context.cells, context.moment.step
        assert cells is not None, "refused"
        first = max(now - LONGEST, context.player.first)
        places = [
            area.cell(
                *divmod(cells.cell(context.player.at(step).scene), cells.columns), cells.rows, cells.columns
            )
            for step in range(first, now + 1)
        ]
        for age, (here, there) in enumerate(zip(places[::-1], places[-2::-1], strict=False)):
            canvas.line([here.middle, there.middle], ACCENT, 5 * (1 - age / LONGEST) + 1)
