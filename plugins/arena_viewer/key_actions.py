"""Keys of actions, for environments that do not declare them."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from arena.environments.rendering import Controls
from arena.environments.spaces import describe_space
from arena.errors import ArenaError

__all__ = ["action_from_input", "controls_of", "known_controls", "plain_actions"]

#: Keys of a `Discrete` space whose actions have no names.
DIGITS = "0123456789"

#: Keys that decrease and increase each number of an action: the arrows, then pairs of letters.
PUSHES = (("left", "right"), ("down", "up"), ("a", "d"), ("s", "w"), ("j", "l"), ("k", "i"))

_LAKE = Controls({"left": 0, "down": 1, "right": 2, "up": 3}, ("left", "down", "right", "up"))
_CLIFF = Controls({"up": 0, "right": 1, "down": 2, "left": 3}, ("up", "right", "down", "left"))
_TAXI = Controls(
    {"down": 0, "up": 1, "right": 2, "left": 3, "p": 4, "d": 5},
    ("down", "up", "right", "left", "pick up", "drop off"),
)
_CARD = Controls({"s": 0, "h": 1, "down": 0, "up": 1}, ("stick", "hit"))
#: The pole moves even without a key press, and each step needs an action.
_CART = Controls({"left": 0, "right": 1}, ("left", "right"), idle=0)
_THREE = Controls({"left": 0, "right": 2}, ("left", "none", "right"), idle=1)
_LANDER = Controls(
    {"left": 1, "up": 2, "right": 3}, ("nothing", "left engine", "main engine", "right engine"), idle=0
)

#: Gymnasium's own environments, by name without the version.
KNOWN = {
    "FrozenLake": _LAKE,
    "FrozenLake8x8": _LAKE,
    "CliffWalking": _CLIFF,
    "CliffWalkingSlippery": _CLIFF,
    "Taxi": _TAXI,
    "Blackjack": _CARD,
    "CartPole": _CART,
    "MountainCar": _THREE,
    "Acrobot": _THREE,
    "LunarLander": _LANDER,
}


def known_controls(env: gym.Env[Any, Any]) -> Controls | None:
    """Controls that an environment declares, or those of Gymnasium's own environments; None if unknown."""
    if not plain_actions(env):
        return None
    own = getattr(env.unwrapped, "controls", None)
    if isinstance(own, Controls):
        return own
    name = env.spec.id.rpartition("-v")[0].rpartition("/")[2] if env.spec is not None else ""
    known, space = KNOWN.get(name), env.action_space
    fits = known is not None and isinstance(space, gym.spaces.Discrete) and len(known.names) == space.n
    return known if fits else None


def plain_actions(env: gym.Env[Any, Any]) -> bool:
    """Whether no wrapper changes actions on their way to the environment."""
    wrapped: Any = env
    while isinstance(wrapped, gym.Wrapper):
        if isinstance(wrapped, gym.ActionWrapper):
            return False
        wrapped = wrapped.env
    return bool(env.action_space == wrapped.action_space)


def controls_of(env: gym.Env[Any, Any]) -> Controls:
    """Controls of an environment: the known ones, or digits for the actions.

    Args:
        env: environment with a `Discrete` or a `Box` action space.

    Raises:
        ArenaError: a keyboard and a mouse cannot give the actions.
    """
    known = known_controls(env)
    if known is not None:
        return known
    space = env.action_space
    if isinstance(space, gym.spaces.Box) and np.issubdtype(space.dtype, np.floating):
        return Controls(idle=_resting(space))
    if not isinstance(space, gym.spaces.Discrete):
        raise ArenaError(
            f"actions of {describe_space(space)} cannot be given by hand",
            "choose an environment with finitely many actions, or with an array of numbers",
        )
    start = int(space.start)
    return Controls({digit: start + int(digit) for digit in DIGITS[: int(space.n)]})


def action_from_input(
    space: gym.spaces.Box, held: frozenset[str], mouse: tuple[float, float] | None, resting: Any
) -> np.ndarray[Any, Any]:
    """Action of a `Box` space from keys and mouse: keys push to the bounds, the mouse gives any value between.

    Args:
        space: action space.
        held: pygame's names of the held keys; they override the mouse.
        mouse: position from −1 to 1, right and up; None if the mouse is elsewhere.
        resting: action without keys and mouse.

    Returns:
        An action with the space's shape and type.
    """
    action = np.array(resting, dtype=np.float64).ravel()
    low, high = (np.nan_to_num(side.ravel(), posinf=1.0, neginf=-1.0) for side in (space.low, space.high))
    if mouse is not None:
        for axis, share in enumerate(mouse[: len(action)]):
            action[axis] = low[axis] + (share + 1) / 2 * (high[axis] - low[axis])
    for axis, (down, up) in enumerate(PUSHES[: len(action)]):
        if (down in held) != (up in held):
            action[axis] = high[axis] if up in held else low[axis]
    return action.reshape(space.shape).astype(space.dtype)


def _resting(space: gym.spaces.Box) -> np.ndarray[Any, Any]:
    """The action nearest to zero."""
    return np.clip(np.zeros(space.shape, space.dtype), space.low, space.high)
