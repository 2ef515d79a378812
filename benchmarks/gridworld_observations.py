"""Observations of gridworlds: views compared with MiniGrid's (extra ``bench``), and images, on one core."""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable
from functools import partial

import gymnasium as gym
import numpy as np

from arena.environments.mdp import TransitionModel
from arena.environments.tabular import TableVectorEnv
from arena_gridworld.observation import Scene, make_observer
from arena_gridworld.tiles import CODES
from benchmarks.measure import Row, interleaved, row

LANES = 4096
VIEW = 7
REPEATS = 7
PEERS = ("MiniGrid-Empty-8x8-v0", "MiniGrid-FourRooms-v0")
PEER_STEPS = 3000


def measure() -> list[Row]:
    """Every row of the suite."""
    views, frames = {"view_size": VIEW}, {"tile_size": 8}
    sides: dict[str, Callable[[], float]] = {
        f"{VIEW} × {VIEW} views, observe alone": partial(observe_rate, "egocentric", views),
        f"{VIEW} × {VIEW} views, steps of {LANES:,} lanes": partial(step_rate, "egocentric", views),
        "64 × 64 RGB frames, observe alone": partial(observe_rate, "pixels", frames),
        f"64 × 64 RGB frames, steps of {LANES:,} lanes": partial(step_rate, "pixels", frames),
        "64 × 64 RGB frames, steps of 256 lanes": partial(step_rate, "pixels", frames, 256),
    }
    if importlib.util.find_spec("minigrid"):
        for peer in PEERS:
            sides[f"{peer}, gen_obs alone"] = partial(peer_rate, peer, False)
            sides[f"{peer}, steps"] = partial(peer_rate, peer, True)
    found = interleaved(sides, REPEATS)
    rows = [
        row(what, [rate / 1e6 for rate in rates], "M/s", 0.25 if "RGB" in what else None)
        for what, rates in found.items()
    ]
    median = {what: statistics.median(rates) for what, rates in found.items()}
    ours = [what for what in sides if "views" in what]
    for what in median:
        if what.startswith(PEERS):
            mine = ours["steps" in what]
            rows.append(Row(f"{mine} / {what}", median[mine] / median[what], "times", 100))
    return rows


def observe_rate(kind: str, options: dict[str, int], lanes: int = LANES) -> float:
    """Observations a second, of random states."""
    eye = make_observer(kind, Scene(**room()), **options)
    out = np.zeros((lanes, *eye.space.shape), eye.space.dtype)
    states = np.random.default_rng(0).integers(0, 64, lanes)
    eye.observe(states, out)
    repeats = max(1, 16_384 // lanes)
    return lanes * repeats / seconds(lambda: eye.observe(states, out), repeats)


def step_rate(kind: str, options: dict[str, int], lanes: int = LANES) -> float:
    """Steps a second of a vector, with everything that a stream needs of each."""
    env = TableVectorEnv(walks(), lanes, 200, make_observer(kind, Scene(**room()), **options))
    env.begin(range(lanes))
    repeats = max(1, 16_384 // lanes)
    action = np.random.default_rng(0).integers(0, 4, lanes)
    env.advance(action)
    return lanes * repeats / seconds(lambda: env.advance(action), repeats)


def peer_rate(name: str, steps: bool) -> float:
    """MiniGrid's: whole steps, or only its views."""
    import minigrid  # noqa: F401

    env = gym.make(name).unwrapped
    env.reset(seed=0)
    action = iter(np.random.default_rng(0).integers(0, 3, PEER_STEPS).tolist())

    def step() -> None:
        _, _, terminated, truncated, _ = env.step(next(action))
        if terminated or truncated:
            env.reset()

    return PEER_STEPS / seconds(step if steps else env.gen_obs, PEER_STEPS)


def seconds(call: Callable[[], object], repeats: int) -> float:
    before = time.perf_counter()
    for _ in range(repeats):
        call()
    return time.perf_counter() - before


def room() -> dict:
    """An 8 × 8 room with a wall around it."""
    cells = np.full((8, 8), CODES["wall"], np.uint8)
    cells[1:-1, 1:-1] = CODES["floor"]
    cells[6, 6] = CODES["goal"]
    place, still = np.arange(64, dtype=np.int32), np.zeros(64, np.int32)
    return {"rows": 8, "columns": 8, "position": place, "layout": still, "layouts": cells[None]}


def walks() -> TransitionModel:
    """Moves in the room; the goal ends them."""
    tiles = room()["layouts"].ravel()
    acting = tiles == CODES["floor"]
    there = np.arange(64)[:, None] + [-8, 1, 8, -1]
    there = np.where(acting[:, None] & (tiles[there % 64] != CODES["wall"]), there, np.arange(64)[:, None])
    return TransitionModel(
        num_states=64,
        num_actions=4,
        indptr=np.arange(257),
        successor=there.ravel(),
        probability=np.ones(256),
        reward=np.zeros(256),
        terminated=~acting[there.ravel()],
        initial=np.eye(64)[9],
    )
