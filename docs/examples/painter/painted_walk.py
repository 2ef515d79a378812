"""An environment that shows itself: a walk along five places, with a painter, scenes, and keys to play it by."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from arena.environments.rendering import Controls, Frame
from arena.palette import ACCENT, LINE, PAPER

PLACES = 5


class WalkPainter:
    """Painter (see `arena.environments.rendering.Painter`) of a row of places with the walker in one of them."""

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """As wide as there is room for, a fifth as high."""
        side = max(1, min(width // PLACES, height))
        return PLACES * side, side

    def paint(
        self, scene: int, width: int, height: int, *, before: int | None = None, share: float = 1.0
    ) -> Frame:
        """Places are squares; the walker is a smaller one, on its way from where it was."""
        frame = np.full((height, width, 3), PAPER, dtype=np.uint8)
        frame[:, ::height] = LINE
        place = scene if before is None else before + share * (scene - before)
        left, rim = round(place * height), height // 4
        frame[rim : height - rim, left + rim : left + height - rim] = ACCENT
        return frame


class Walk(gym.Env[int, int]):
    """From the middle to the right end, which rewards; the left one ends the episode, too."""

    observation_space = gym.spaces.Discrete(PLACES)
    action_space = gym.spaces.Discrete(2)
    painter = WalkPainter()
    controls = Controls(keys={"left": 0, "right": 1}, names=("left", "right"))

    def scene(self) -> int:
        """What the painter has to know of this instant: a number, so it is a copy."""
        return self.place

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.place = PLACES // 2
        return self.place, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self.place += 1 if action else -1
        return self.place, float(self.place == PLACES - 1), self.place in (0, PLACES - 1), False, {}


def make() -> gym.Env[Any, Any]:
    """What ``arena play painted_walk:make`` calls."""
    return Walk()
