"""The panel beside the picture: episode, return, rewards, evaluations and the agent's estimates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena.palette import ACCENT, FAINT, INK, LINE, SLATE, WRONG
from arena.results.text import format_number
from arena_viewer.drawing import BODY, LARGE, SMALL, TITLE, Area, Canvas
from arena_viewer.overlay import OverlayContext, OverlaySwitch
from arena_viewer.player import Player
from arena_viewer.world_picture import flat_numbers

__all__ = ["action_name", "bars", "draw_panel", "sparkline"]

#: Distance between sections, and height of a row of bars.
GAP, ROW = 18.0, 20.0

#: Type sizes of the large numbers; the first that fits is used.
SIZES = (LARGE, 20.0, TITLE)

#: The largest number of rows of bars.
MOST_ROWS = 12


def draw_panel(
    canvas: Canvas, area: Area, context: OverlayContext, shown: Sequence[OverlaySwitch]
) -> Area | None:
    """Draws the panel of a moment.

    Args:
        canvas: canvas in points.
        area: the panel.
        context: the displayed moment and its player.
        shown: overlays in the panel that are on.

    Returns:
        Area of the evaluations of the agent's run, or None.
    """
    moment, player = context.moment, context.player
    third = area.width / 3
    figures = (
        ("episode", f"{player.episode + 1:,}"),
        ("step", f"{moment.step:,}"),
        ("return", format_number(moment.total)),
    )
    for place, (label, figure) in enumerate(figures):
        canvas.text((area.x + place * third, area.y + 6), label, SMALL, SLATE)
        fits = (size for size in SIZES if canvas.width_of(figure, size, bold=True) <= third - 8)
        size = next(fits, BODY)
        canvas.text((area.x + place * third, area.y + 30), figure, size, INK, bold=True, room=third - 8)
    y = area.y + 56
    y = _ends(canvas, area, y, context)
    curve = _lines(canvas, area, y, context)
    y += 62 + GAP
    y = _estimates(canvas, area, y, context)
    for overlay in shown:
        high, room = overlay.height(context, area.width), area.bottom - y - 20
        if high <= 0 or room <= 0:
            continue
        _title(
            canvas, area, y, overlay.title if room >= high / 2 else f"{overlay.title}: needs a taller window"
        )
        if room >= high / 2:
            overlay.draw(canvas, Area(area.x, y + 20, area.width, min(high, room)), context)
        y += 20 + (high + GAP) * (room >= high / 2)
    return curve


def sparkline(
    canvas: Canvas, area: Area, values: Sequence[float], zero: bool = True, here: float = 1.0
) -> None:
    """Draws a series as a line, scaled to its range.

    Args:
        canvas: canvas in points.
        area: area of the whole line.
        values: numbers; those that are not finite are left out.
        zero: whether the range includes zero, with a line at zero.
        here: share of the series before the present, with a dot at its end; the rest is faint.
    """
    numbers = np.asarray(values, dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return
    low, high = float(numbers.min()), float(numbers.max())
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high == low:  # in the middle: a constant series has no scale
        low, high = low - 1, high + 1

    def level(value: float) -> float:
        return area.bottom - (value - low) / (high - low) * area.height

    if zero:
        canvas.line([(area.x, level(0)), (area.right, level(0))], LINE, 1)
    across = np.linspace(area.x, area.right, max(2, len(numbers)))
    points = [(float(x), level(float(value))) for x, value in zip(across, numbers, strict=False)]
    last = min(max(round(here * (len(points) - 1)), 0), len(points) - 1)
    if last + 1 < len(points):
        canvas.line(points[last:], FAINT, 1)
    if last:
        canvas.line(points[: last + 1], ACCENT, 1.5)
    canvas.disc(points[last], 2.5, ACCENT)


def bars(
    canvas: Canvas,
    area: Area,
    names: Sequence[str],
    values: npt.NDArray[np.float64],
    *,
    marked: int | None = None,
    low: float | None = None,
    high: float | None = None,
    base: float = 0.0,
    form: str = "{:.3g}",
) -> None:
    """Draws a row with name, bar and value for each number.

    Args:
        canvas: canvas in points.
        area: area of all rows.
        names: name of each number.
        values: shape (rows,).
        marked: index of the highlighted row.
        low: lower end of the scale; by default the least number.
        high: upper end of the scale; by default the greatest number.
        base: value at which bars begin, clipped to the scale.
        form: format of a number.
    """
    finite = values[np.isfinite(values)]
    low = float(finite.min(initial=0.0)) if low is None else low
    high = float(finite.max(initial=low)) if high is None else high
    reach = (high - low) or 1.0
    wide = min(110.0, max((canvas.width_of(name, SMALL) for name in names), default=0.0) + 10)
    figure = 54.0
    length = max(0.0, area.width - wide - figure)
    zero = min(max((base - low) / reach, 0.0), 1.0)
    for place, (name, value) in enumerate(zip(names, values.tolist(), strict=False)):
        y = area.y + ROW * (place + 0.5)
        taken = place == marked
        colour = INK if taken else SLATE
        canvas.text((area.x, y), name, SMALL, colour, bold=taken, room=wide - 6)
        canvas.fill(Area(area.x + wide, y - 5, length, 10), LINE, 0.45, 2)
        share = min(max((value - low) / reach, 0.0), 1.0) if np.isfinite(value) else zero
        left, right = sorted((zero, share))
        box = Area(area.x + wide + left * length, y - 5, max((right - left) * length, 1.5), 10)
        canvas.fill(box, ACCENT if taken else FAINT, 1.0 if taken else 0.75, 2)
        canvas.text((area.right, y), form.format(value), SMALL, colour, bold=taken, align="right")


def action_name(player: Player, action: Any) -> str:
    """Short name of an action."""
    space = player.env.action_space
    if action is None:
        return "–"
    if isinstance(space, gym.spaces.Discrete):
        place = int(action) - int(space.start)
        names = player.controls.names
        return names[place] if 0 <= place < len(names) else str(int(action))
    return ", ".join(f"{value:+.2f}" for value in flat_numbers(action)[:4].tolist())


def action_names(player: Player) -> list[str]:
    """Names of the actions of a `Discrete` space, at most `MOST_ROWS`."""
    space = player.env.action_space
    assert isinstance(space, gym.spaces.Discrete), "asked of finite ones only"
    count = min(int(space.n), MOST_ROWS)
    return [action_name(player, int(space.start) + place) for place in range(count)]


def _ends(canvas: Canvas, area: Area, y: float, context: OverlayContext) -> float:
    """Draws how this episode ended, or else the mean return of the episodes before."""
    returns = context.player.returns
    if context.moment.ended:
        how = "terminated" if context.moment.ended == "terminated" else "truncated (step limit)"
        canvas.text(
            (area.x, y + 4), how, SMALL, INK if context.moment.ended == "terminated" else WRONG, bold=True
        )
    elif returns:
        count = "the last episode" if len(returns) == 1 else f"{len(returns):,} episodes"
        mean = format_number(context.player.mean_return)
        text = f"{count}: {'' if len(returns) == 1 else 'mean '}{mean}"
        canvas.text((area.x, y + 4), text, SMALL, SLATE, room=area.width)
    return y + 14 + GAP


def _lines(canvas: Canvas, area: Area, y: float, context: OverlayContext) -> Area | None:
    """Draws the episode's rewards, and the evaluations of the agent's run, with this agent's marked."""
    player, moment = context.player, context.moment
    curve = player.curve
    both = curve is not None and len(curve.steps) > 1
    left = Area(area.x, y, (area.width - GAP) / 2 if both else area.width, 62)
    come = (moment.step - 1) / max(player.now.step - 1, 1)
    reward = format_number(moment.reward) if moment.step else "–"
    _line(canvas, left, "reward", reward, player.rewards.parts, zero=True, here=come)
    if not both:
        return None
    assert curve is not None, "there are two"
    right = left._replace(x=left.right + GAP)
    _line(
        canvas,
        right,
        "evaluations",
        format_number(curve.at_hand),
        curve.drawn,
        zero=False,
        here=curve.share,
    )
    return right


