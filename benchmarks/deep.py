"""Deep agents: speed of training, compared with Stable-Baselines3 with equal networks and updates.

Our agents train as in the runner, without evaluations and checkpoints. Stable-Baselines3 (the extra ``sb3``) trains by
its own `learn` on its own `make_vec_env`. Construction is not measured.

`benchmarks.deep_solving` measures the time until the task is solved, and `benchmarks.control` the steps of 1,024
CartPole environments alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.env_util import make_vec_env
from threadpoolctl import threadpool_limits

from arena.plugins.discovery import get_plugins
from arena.testing import Trial
from benchmarks.measure import Row, Seconds, interleaved, row

ENV = "CartPole-v1"
REPEATS = 5


@dataclass(frozen=True)
class Pair:
    """One algorithm in both suites, set up alike.

    Attributes:
        agent: its name in ours.
        peer: its class in theirs.
        num_envs: environments side by side.
        steps: environment steps of one repetition.
        target: how many times faster ours should be.
        ours: what differs from the defaults of our agent; presets do not count.
        theirs: what differs from the defaults of theirs.
        setting: what tells it from another pair of the same algorithm.
    """

    agent: str
    peer: type[BaseAlgorithm]
    num_envs: int
    steps: int
    target: float | None
    ours: Mapping[str, Any]
    theirs: Mapping[str, Any]
    setting: str = ""


#: Two hidden layers of 64 everywhere, each side's default; DQN's are ReLU, the others' tanh, a network each for
#: policy and value. All step by Adam.
REPLAY = {"batch_size": 64, "learning_starts": 1000}
PAIRS = (
    # Our target network follows after so many updates, theirs after so many steps.
    Pair(
        "dqn",
        DQN,
        num_envs=1,
        steps=20_000,
        target=1.4,
        ours={**REPLAY, "train_frequency": 4, "target_update_interval": 500},
        theirs={
            **{**REPLAY, "train_freq": 4, "target_update_interval": 2000, "buffer_size": 100_000},
            **{"learning_rate": 1e-3, "exploration_fraction": 0.5},
        },
    ),
    # Their train_freq counts vector steps.
    Pair(
        "dqn",
        DQN,
        num_envs=8,
        steps=20_000,
        target=None,
        ours={**REPLAY, "train_frequency": 64, "gradient_steps": 32, "target_update_interval": 64},
        theirs={
            **{**REPLAY, "train_freq": 8, "gradient_steps": 32, "target_update_interval": 128},
            **{"buffer_size": 100_000, "learning_rate": 1e-3, "exploration_fraction": 0.5},
        },
        setting=", 32 updates every 64 steps of 8 environments",
    ),
    Pair(
        "ppo",
        PPO,
        num_envs=8,
        steps=32_768,
        target=1.5,
        ours={"rollout_steps": 128, "n_epochs": 4, "num_minibatches": 4, "normalize_advantage": True},
        theirs={"n_steps": 128, "n_epochs": 4, "batch_size": 256, "learning_rate": 1e-3},
    ),
    Pair(
        "actor-critic",
        A2C,
        num_envs=8,
        steps=40_000,
        target=1.5,
        ours={"rollout_steps": 5, "gae_lambda": 1.0},
        theirs={"n_steps": 5, "gae_lambda": 1.0, "use_rms_prop": False, "learning_rate": 1e-3},
    ),
)


def measure() -> list[Row]:
    """Every row of the suite."""
    torch.set_num_threads(1)
    threadpool_limits(1)  # NumPy's, which ours uses
    return [row for pair in PAIRS for row in rates(pair)]


def rates(pair: Pair) -> list[Row]:
    """Environment steps a second of both sides."""
    found = interleaved({"ours": partial(ours, pair), "theirs": partial(theirs, pair)}, REPEATS)
    peer = f"Stable-Baselines3's {pair.peer.__name__}"
    rows = [
        row(f"{name}{pair.setting}", [pair.steps / 1e3 / one.cpu for one in found[side]], "k steps/CPU-s")
        for side, name in (("ours", pair.agent), ("theirs", peer))
    ]
    for clock in Seconds._fields:
        mine, its = (
            statistics.median(getattr(one, clock) for one in found[side]) for side in ("ours", "theirs")
        )
        rows.append(Row(f"  ours to theirs, by {clock} time", its / mine, "times", pair.target))
    return rows


def ours(pair: Pair) -> Seconds:
    """Seconds of one training of ours."""
    defaults = dataclasses.asdict(get_plugins().agents[pair.agent].load().Config())
    options = {**defaults, **pair.ours}
    with Trial(pair.agent, ENV, num_envs=pair.num_envs, agent_options=options) as trial:
        before = Seconds.now()
        train(trial, pair.steps)
        return before.passed()


def theirs(pair: Pair) -> Seconds:
    """Seconds of one training of theirs."""
    with peer(pair.peer, pair.num_envs, **pair.theirs) as model:
        before = Seconds.now()
        model.learn(pair.steps)
        return before.passed()


def train(trial: Trial, steps: int, stopping: Callable[[], bool] = lambda: False) -> None:
    """Trains until there are so many steps, or it should stop.

    Like the runner it lends the random numbers for many turns at once; `Trial.train` does so for each.
    """
    stream = trial.stream
    stream.boundary = steps
    turns = trial.agent.train(stream)
    with trial.generators.lent("agent"):
        while stream.steps < steps and not stopping():
            next(turns)


@contextlib.contextmanager
def peer(algorithm: type[BaseAlgorithm], num_envs: int, seed: int = 0, **options: Any) -> Any:
    """A model of theirs, with its environments."""
    vector = make_vec_env(ENV, num_envs, seed=seed)
    with contextlib.closing(vector):
        yield algorithm("MlpPolicy", vector, seed=seed, device="cpu", **options)
