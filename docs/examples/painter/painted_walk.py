"""Example of an environment with a painter, scenes, and keys to play: a random walk over five cells."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from arena.environments.rendering import Controls, Frame
from arena.palette import ACCENT, LINE, PAPER

PLACES = 5


class WalkPainter:
    """Painter of a row of cells and the walker, at any size (`arena.environments.rendering.Painter`)."""

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """Size of the picture: as wide as possible, and a fifth as high."""
        side = max(1, min(width // PLACES, height))
        return PLACES * side, side

    def paint(
        self, scene: int, width: int, height: int, *, before: int | None = None, share: float = 1.0
    ) -> Frame:
        """Draw cells as squares and the walker as a smaller square, between its previous and its present cell."""
        frame = np.full((height, width, 3), PAPER, dtype=np.uint8)
        frame[:, ::height] = LINE
        place = scene if before is None else before + share * (scene - before)
        left, rim = round(place * height), height // 4
        frame[rim : height - rim, left + rim : left + height - rim] = ACCENT
        return frame


class Walk(gym.Env[int, int]):
    """Walk from the middle: both ends end the episode, and the right one gives a reward of 1."""

    observation_space = gym.spaces.Discrete(PLACES)
    action_space = gym.spaces.Discrete(2)
    painter = WalkPainter()
    controls = Controls(keys={"left": 0, "right": 1}, names=("left", "right"))

    def scene(self) -> int:
        """Scene for the painter: the index of the walker's cell."""
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
    """Make the environment, for ``arena play painted_walk:make``."""
    return Walk()
