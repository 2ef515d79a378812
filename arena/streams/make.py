"""Streams from environments: native vectors where that is exact, Gymnasium's environments otherwise."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gymnasium as gym

from arena.streams.base import NativeStream, Stream
from arena.streams.gymnasium_stream import GymnasiumStream, replay_obstacle

if TYPE_CHECKING:
    from arena.environments.factory import EnvironmentFactory
    from arena.environments.spaces import Accepts, View

__all__ = ["open_stream"]


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
    """Parallel episodes of an environment as a stream of transitions.

    Args:
        factory: the environment.
        num_envs: how many episodes run in parallel.
        needs: the observations and actions that the agent takes; it must fit the environment.
        seed_of: the seed of (lane, episode), in [0, 2³¹).
        limit: truncate episodes after so many steps at the latest.
        asynchronous: step Gymnasium's environments in processes of their own.
        check_replay: find out first whether a Gymnasium environment can be resumed by replay; the stream's `notice`
            says if not.
    """
    observations, actions = factory.views(needs)
    assert observations is not None and actions is not None, "mismatch() must be asked first"
    if factory.is_native:
        vector = factory.native_vector(num_envs, limit)
        seeds = [seed_of(lane, 0) for lane in range(num_envs)]
        return NativeStream(vector, observations, actions, seeds, label=factory.id)
    make = functools.partial(factory.make, limit)
    obstacle = _replay_obstacle(make, observations, actions) if check_replay else None
    stream = GymnasiumStream(
        make,
        num_envs,
        observations,
        actions,
        seed_of,
        label=factory.id,
        asynchronous=asynchronous,
        obstacle=obstacle,
    )
    if obstacle is not None:
        stream.notice = (
            f"{factory.id} cannot be resumed mid-episode: {obstacle}; a resume starts its episodes anew"
        )
    return stream


def _replay_obstacle(make: Callable[[], gym.Env[Any, Any]], observations: View, actions: View) -> str | None:
    try:
        return replay_obstacle(make, observations, actions)
    except Exception as error:  # the first step of training gives a better error
        return f"the probe raised {type(error).__name__}"