def _line(
    canvas: Canvas, area: Area, title: str, figure: str, values: Sequence[float], *, zero: bool, here: float
) -> None:
    _title(canvas, area, area.y, title)
    canvas.text((area.right, area.y + 6), figure, SMALL, SLATE, align="right")
    sparkline(canvas, Area(area.x, area.y + 22, area.width - 4, 40), values, zero, here)


def _estimates(canvas: Canvas, area: Area, y: float, context: OverlayContext) -> float:
    """Draws the agent's action and its estimates of values."""
    player, moment = context.player, context.moment
    estimates, space = moment.estimates, player.env.action_space
    _title(canvas, area, y, "action")
    canvas.text(
        (area.right, y + 6), action_name(player, moment.action), SMALL, INK, bold=True, align="right",
        room=area.width - 60,
    )  # fmt: skip
    y += 22
    if estimates.value is not None:
        _title(canvas, area, y, "state value V(s)")
        canvas.text((area.right, y + 6), f"{estimates.value:.4g}", SMALL, INK, bold=True, align="right")
        y += 22
    if isinstance(space, gym.spaces.Discrete) and estimates.action_values is not None:
        values = estimates.action_values[:MOST_ROWS]
        taken = None if moment.action is None else int(moment.action) - int(space.start)
        _title(canvas, area, y, "action values Q(s, a)")
        finite = values[np.isfinite(values)]  # an agent may have diverged
        best, worst = (float(finite.max()), float(finite.min())) if len(finite) else (0.0, 0.0)
        slack = (best - worst) * 0.25 or 1.0
        bars(
            canvas, Area(area.x, y + 20, area.width, ROW * len(values)), action_names(player), values,
            marked=taken, low=worst - slack, high=best, base=worst - slack, form="{:.4g}",
        )  # fmt: skip
        y += 20 + ROW * len(values) + 4
    elif isinstance(space, gym.spaces.Box) and moment.action is not None:
        values = flat_numbers(moment.action)[:MOST_ROWS]
        names = [f"{place}" for place in range(len(values))]
        low, high = (
            float(np.nan_to_num(side, posinf=1, neginf=-1)) for side in (space.low.min(), space.high.max())
        )
        bars(
            canvas, Area(area.x, y, area.width, ROW * len(values)), names, values, low=low, high=high,
            form="{:+.2f}",
        )  # fmt: skip
        y += ROW * len(values) + 4
    return y + GAP


def _title(canvas: Canvas, area: Area, y: float, text: str) -> None:
    canvas.text((area.x, y + 6), text, SMALL, SLATE, room=area.width)
