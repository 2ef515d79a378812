"""Search spaces: ranges of numbers, and lists of choices."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Union

from arena.config.options import Between, Plain, asdict, coerce
from arena.errors import ArenaError, unknown_name

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution, CategoricalChoiceType

__all__ = ["Choice", "Parameter", "Range", "hints_of", "parameters"]

RANGE_KEYS = ("low", "high", "log", "step")

#: Keys of an experiment that cannot be searched: comparable trials are measured in the same way.
MEASURES = (
    "steps",
    "seeds",
    "horizon",
    "episodes",
    "evaluate_every",
    "log_every",
    "wrappers",
    "device",
    "threads",
)


@dataclass(frozen=True)
class Range:
    """A range of numbers from ``low`` to ``high``, both included.

    Attributes:
        name: ``agent.…``, ``env.…`` or ``num_envs``.
        low: smallest value.
        high: largest value; with ``step``, a whole number of steps above ``low``.
        log: sample uniformly on a logarithmic scale.
        step: distance between neighboring values; None: every number in the range.
    """

    name: str
    low: float
    high: float
    log: bool = False
    step: float | None = None

    def distribution(self) -> BaseDistribution:
        """The range as a distribution of Optuna."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if isinstance(self.low, int):
            return IntDistribution(self.low, int(self.high), log=self.log, step=int(self.step or 1))
        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    @property
    def first(self) -> Any:
        """Some value of the parameter."""
        return self.low

    def value(self, suggested: Any) -> Any:
        """Converts Optuna's suggestion to a value of the option."""
        return suggested


@dataclass(frozen=True)
class Choice:
    """A choice from a list without an order."""

    name: str
    choices: tuple[Any, ...]

    def distribution(self) -> BaseDistribution:
        """The choices as a distribution of Optuna."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution([_label(choice) for choice in self.choices])

    @property
    def first(self) -> Any:
        """Some value of the parameter."""
        return self.choices[0]

    def value(self, suggested: Any) -> Any:
        """Converts Optuna's suggestion to a value of the option."""
        return next(choice for choice in self.choices if _label(choice) == suggested)


Parameter = Range | Choice


def parameters(
    search: Mapping[str, Any], hints: Mapping[str, Any], fixed: Iterable[str]
) -> tuple[Parameter, ...]:
    """Reads a ``[search]`` table, and checks every bound and choice against its option's type and range.

    Args:
        search: the table; ``agent.learning_rate`` is one quoted key, or two.
        hints: type of each option that can be searched, by name; see `hints_of`.
        fixed: names of the options that the file fixes.

    Raises:
        ArenaError: a name is unknown or also fixed, or a value is invalid for its option.
    """
    flat = _flat(search)
    if not flat:
        raise ArenaError(
            "[search] is empty", 'write a line such as "agent.learning_rate" = { low = 0.01, high = 1.0 }'
        )
    fixed = {*fixed}
    return tuple(_parameter(name, said, hints, fixed) for name, said in flat.items())


def hints_of(agent: type[Any], env: type[Any]) -> dict[str, Any]:
    """Types of all options that can be searched, by name.

    Args:
        agent: the agent's `Config`.
        env: the dataclass of the environment's options.
    """
    found: dict[str, Any] = {"num_envs": Annotated[int, Between(1, None)]}
    for prefix, options in (("agent", agent), ("env", env)):
        hints = typing.get_type_hints(options, include_extras=True)
        found |= {f"{prefix}.{field.name}": hints[field.name] for field in dataclasses.fields(options)}
    return found


