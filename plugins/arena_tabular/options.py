"""Hyperparameters that all tabular learners share, and their translation into a record for compiled code."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np

from arena.config.options import Between, Positive
from arena.errors import ArenaError
from arena.random.generators import Generators
from arena_tabular.records import (
    CONSTANT,
    EPSILON_GREEDY,
    EXPONENTIAL,
    LINEAR,
    RULE,
    SOFTMAX,
    UCB,
    VISITS,
)

__all__ = ["Behavior", "ControlOptions", "LearningOptions", "Schedule", "rules_of"]

Schedule = Literal["constant", "linear", "exponential", "visits"]
Behavior = Literal["epsilon-greedy", "softmax", "ucb"]

SCHEDULES = {"constant": CONSTANT, "linear": LINEAR, "exponential": EXPONENTIAL, "visits": VISITS}
BEHAVIORS = {"epsilon-greedy": EPSILON_GREEDY, "softmax": SOFTMAX, "ucb": UCB}


@dataclass(frozen=True)
class LearningOptions:
    """Hyperparameters of every tabular learner; each family adds its own in a subclass.

    Raises:
        ArenaError: if a schedule lacks an option that it needs.
    """

    discount: Annotated[float, Between(0, 1)] = 0.99
    """Discount factor γ: weight of a reward one step later."""

    learning_rate: Annotated[float, Between(0, 1, open_low=True)] = 0.1
    """Learning rate α: the fraction of the distance to its target by which an update moves an estimate. With a
    schedule, the initial value."""

    learning_rate_schedule: Schedule | None = None
    """Schedule of α. constant: no change; linear or exponential: to learning_rate_final over learning_rate_steps;
    visits: learning_rate / N(s, a)^learning_rate_power. None: linear if learning_rate_final is given, else constant."""

    learning_rate_final: Annotated[float | None, Between(0, 1)] = None
    """Final learning rate of a linear or exponential schedule; lower bound of a schedule by visits (None: 0)."""

    learning_rate_steps: Annotated[int | None, Between(1, None)] = None
    """Environment steps, over all environments, after which α reaches learning_rate_final."""

    learning_rate_power: Annotated[float, Between(0, 1, open_low=True)] = 1.0
    """Exponent of N(s, a) in the schedule by visits. 1: the average of all targets; smaller: recent targets count
    more."""

    initial_value: Annotated[float, Between(None, None)] = 0.0
    """Initial value of every estimate, in units of return. Optimistic values, above any return, cause exploration."""

    def __post_init__(self) -> None:
        _check_schedule(self, "learning_rate")


@dataclass(frozen=True)
class ControlOptions(LearningOptions):
    """Hyperparameters of every tabular control method: those of learning, and of its behavior policy."""

    behavior: Behavior = "epsilon-greedy"
    """Behavior policy during training: ε-greedy, softmax of Q / temperature, or upper confidence bounds (ucb)."""

    epsilon: Annotated[float, Between(0, 1)] = 0.1
    """Exploration rate ε: probability of a uniformly random action under ε-greedy. With a schedule, the initial
    value."""

    epsilon_schedule: Schedule | None = None
    """Schedule of ε. constant: no change; linear or exponential: to epsilon_final over epsilon_steps; visits:
    epsilon / N(s)^epsilon_power. None: linear if epsilon_final is given, else constant."""

    epsilon_final: Annotated[float | None, Between(0, 1)] = None
    """Final exploration rate of a linear or exponential schedule; lower bound of a schedule by visits (None: 0)."""

    epsilon_steps: Annotated[int | None, Between(1, None)] = None
    """Environment steps, over all environments, after which ε reaches epsilon_final."""

    epsilon_power: Annotated[float, Between(0, 1, open_low=True)] = 1.0
    """Exponent of N(s) in the schedule of ε by visits; larger values reduce exploration faster."""

    temperature: Annotated[float, Positive] = 1.0
    """Temperature τ of the softmax, in units of Q: small values are almost greedy, large ones almost uniform."""

    confidence: Annotated[float, Between(0, None)] = 2.0
    """Coefficient c of the upper confidence bound Q(s, a) + c √(ln N(s) / N(s, a)), in units of Q: larger values
    explore more."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_schedule(self, "epsilon")


def schedule_of(options: Any, name: str) -> str:
    """Schedule of the option `name`: the one that was given, else linear if it has a final value, else constant."""
    given: str | None = getattr(options, f"{name}_schedule")
    if given is not None:
        return given
    return "constant" if getattr(options, f"{name}_final") is None else "linear"


def rules_of(options: LearningOptions, generators: Generators, algorithm: int = 0) -> np.ndarray[Any, Any]:
    """Hyperparameters of a learner as one `RULE` record, shape (1,), before the first step.

    Args:
        options: hyperparameters of the learner; those of prediction methods have no behavior policy.
        generators: random generators of the run, from which the keys come.
        algorithm: the family's code of the algorithm.
    """
    rules = np.zeros(1, dtype=RULE)
    rules["algorithm"], rules["discount"] = algorithm, options.discount
    rules["explore_key"] = generators.key("explore")
    rules["target_key"] = generators.key("explore/target")
    rules["coin_key"] = generators.key("coin")
    _fill_schedule(rules, options, "learning_rate")
    if isinstance(options, ControlOptions):
        _fill_schedule(rules, options, "epsilon")
        rules["behavior"] = BEHAVIORS[options.behavior]
        rules["temperature"], rules["confidence"] = options.temperature, options.confidence
    kinds = [rules["learning_rate_schedule"][0]]
    if rules["behavior"][0] == EPSILON_GREEDY:
        kinds.append(rules["epsilon_schedule"][0])
    rules["moving"] = any(kind in (LINEAR, EXPONENTIAL) for kind in kinds)
    rules["counted"] = VISITS in kinds or rules["behavior"][0] == UCB
    return rules


def _fill_schedule(rules: np.ndarray[Any, Any], options: Any, name: str) -> None:
    final, steps = getattr(options, f"{name}_final"), getattr(options, f"{name}_steps")
    rules[name] = rules[f"{name}_start"] = getattr(options, name)
    rules[f"{name}_schedule"] = SCHEDULES[schedule_of(options, name)]
    rules[f"{name}_final"] = 0.0 if final is None else final
    rules[f"{name}_steps"] = math.inf if steps is None else steps
    rules[f"{name}_power"] = getattr(options, f"{name}_power")


def _check_schedule(options: Any, name: str) -> None:
    schedule, start, final = (
        schedule_of(options, name),
        getattr(options, name),
        getattr(options, f"{name}_final"),
    )
    if schedule in ("constant", "visits"):
        return
    for part, what in (("final", "its final value"), ("steps", "its length in environment steps")):
        if getattr(options, f"{name}_{part}") is None:
            raise ArenaError(
                f"a {schedule} {name} needs {name}_{part}, {what}",
                f"set {name}_{part}, or set {name}_schedule to constant",
            )
    if schedule == "exponential" and min(start, final) <= 0:
        raise ArenaError(
            f"an exponential {name} cannot go from {start:g} to {final:g}",
            f"set {name} and {name}_final to values in (0, 1], or {name}_schedule to linear",
        )
