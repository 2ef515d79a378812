"""Creation of streams: native vector environments where possible, otherwise Gymnasium environments."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np

from arena.storage.memory import reserve
from arena.streams.base import NativeStream, Stream
from arena.streams.gymnasium_stream import GymnasiumStream, replay_obstacle

if TYPE_CHECKING:
    from arena.environments.factory import EnvironmentFactory
    from arena.environments.spaces import Accepts, View

__all__ = ["open_stream"]

#: Copies of an observation and an action that a stream keeps for each environment, and the smallest size of the
#: other objects of a native and of a Gymnasium environment, in bytes.
COPIES, NATIVE_BYTES, INSTANCE_BYTES = 4, 100, 5000


def open_stream(
    factory: EnvironmentFactory,
    num_envs: int,
    needs: Accepts,
    seed_of: Callable[[int, int], int],
    *,
    limit: int | None = None,
    asynchronous: bool = False,
    check_replay: bool = False,
) -> Stream:
    """Open a stream of transitions from parallel episodes of an environment.

    Args:
        factory: factory of the environment.
        num_envs: number of parallel episodes.
        needs: accepted kinds of observations and actions; the agent must fit the environment.
        seed_of: function of (lane, episode) that returns the episode's seed, in [0, 2³¹).
        limit: maximum number of steps of an episode, which is then truncated.
        asynchronous: whether each Gymnasium environment runs in its own process.
        check_replay: whether to test if a Gymnasium environment can be resumed by replay; if not, the stream's
            `notice` gives the reason.
    """
    observations, actions = factory.views(needs)
    assert observations is not None and actions is not None, "call mismatch() first"
    row = space_bytes(observations.outer) + space_bytes(actions.outer)
    size = COPIES * row + (NATIVE_BYTES if factory.is_native else INSTANCE_BYTES)
    reserve(num_envs * size, "environments", "use fewer --envs or --episodes")
    if factory.is_native:
        vector = factory.native_vector(num_envs, limit)
        seeds = [seed_of(lane, 0) for lane in range(num_envs)]
        return NativeStream(vector, observations, actions, seeds, label=factory.id)
    make = functools.partial(factory.make, limit)
    obstacle = _replay_obstacle(make, observations, actions) if check_replay else None
    options: dict[str, Any] = {"label": factory.id, "asynchronous": asynchronous, "obstacle": obstacle}
    stream = GymnasiumStream(make, num_envs, observations, actions, seed_of, **options)
    if obstacle is not None:
        problem = f"{factory.id} cannot be resumed mid-episode: {obstacle}"
        stream.notice = f"{problem}; a resume restarts the current episodes"
    return stream


def space_bytes(space: gym.Space[Any]) -> int:
    """Size of one element of a space of arrays, in bytes."""
    return math.prod(space.shape or ()) * np.dtype(space.dtype or np.int64).itemsize


def _replay_obstacle(make: Callable[[], gym.Env[Any, Any]], observations: View, actions: View) -> str | None:
    try:
        return replay_obstacle(make, observations, actions)
    except Exception as error:  # the first step of training gives a better error
        return f"the probe raised {type(error).__name__}"