def _flat(search: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, said in search.items():
        if key in ("agent", "env") and isinstance(said, Mapping):
            flat |= {f"{key}.{name}": inner for name, inner in said.items()}
        else:
            flat[key] = said
    return flat


def _parameter(name: str, said: Any, hints: Mapping[str, Any], fixed: set[str]) -> Parameter:
    if name in MEASURES:
        raise ArenaError(
            f"{name} cannot be searched: all trials are measured in the same way",
            "give it one value above [search]",
        )
    if name not in hints:
        prefix = name.partition(".")[0]
        own = [known for known in hints if known.startswith(f"{prefix}.")] or [*hints]
        raise unknown_name("option to search", name, own)
    if name in fixed:
        raise ArenaError(f"{name} is both fixed and searched", "remove it from [search], or from the options")
    if isinstance(said, Mapping):
        return _range(name, said, hints[name])
    if isinstance(said, Sequence) and not isinstance(said, str):
        return _choice(name, said, hints[name])
    problem = f"[search] has {said!r} for {name}, which is neither a range nor a list"
    raise ArenaError(problem, "write { low = …, high = … }, or a list of choices")


def _choice(name: str, said: Sequence[Any], hint: Any) -> Choice:
    if not said:
        raise ArenaError(f"[search] has no choices for {name}", "give at least one")
    choices = tuple(_checked(name, value, hint) for value in said)
    labels = [(type(label), label) for label in map(_label, choices)]
    for i, choice in enumerate(choices):
        if labels.index(labels[i]) < i:
            raise ArenaError(f"[search] has {choice!r} twice for {name}", "give every choice once")
    return Choice(name, choices)


def _range(name: str, said: Mapping[str, Any], hint: Any) -> Range:
    for key in said:
        if key not in RANGE_KEYS:
            raise unknown_name(f"key of {name} in [search]", str(key), RANGE_KEYS)
    for key in ("low", "high"):
        if key not in said:
            raise ArenaError(f"[search] has no {key} for {name}", "write { low = …, high = … }")
    ends = [said["low"], said["high"], *([said["step"]] if "step" in said else [])]
    kind = _kind(name, hint, ends)
    low, high = (kind(_checked(name, said[key], hint)) for key in ("low", "high"))
    log, step = said.get("log", False), said.get("step")
    if not isinstance(log, bool):
        raise ArenaError(f"log of {name} is {log!r}, which is not true or false", "give true or false")
    if low >= high:
        raise ArenaError(
            f"low of {name} is {low}, which is not below its high, {high}", "give a low below high"
        )
    if log and low <= 0:
        raise ArenaError(
            f"low of {name} is {low}, which has no logarithm", "give a low above 0, or log = false"
        )
    if step is None:
        return Range(name, low, high, log)
    if log:
        raise ArenaError(f"{name} has both log and step", "give one of them")
    _refuse_step(name, step, kind)
    step = kind(step)
    # Decimals: 0 to 0.3 by 0.1 ends at 0.3, although three times 0.1 exceeds it in binary.
    steps = (Decimal(str(high)) - Decimal(str(low))) // Decimal(str(step))
    return Range(name, low, kind(Decimal(str(low)) + steps * Decimal(str(step))), False, step)


def _refuse_step(name: str, step: Any, kind: type[Any]) -> None:
    allowed = (int,) if kind is int else (int, float)
    if isinstance(step, bool) or not isinstance(step, allowed) or not 0 < step < float("inf"):
        what = "a whole number from 1" if kind is int else "a number above 0"
        raise ArenaError(f"step of {name} is {step!r}, which is not {what}", f"give {what}")


def _checked(name: str, value: Any, hint: Any) -> Any:
    """The canonical value of an option, checked by a config of this one field: a trial checks fields together."""
    prefix, _, field = name.rpartition(".")
    one = dataclasses.make_dataclass("One", [(field, hint)], frozen=True)
    return asdict(coerce(one, {field: value}, where=prefix))[field]


def _kind(name: str, hint: Any, ends: Sequence[Any]) -> type[Any]:
    """The type of an option's numbers, int or float; for an option of both, the type as written in the file."""
    leaves = _leaves(hint)
    whole = all(isinstance(end, int) for end in ends)
    if int in leaves or Plain in leaves:
        return int if whole or not {float, Plain} & leaves else float
    if float in leaves:
        return float
    raise ArenaError(f"{name} is not a number, so it has no low and high", "give a list of choices")


def _leaves(hint: Any) -> set[Any]:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _leaves(args[0])
    if origin in (Union, types.UnionType):
        return {leaf for member in args for leaf in _leaves(member)}
    return {hint}


def _label(choice: Any) -> CategoricalChoiceType:
    """The form of a choice that Optuna stores: lists as JSON, since Optuna has none."""
    return json.dumps(choice) if isinstance(choice, list | dict) else choice
