"""Deep agents: seconds until CartPole-v1 is solved, for each library with its best known settings.

Solved means a mean return of 475 over the last 100 episodes of training, including exploration. Our agents use their
presets, Stable-Baselines3's the settings of RL Baselines3 Zoo, which are in `arena_sb3.catalogue`. Schedules have the
lengths of these settings; training continues after their ends, up to twice as long. Nothing is evaluated meanwhile.

The benchmark takes a quarter of an hour, most of it for Stable-Baselines3's DQN.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from threadpoolctl import threadpool_limits

from arena.plugins.discovery import get_plugins
from arena.plugins.specs import Preset
from arena.runs.resolve import resolve_experiment
from arena.streams.base import Stream, Transition
from arena.testing import Trial
from benchmarks.deep import ENV, peer, train
from benchmarks.measure import Row, Seconds

SOLVED = 475.0
EPISODES = 100
SEEDS = range(5)

#: How many times longer than a setting says a side may try.
PATIENCE = 2

OURS = ("dqn", "reinforce", "actor-critic", "ppo")
THEIRS: tuple[type[BaseAlgorithm], ...] = (DQN, A2C, PPO)

#: Ours, theirs, and the most that the ratio of seconds should be.
COMPARED = (("dqn", "DQN", 0.2), ("actor-critic", "PPO", 0.5), ("actor-critic", "A2C", 1.0))


class Attempt(NamedTuple):
    """One training.

    Attributes:
        solved: whether it got there.
        steps: environment steps until then, or until it was given up.
        seconds: likewise.
    """

    solved: bool
    steps: int
    seconds: Seconds


class Watch:
    """Reads the clocks at the episode with which the task is solved."""

    def __init__(self) -> None:
        self.attempt: Attempt | None = None
        self._returns: deque[float] = deque(maxlen=EPISODES)
        self._begun = Seconds.now()

    def ended(self, total: float, steps: int) -> None:
        """An episode with such a return has ended, after so many steps of training."""
        self._returns.append(total)
        enough = len(self._returns) == EPISODES and sum(self._returns) >= SOLVED * EPISODES
        if enough and not self.solved:
            self.attempt = Attempt(True, steps, self._begun.passed())

    @property
    def solved(self) -> bool:
        """Whether it is."""
        return self.attempt is not None

    def outcome(self, steps: int) -> Attempt:
        """What came of it, now that training has stopped."""
        return self.attempt or Attempt(False, steps, self._begun.passed())


def measure() -> list[Row]:
    """Every row of the suite."""
    torch.set_num_threads(1)
    threadpool_limits(1)  # NumPy's, which ours uses
    sides: dict[str, Callable[..., Attempt]] = {name: partial(ours, name) for name in OURS}
    sides |= {algorithm.__name__: partial(theirs, algorithm) for algorithm in THEIRS}
    for side in sides.values():  # what is compiled or imported at first use
        side(0, limit=2000)
    found: dict[str, list[Attempt]] = {name: [] for name in sides}
    for seed in SEEDS:
        for name, side in sides.items():
            found[name].append(side(seed))
    return [*times(found), *ratios(found)]


def times(found: dict[str, list[Attempt]]) -> Iterable[Row]:
    """Seconds of every side, and steps."""
    for name, attempts in found.items():
        whose = name if name in OURS else f"Stable-Baselines3's {name}"
        solved = sum(attempt.solved for attempt in attempts)
        yield _median(f"{whose}, solved by {solved} of {len(attempts)} seeds", attempts, cpu, "CPU-s")
        yield _median("  on the clock", attempts, wall, "s")
        yield _median("  steps", attempts, lambda attempt: attempt.steps / 1e3, "k")


def ratios(found: dict[str, list[Attempt]]) -> Iterable[Row]:
    """Ours to theirs: at most this where theirs does not get there, infinite where ours does not."""
    for mine, its, target in COMPARED:
        for clock in (cpu, wall):
            numerator, denominator = (_median(name, found[name], clock, "s") for name in (mine, its))
            ratio = math.inf if numerator.more else numerator.value / denominator.value
            bound = ", at most" if denominator.more and not numerator.more else ""
            yield Row(
                f"{mine} to {its}, by {clock.__name__} time{bound}", ratio, "times", target, at_least=False
            )


def cpu(attempt: Attempt) -> float:
    return attempt.seconds.cpu


def wall(attempt: Attempt) -> float:
    return attempt.seconds.wall


def ours(agent: str, seed: int, limit: int | None = None) -> Attempt:
    """One training of ours, by its preset."""
    preset = resolve_experiment(agent, ENV)
    with Trial(agent, ENV, seed=seed, num_envs=preset.num_envs) as trial:
        watch = Watch()
        _report_episodes(trial.stream, watch)
        train(trial, limit or PATIENCE * preset.steps, lambda: watch.solved)
        return watch.outcome(trial.stream.steps)


def theirs(algorithm: type[BaseAlgorithm], seed: int, limit: int | None = None) -> Attempt:
    """One training of theirs, by the Zoo's settings."""
    preset = get_plugins().agents[f"sb3-{algorithm.__name__.lower()}"].preset(ENV)
    assert preset.steps is not None
    with peer(algorithm, preset.num_envs or 1, seed, **_arguments(preset)) as model:
        watch = Watch()

        def goes_on(names: dict[str, Any], _: dict[str, Any]) -> bool:
            for lane in np.flatnonzero(names["dones"]):
                watch.ended(names["infos"][lane]["episode"]["r"], model.num_timesteps)
            return not watch.solved and (limit is None or model.num_timesteps < limit)

        # The schedules reckon with all these steps: a limit cannot take their place.
        model.learn(PATIENCE * preset.steps, callback=goes_on)
        return watch.outcome(model.num_timesteps)


def _report_episodes(stream: Stream, watch: Watch) -> None:
    """Tells the watch of every episode that ends in a stream."""
    step, totals = stream.step, stream.episode_account["total"]

    def watched(action: Any) -> Transition:
        before = totals.copy()
        transition = step(action)
        for lane in np.flatnonzero(transition.terminated | transition.truncated):
            watch.ended(before[lane] + transition.reward[lane], stream.steps)
        return transition

    stream.step = watched  # type: ignore[method-assign]


def _arguments(preset: Preset) -> dict[str, Any]:
    """What their constructors take, from a preset of `arena_sb3`."""
    options: dict[str, Any] = dict(preset.options)
    del options["schedule_steps"]
    for name in ("learning_rate", "clip_range"):
        if options.pop(f"{name}_schedule", "constant") == "linear":
            options[name] = partial(_falling, options[name])
    if "exploration_fraction" in options:
        options["exploration_fraction"] /= PATIENCE
    if "net_arch" in options:
        options["policy_kwargs"] = {"net_arch": list(options.pop("net_arch"))}
    return options


def _falling(start: float, remaining: float) -> float:
    """Linear to zero at the end of the setting's own steps; so much of all steps remains, from 1 to 0."""
    return start * max(0.0, 1 - (1 - remaining) * PATIENCE)


def _median(what: str, attempts: list[Attempt], figure: Callable[[Attempt], float], unit: str) -> Row:
    """The median of a figure; of attempts that were given up it is greater, nobody knows by how much."""
    figures = [figure(attempt) for attempt in attempts]
    true = [value if attempt.solved else math.inf for value, attempt in zip(figures, attempts, strict=True)]
    more = math.isinf(statistics.median(true))
    value = statistics.median(figures if more else true)
    return Row(what, value, unit, spread=(min(figures), max(figures)), more=more)
