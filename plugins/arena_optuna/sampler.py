"""Proposals and pruning that depend on the study's seed and trials only: resumed, it goes on as if never stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from arena.random.generators import derive
from arena_optuna.definition import Definition, Settings

__all__ = ["Seeded", "pruner_of", "pruning_steps"]

# CMA-ES is not among them: Optuna keeps its state in the storage as a pickle, which runs code when it is read.
SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "tpe": lambda seed: TPESampler(seed=seed),
    "random": lambda seed: RandomSampler(seed=seed),
}

#: Trials that must be complete before the median means something, as in Optuna.
STARTUP = 5

#: The share of its steps that a trial has before the median may end it: early returns say little.
WARMUP = 0.2

#: Shares of its steps between two decisions: stopping every run costs some hundredths of a second each time.
BETWEEN = 0.1

#: Hyperband's: one of so many trials goes on at each of its rungs.
REDUCTION = 3


class Seeded(BaseSampler):
    """A sampler without a state of its own: every draw is by a fresh one, seeded for this trial and parameter.

    Optuna's samplers draw from one generator for as long as their process lives, so a study that was killed would
    go on with other proposals than it would have had.
    """

    def __init__(self, settings: Settings) -> None:
        self._make, self._seed = SAMPLERS[settings.sampler], settings.seed

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._for(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._for(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        one = self._for(trial, param_name)
        return one.sample_independent(study, trial, param_name, param_distribution)

    def _for(self, trial: FrozenTrial, name: str = "") -> BaseSampler:
        return self._make(derive(self._seed, "tune", trial.number, name, bits=32))


def pruner_of(definition: Definition) -> BasePruner:
    """Optuna's pruner, for values that are reported by steps."""
    if definition.settings.pruner == "median":
        return MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=int(WARMUP * definition.steps))
    if definition.settings.pruner == "hyperband":
        every = min(definition.evaluate_every, definition.steps)
        return HyperbandPruner(min_resource=every, max_resource=definition.steps, reduction_factor=REDUCTION)
    return NopPruner()


def pruning_steps(definition: Definition, complete: int) -> list[int]:
    """The steps at which the pruner can end a trial; between them the runs go on undisturbed.

    Args:
        definition: of the study.
        complete: how many trials are complete.
    """
    every, steps = definition.evaluate_every, definition.steps
    if definition.settings.pruner == "median" and complete >= STARTUP:
        apart = every * max(1, round(BETWEEN * steps / every))
        first = next(step for step in range(every, steps + every, every) if step >= int(WARMUP * steps))
        return [*range(first, steps, apart)]
    if definition.settings.pruner == "hyperband":
        rungs = [every]
        while rungs[-1] < steps:
            rungs.append(rungs[-1] * REDUCTION)
        return rungs[:-1]
    return []
