"""Small worlds and actors whose every step is known, for the tests of the viewer."""

from __future__ import annotations

import random
from types import SimpleNamespace

import gymnasium as gym
import numpy as np

from arena.agents.actor import Estimates
from arena.plugins.specs import OverlaySpec
from arena_viewer.overlay import Overlay, OverlaySwitch
from arena_viewer.player import Player

BLUE = (10, 20, 230)


class Corridor(gym.Env):
    """Step t gives the reward t; the episode ends after `length` steps, or raises at step `fault`."""

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self, length=10, fault=None, action_space=None):
        self.length, self.fault = length, fault
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (3,), np.float64)
        self.action_space = action_space or gym.spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seeds, self.time, self.render_mode = [*getattr(self, "seeds", []), seed], 0, None
        return self._seen(), {}

    def step(self, action):
        assert self.action_space.contains(action), f"{action!r} is no action"
        if self.time == self.fault:
            raise RuntimeError("the floor\ngave way")
        self.time += 1
        return self._seen(), float(self.time), self.time >= self.length, False, {}

    def _seen(self):
        return np.array([self.time, np.random.random(), random.random()])


class Film(Corridor):
    """It can be seen: a blue column in a white frame goes a pixel to the right at each step."""

    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012

    def __init__(self, *args, render_mode=None, size=(20, 40), **options):
        super().__init__(*args, **options)
        self._mode, self._size = render_mode, size

    def reset(self, **options):
        found = super().reset(**options)
        self.render_mode = self._mode
        return found

    def render(self):
        frame = np.full((*self._size, 3), 255, np.uint8)
        frame[:, self.time % self._size[1]] = BLUE
        return frame


class Walker:
    """Chooses action 1; its estimates are given."""

    version = 0

    def __init__(self, action=1, estimates=None):
        self.action, self.given, self.seen = action, estimates, []

    def reset(self):
        self.seen.append([])

    def act(self, observation, *, explore=False):
        self.seen[-1].append(observation)
        return self.action

    def estimates(self):
        return self.given or Estimates(value=float(np.ravel(self.seen[-1][-1])[0]))


def factory_of(kind=Corridor, *args, **options):
    """Makes such worlds, as an `EnvironmentFactory` does."""

    def make(horizon=None, render_mode=None):
        more = {"render_mode": render_mode} if kind is Film else {}
        return gym.wrappers.TimeLimit(kind(*args, **options, **more), horizon)

    return SimpleNamespace(id=f"{kind.__name__}-v0", make=make)


def player_of(length=10, kind=Corridor, actor=None, budget=None, horizon=10**7, name="", **options):
    """A player in a corridor."""
    factory = factory_of(kind, length, **options)
    return Player(factory, actor or Walker(), horizon=horizon, budget=budget, name=name)


class Red(Overlay):
    """A red box over the whole picture; what `fault` names raises."""

    fault = ""
    reason = None

    def refusal(self, player):
        self._fail("refusal")
        return self.reason

    def height(self, context, width):
        self._fail("height")
        return 40.0

    def draw(self, canvas, area, context):
        self._fail("draw")
        self.contexts = [*getattr(self, "looks", []), context]
        canvas.fill(area, (255, 0, 0))

    def _fail(self, where):
        if self.fault == where:
            raise ZeroDivisionError(f"in {where}")


def shown_of(key="e", on=True, name="red", kind=Red, layer=2, **attributes):
    """An overlay as a plugin contributes it."""
    made = type("Made", (kind,), attributes)
    spec = OverlaySpec(name, "planted", title=name.title(), key=key, shown=on, layer=layer)
    return OverlaySwitch(SimpleNamespace(**vars(spec), load=lambda: made), key)
