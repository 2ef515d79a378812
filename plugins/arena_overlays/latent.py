"""The path of an episode through the codes of its observations."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from arena.palette import ACCENT, FAINT, LINE, PAPER, SLATE, Colour
from arena_viewer import SMALL, Area, Canvas, Overlay, OverlayContext, Player

__all__ = ["Latent", "Trace"]

#: Moments that decide which numbers are drawn and how far they reach; moments of the path behind the present one.
SAMPLE, TRAIL = 512, 128

#: Numbers of a code in the row below, at most.
MOST = 96

#: In points: the words above, the plot's height, the row's.
WORDS, PLOT, GAP, ROW = 18.0, 132.0, 10.0, 34.0

Float = npt.NDArray[np.float64]


class Trace(NamedTuple):
    """What is drawn of the codes.

    Attributes:
        axes: which numbers of a code, those that vary most; one where a code has no more.
        low: the least of each axis in the episode.
        high: the greatest.
        path: of the last moments up to the one looked at, that one last: shape (moments, axes).
        now: all numbers of the present code; empty where the episode has ended.
        reach: the largest number of any code, without its sign.
    """

    axes: tuple[int, ...]
    low: Float
    high: Float
    path: Float
    now: Float
    reach: float


class Latent(Overlay):
    """The path of the last codes, which fades with age, and the present code as bars."""

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
        """Where the path goes through; with one axis, it goes through time as well."""
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
        """All numbers of the present code, from the middle up and down."""
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
    """What there is to draw at a moment."""
    player = context.player
    sample = _codes(context, player.first, player.now.step, -(-len(player.moments) // SAMPLE))
    # As of the last power of two, so that the axes stay for a while.
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
    """Codes of moments that have one: shape (moments, numbers)."""
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
