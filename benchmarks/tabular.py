"""Gridworlds and tabular agents: learning and stepping compared with Gymnasium, MushroomRL, quantecon and MiniGrid.

quantecon and minigrid are in the extra ``bench``. MushroomRL requires old releases of its dependencies; install it in a
separate environment with ``pip install --no-deps mushroom-rl`` and scikit-learn, matplotlib, joblib, tqdm and
opencv-python-headless. Rows of missing libraries are left out.
"""

from __future__ import annotations

import importlib.util
import statistics
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path

import gymnasium as gym
import numpy as np

from arena.environments.tabular import TableVectorEnv
from benchmarks import gridworld_observations, planning
from benchmarks.core import arena_rate, loop_rate
from benchmarks.measure import Row, interleaved, row

LANES = 4096
VECTOR_STEPS = 2_000
PEER_STEPS = 10_000


def measure() -> list[Row]:
    """Every row of the suite."""
    return [*learning(), *stepping(), *gridworld_observations.measure(), *planning.measure()]


def learning() -> list[Row]:
    """Q-learning on the cliff through the runner, against the same update in two peers."""
    with tempfile.TemporaryDirectory() as folder:
        sides = {"arena": lambda: arena_rate(Path(folder)), "Gymnasium loop": loop_rate}
        if importlib.util.find_spec("mushroom_rl"):
            sides["MushroomRL"] = mushroom_rate
        found = interleaved(sides, repeats=5)
    ours = statistics.median(found.pop("arena"))
    rows = [Row("Q-learning on arena/CliffWalk-v0", ours / 1e6, "M steps/s")]
    targets = {"Gymnasium loop": 200, "MushroomRL": 1000}
    for name, rates in found.items():
        rows.append(row(f"{name}, the same update", [rate / 1e6 for rate in rates], "M steps/s"))
        rows.append(Row(f"  ours to {name}'s", ours / statistics.median(rates), "times", targets[name]))
    return rows


def stepping() -> list[Row]:
    """The vector gridworld, one thread."""
    sides = {
        "deterministic": partial(vector_rate, 0.0),
        "with slip": partial(vector_rate, 0.1),
    }
    targets = {"deterministic": 100, "with slip": 40}
    found = interleaved(sides, repeats=7)
    return [
        row(
            f"arena/CliffWalk-v0, {LANES:,} lanes, {name}",
            [r / 1e6 for r in rates],
            "M steps/s",
            targets[name],
        )
        for name, rates in found.items()
    ]


def vector_rate(slip: float) -> float:
    """Environment steps per second of the native vector."""
    import arena_gridworld  # noqa: F401

    vector = gym.make_vec("arena/CliffWalk-v0", LANES, "vector_entry_point", slip=slip).unwrapped
    assert isinstance(vector, TableVectorEnv)
    vector.reset(seed=0)
    actions = np.random.default_rng(0).integers(4, size=LANES)
    before = time.perf_counter()
    for _ in range(VECTOR_STEPS):
        vector.advance(actions)
    return VECTOR_STEPS * LANES / (time.perf_counter() - before)


def mushroom_rate() -> float:
    """Q-learning steps per second of MushroomRL on the same cliff."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mushroom_rl.algorithms.value import QLearning
        from mushroom_rl.core import Core
        from mushroom_rl.environments import FiniteMDP
        from mushroom_rl.policy import EpsGreedy
        from mushroom_rl.utils.parameters import Parameter

        cliff = gym.make("CliffWalking-v1").unwrapped
        chance, reward = np.zeros((48, 4, 48)), np.zeros((48, 4, 48))
        for state, actions in cliff.P.items():
            for action, [(probability, successor, earned, _)] in actions.items():
                # MushroomRL ends an episode in a state that nothing leaves.
                if state != 47:
                    chance[state, action, successor] += probability
                    reward[state, action, successor] = earned
        mdp = FiniteMDP(chance, reward, mu=cliff.initial_state_distrib, gamma=1.0, horizon=10_000)
        agent = QLearning(mdp.info, EpsGreedy(epsilon=Parameter(0.1)), learning_rate=Parameter(0.5))
        core = Core(agent, mdp)
        before = time.perf_counter()
        core.learn(n_steps=PEER_STEPS, n_steps_per_fit=1, quiet=True)
        return PEER_STEPS / (time.perf_counter() - before)
