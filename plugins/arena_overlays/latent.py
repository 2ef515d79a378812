"""The path of an episode through the codes of its observations."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from arena.palette import ACCENT, FAINT, LINE, PAPER, SLATE, Colour
from arena_viewer import SMALL, Area, Canvas, Overlay, OverlayContext, Player

__all__ = ["Latent", "Trace"]

#: Number of moments that determine axes and range, and number of moments of the drawn path.
SAMPLE, TRAIL = 512, 128

#: The largest number of bars of a code.
MOST = 96

#: Heights in points: the text above, the plot, the row of bars.
WORDS, PLOT, GAP, ROW = 18.0, 132.0, 10.0, 34.0

Float = npt.NDArray[np.float64]


class Trace(NamedTuple):
    """Codes to draw.

    Attributes:
        axes: indices of the two numbers of a code that vary most, or of the only one.
        low: least value on each axis in the episode.
        high: greatest value on each axis.
        path: codes of the last moments, the displayed one last: shape (moments, axes).
        now: all numbers of the present code; empty at the end of the episode.
        reach: largest absolute number of any code.
    """

    axes: tuple[int, ...]
    low: Float
    high: Float
    path: Float
    now: Float
    reach: float


class Latent(Overlay):
    """Path of the last codes, which fades with age, and the present code as bars."""

    place = "beside"

    def refusal(self, player: Player) -> str | None:
        return "the agent has no frozen encoder" if player.moments[0].estimates.code is None else None

    def height(self, context: OverlayContext, width: float) -> float:
        return WORDS + PLOT + GAP + ROW

    def draw(self, canvas: Canvas, area: Area, context: OverlayContext) -> None:
        trace = trace_of(context)
        plot = Area(area.x, area.y + WORDS, area.width, PLOT)
        canvas.text((area.x, area.y + 6), _label(trace, context), SMALL, SLATE, room=area.width)
        canvas.fill(plot, LINE, 0.35, 6)
        self._path(canvas, plot.inset(10), trace)
        self._row(canvas, Area(area.x, plot.bottom + GAP, area.width, ROW), trace)

    @staticmethod
    def points(area: Area, trace: Trace) -> list[tuple[float, float]]:
        """Points of the path; with one axis, the other one is time."""
        reach = np.where(trace.high > trace.low, trace.high - trace.low, 1.0)
        share = np.where(trace.high > trace.low, (trace.path - trace.low) / reach, 0.5)
        across = share[:, 0] if share.shape[1] > 1 else np.linspace(1 - len(share) / TRAIL, 1, len(share))
        x, y = area.x + across * area.width, area.bottom - share[:, -1] * area.height
        return list(zip(x.tolist(), y.tolist(), strict=True))

    def _path(self, canvas: Canvas, area: Area, trace: Trace) -> None:
        points = self.points(area, trace)
        for place in range(1, len(points)):
            fresh = place / (len(points) - 1)
            canvas.line(points[place - 1 : place + 1], _between(LINE, ACCENT, fresh**1.5), 1.5)
        if points:
            canvas.disc(points[-1], 5.5, PAPER)
            canvas.disc(points[-1], 4, ACCENT)

    @staticmethod
    def _row(canvas: Canvas, area: Area, trace: Trace) -> None:
        """Draws all numbers of the present code as bars, up and down from the middle."""
        middle, numbers = area.middle[1], trace.now[:MOST]
        canvas.line([(area.x, middle), (area.right, middle)], LINE, 1)
        pitch = min(14.0, area.width / max(len(numbers), 1))
        for place, number in enumerate(numbers.tolist()):
            length = number / trace.reach * area.height / 2
            bar = Area(
                area.x + place * pitch, min(middle, middle - length), pitch * 0.72, max(abs(length), 1)
            )
            canvas.fill(bar, ACCENT if place in trace.axes else FAINT, 0.9)


def trace_of(context: OverlayContext) -> Trace:
    """Codes to draw at a moment."""
    player = context.player
    sample = _codes(context, player.first, player.now.step, -(-len(player.moments) // SAMPLE))
    # Computed at the last power of two, so that the axes change rarely.
    settled = sample[: 1 << (len(sample).bit_length() - 1)]
    axes = tuple(sorted(np.argsort(-settled.var(axis=0), kind="stable")[:2].tolist()))
    path = _codes(context, max(player.first, context.moment.step - TRAIL + 1), context.moment.step)
    code = context.moment.estimates.code
    low = np.minimum(sample.min(axis=0), path.min(axis=0, initial=np.inf))[list(axes)]
    high = np.maximum(sample.max(axis=0), path.max(axis=0, initial=-np.inf))[list(axes)]
    now = np.zeros(0) if code is None else np.nan_to_num(np.asarray(code, np.float64).ravel())
    reach = max(float(np.abs(sample).max()), float(np.abs(now).max(initial=0))) or 1.0
    return Trace(axes, low, high, path[:, list(axes)], now, reach)


def _codes(context: OverlayContext, first: int, last: int, every: int = 1) -> Float:
    """Codes of the moments with a code: shape (moments, numbers)."""
    found = [context.player.at(step).estimates.code for step in range(first, last + 1, every)]
    rows = [np.asarray(code, np.float64).ravel() for code in found if code is not None]
    code = context.player.moments[0].estimates.code
    assert code is not None, "refused"
    return np.nan_to_num(np.stack(rows)) if rows else np.zeros((0, code.size))


def _label(trace: Trace, context: OverlayContext) -> str:
    code = context.player.moments[0].estimates.code
    assert code is not None, "refused"
    if len(trace.axes) == 1:
        return "the code's one number over time"
    which = " and ".join(f"{axis + 1}" for axis in trace.axes)
    return f"numbers {which}" if code.size == 2 else f"numbers {which} of {code.size:,}, which vary most"


def _between(start: Colour, end: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    return red, green, blue
