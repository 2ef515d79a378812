"""The hyperparameters that families share, and the rule that they make for a compiled driver."""

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

__all__ = ["Behaviour", "ControlOptions", "LearningOptions", "Schedule", "rules_of"]

Schedule = Literal["constant", "linear", "exponential", "visits"]
Behaviour = Literal["epsilon-greedy", "softmax", "ucb"]

SCHEDULES = {"constant": CONSTANT, "linear": LINEAR, "exponential": EXPONENTIAL, "visits": VISITS}
BEHAVIOURS = {"epsilon-greedy": EPSILON_GREEDY, "softmax": SOFTMAX, "ucb": UCB}


@dataclass(frozen=True)
class LearningOptions:
    """What every learner has. A family's own options come behind them, in a subclass.

    Raises:
        ArenaError: for a schedule without what it needs.
    """

    discount: Annotated[float, Between(0, 1)] = 0.99
    """γ: what a reward is worth one step later."""

    step_size: Annotated[float, Between(0, 1, open_low=True)] = 0.1
    """α: how far an estimate moves towards its target; at the start, where it has a schedule."""

    step_size_schedule: Schedule | None = None
    """How α changes: not at all; along a line, or by equal factors, to step_size_final over step_size_steps; or as
    step_size / N(s, a)^step_size_power. By default linear where step_size_final is given, else constant."""

    step_size_final: Annotated[float | None, Between(0, 1)] = None
    """α at the end of a linear or exponential schedule; the least α of one by visits (0 by default)."""

    step_size_steps: Annotated[int | None, Between(1, None)] = None
    """After how many environment steps α reaches step_size_final."""

    step_size_power: Annotated[float, Between(0, 1, open_low=True)] = 1.0
    """p of the schedule by visits: 1 averages all targets, less forgets the early ones."""

    initial_value: Annotated[float, Between(None, None)] = 0.0
    """The estimates at the start; above what can be reached, they make the agent try everything."""

    def __post_init__(self) -> None:
        _check_schedule(self, "step_size")


@dataclass(frozen=True)
class ControlOptions(LearningOptions):
    """What every learner that controls has: how it behaves while it learns."""

    behaviour: Behaviour = "epsilon-greedy"
    """How it acts while learning: greedily but for ε, by the softmax of Q / temperature, or by upper confidence
    bounds."""

    epsilon: Annotated[float, Between(0, 1)] = 0.1
    """ε: how often an ε-greedy action is chosen uniformly at random; at the start, where it has a schedule."""

    epsilon_schedule: Schedule | None = None
    """How ε changes, as step_size_schedule; by visits it is epsilon / N(s)^epsilon_power."""

    epsilon_final: Annotated[float | None, Between(0, 1)] = None
    """ε at the end of a linear or exponential schedule; the least ε of one by visits (0 by default)."""

    epsilon_steps: Annotated[int | None, Between(1, None)] = None
    """After how many environment steps ε reaches epsilon_final."""

    epsilon_power: Annotated[float, Between(0, 1, open_low=True)] = 1.0
    """p of the schedule by visits: at 1 or less every action is still tried for ever."""

    temperature: Annotated[float, Positive] = 1.0
    """τ of the softmax, in units of Q: towards 0 it becomes greedy, towards infinity uniform."""

    confidence: Annotated[float, Between(0, None)] = 2.0
    """c of the upper confidence bound Q(s, a) + c √(ln N(s) / N(s, a)), in units of Q."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_schedule(self, "epsilon")


def schedule_of(options: Any, name: str) -> str:
    """The schedule of the number called `name`, where none is given the one that its other options imply."""
    given: str | None = getattr(options, f"{name}_schedule")
    if given is not None:
        return given
    return "constant" if getattr(options, f"{name}_final") is None else "linear"


def rules_of(options: LearningOptions, generators: Generators, algorithm: int = 0) -> np.ndarray[Any, Any]:
    """One `RULE` record, shape (1,), as it stands before the first step.

    Args:
        options: of a learner; without a behaviour of its own (prediction) the caller says how it acts.
        generators: of the run, which give the keys.
        algorithm: the family's code.
    """
    rules = np.zeros(1, dtype=RULE)
    rules["algorithm"], rules["discount"] = algorithm, options.discount
    rules["explore_key"] = generators.key("explore")
    rules["target_key"] = generators.key("explore/target")
    rules["coin_key"] = generators.key("coin")
    _fill_schedule(rules, options, "step_size")
    if isinstance(options, ControlOptions):
        _fill_schedule(rules, options, "epsilon")
        rules["behaviour"] = BEHAVIOURS[options.behaviour]
        rules["temperature"], rules["confidence"] = options.temperature, options.confidence
    kinds = [rules["step_size_schedule"][0]]
    if rules["behaviour"][0] == EPSILON_GREEDY:
        kinds.append(rules["epsilon_schedule"][0])
    rules["moving"] = any(kind in (LINEAR, EXPONENTIAL) for kind in kinds)
    rules["counted"] = VISITS in kinds or rules["behaviour"][0] == UCB
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
    for part, what in (("final", "where it ends"), ("steps", "how many environment steps it takes")):
        if getattr(options, f"{name}_{part}") is None:
            raise ArenaError(
                f"a {schedule} {name} needs {name}_{part}, {what}",
                f"give {name}_{part}, or {name}_schedule constant",
            )
    if schedule == "exponential" and min(start, final) <= 0:
        raise ArenaError(
            f"an exponential {name} cannot go from {start:g} to {final:g}",
            f"give {name} and {name}_final in (0, 1], or {name}_schedule linear",
        )
