"""Probability of each action at the displayed moment."""

from __future__ import annotations

import gymnasium as gym
import numpy as np

from arena.palette import FAINT, SLATE
from arena_viewer import (
    MOST_ROWS,
    ROW,
    SMALL,
    Area,
    Canvas,
    Overlay,
    OverlayContext,
    Player,
    action_names,
    bars,
)

__all__ = ["Probabilities"]


class Probabilities(Overlay):
    """Bars of π(a | s), of the most probable actions if there are many."""

    place = "beside"

    def refusal(self, player: Player) -> str | None:
        if not isinstance(player.env.action_space, gym.spaces.Discrete):
            return "the action space is not discrete"
        silent = player.moments[0].estimates.probabilities is None
        return "the agent has no action probabilities" if silent else None

    def height(self, context: OverlayContext, width: float) -> float:
        count = int(_space(context.player).n)
        return ROW * (min(count, MOST_ROWS) + (count > MOST_ROWS))

    def draw(self, canvas: Canvas, area: Area, context: OverlayContext) -> None:
        player, moment = context.player, context.moment
        probabilities = moment.estimates.probabilities
        if probabilities is None:
            canvas.text((area.x, area.y + ROW / 2), "the episode has ended", SMALL, SLATE)
            return
        taken = -1 if moment.action is None else int(moment.action) - int(_space(player).start)
        # Of many actions the most probable ones, still in the order of the actions.
        chosen = np.sort(np.argsort(-probabilities, kind="stable")[:MOST_ROWS])
        marked = int(np.searchsorted(chosen, taken)) if taken in chosen else None
        names = action_names(player)
        bars(
            canvas, area, [names[place] for place in chosen.tolist()], probabilities[chosen],
            marked=marked, low=0.0, high=1.0, form="{:.1%}",
        )  # fmt: skip
        more = len(probabilities) - len(chosen)
        if more:
            rest = 1 - probabilities[chosen].sum()
            at = area.x, area.y + ROW * (len(chosen) + 0.5)
            canvas.text(at, f"… and {more:,} more, together {max(rest, 0):.1%}", SMALL, FAINT)


def _space(player: Player) -> gym.spaces.Discrete:
    space = player.env.action_space
    assert isinstance(space, gym.spaces.Discrete), "refused"
    return space
