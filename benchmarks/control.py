"""Control environments: steps compared with Gymnasium's vector environments, and image observations, on one thread.

Both sides return what a learner needs from a step: observations, rewards and ends of episodes, as new arrays.
Gymnasium's vector starts the next episode of a lane one step late, and does not return the final observation, which
bootstrapping needs; ours returns it, as an object for each lane whose episode ended. The rows "with final observations"
include this cost and use `vector.step` on both sides; the other rows use `advance` and copies, like a stream.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np

import arena_control  # noqa: F401
from arena_control_plugin import ENVIRONMENTS
from benchmarks.measure import Row, interleaved, row

LANES = 1024
STEPS = 400
REPEATS = 9


def measure() -> list[Row]:
    """Every row of the suite."""
    return [*cart_pole(), *every_environment()]


def cart_pole() -> list[Row]:
    """Cart-poles under random actions, where one in 22 lanes ends at every step, and balanced, where few do."""
    sides = {
        f"{name}, {policy}": partial(rate, make, step, balanced)
        for policy, balanced in (("random", False), ("balanced", True))
        for name, make, step in (
            ("ours", ours, copied),
            ("ours with final observations", ours, stepped),
            ("Gymnasium", theirs, stepped),
        )
    }
    found = interleaved(sides, REPEATS)
    rows = [
        row(f"CartPole, {LANES:,} lanes, {what}", millions(rates), "M steps/s")
        for what, rates in found.items()
    ]
    for policy in ("random", "balanced"):
        peer = statistics.median(found[f"Gymnasium, {policy}"])
        for name in ("ours", "ours with final observations"):
            ratio = statistics.median(found[f"{name}, {policy}"]) / peer
            rows.append(Row(f"  {name} to Gymnasium's, {policy}", ratio, "times", 3))
    return rows


def every_environment() -> list[Row]:
    """Steps of every environment under random actions, and frames of the cart-pole."""
    names = [spec.name for spec in ENVIRONMENTS]
    sides: dict[str, Callable[[], float]] = {
        f"{name}, steps": partial(environment_rate, name) for name in names
    }
    sides["arena/CartPole-v0, 64 × 64 RGB frames"] = partial(
        environment_rate, "arena/CartPole-v0", 20, observation="pixels"
    )
    return [
        row(f"{what}, {LANES:,} lanes", millions(rates), "M/s")
        for what, rates in interleaved(sides, 3).items()
    ]


def ours() -> Any:
    return gym.make_vec("arena/CartPole-v0", LANES, "vector_entry_point")


def theirs() -> Any:
    return gym.make_vec("CartPole-v1", LANES, "vector_entry_point")


def copied(vector: Any, action: np.ndarray) -> np.ndarray:
    """A step as a stream takes it: the vector's buffers, copied."""
    vector.advance(action)
    vector.reward.copy(), vector.terminated.copy(), vector.truncated.copy()
    return vector.observation.copy()


def stepped(vector: Any, action: np.ndarray) -> np.ndarray:
    """A step as Gymnasium defines it."""
    return vector.step(action)[0]


def rate(make: Callable[[], Any], step: Callable[..., np.ndarray], balanced: bool) -> float:
    """Steps a second; choosing actions is not measured."""
    vector = make()
    observation, _ = vector.reset(seed=0)
    actions = np.random.default_rng(0).integers(2, size=(STEPS, LANES))
    spent = 0.0
    for action in actions:
        if balanced:
            action = (observation @ np.float32([0.1, 0.3, 5.0, 1.0]) > 0).astype(np.int64)
        before = time.perf_counter()
        observation = step(vector, action)
        spent += time.perf_counter() - before
    return STEPS * LANES / spent


def environment_rate(name: str, steps: int = STEPS // 4, **options: Any) -> float:
    """Steps a second of a vector of ours."""
    vector: Any = gym.make_vec(name, LANES, "vector_entry_point", **options)
    vector.reset(seed=0)
    vector.action_space.seed(0)
    actions = [vector.action_space.sample() for _ in range(4)]
    before = time.perf_counter()
    for i in range(steps):
        vector.advance(actions[i % 4])
    return steps * LANES / (time.perf_counter() - before)


def millions(rates: list[float]) -> list[float]:
    return [rate / 1e6 for rate in rates]
