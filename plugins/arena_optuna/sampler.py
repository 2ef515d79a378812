"""Sampling and pruning from the study's seed and trials only, so that a resumed study gives the same trials."""

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

# Without CMA-ES: Optuna stores its state as a pickle, and reading a pickle runs code.
SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "tpe": lambda seed: TPESampler(seed=seed),
    "random": lambda seed: RandomSampler(seed=seed),
}

#: Complete trials required before median pruning, as in Optuna.
STARTUP = 5

#: Fraction of its steps that a trial takes before median pruning: early returns predict little.
WARMUP = 0.2

#: Fraction of the steps between two decisions: each stop of every run costs some hundredths of a second.
BETWEEN = 0.1

#: Reduction factor of Hyperband: at each rung, one in this many trials continues.
REDUCTION = 3


class Seeded(BaseSampler):
    """Stateless sampler: each draw uses a fresh sampler, seeded by the trial and the parameter.

    Optuna's samplers draw from one generator during the life of their process, so a killed study would continue with
    different proposals.
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
    """The pruner of Optuna for a study, whose values are reported by step."""
    if definition.settings.pruner == "median":
        return MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=int(WARMUP * definition.steps))
    if definition.settings.pruner == "hyperband":
        every = min(definition.evaluate_every, definition.steps)
        return HyperbandPruner(min_resource=every, max_resource=definition.steps, reduction_factor=REDUCTION)
    return NopPruner()


def pruning_steps(definition: Definition, complete: int) -> list[int]:
    """The steps at which the pruner can end a trial; between them the runs are not interrupted.

    Args:
        definition: definition of the study.
        complete: number of complete trials.
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
