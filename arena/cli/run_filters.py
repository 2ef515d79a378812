"""Filters and orders of ``arena list runs``."""

from __future__ import annotations

import argparse
import contextlib
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from arena.cli.parser import whole
from arena.errors import ArenaError, unknown_name

__all__ = ["SORTS", "STATUSES", "Choice", "Condition", "Found", "flattened"]

STATUSES = ("finished", "unfinished", "training", "failed", "damaged", "newer")

#: Column that each order compares; None for the order in which runs are found.
SORTS = {
    "path": None,
    "return": "mean",
    **{name: name for name in ("steps", "seconds", "modified", "agent", "env", "seed")},
}

#: Maximum depth of nested options, far below Python's limit of recursion.
DEEPEST = 20

#: Types of values without parts.
SCALARS = (float, int, str, bool, type(None))

_CONDITION = re.compile(r"\s*([\w.-]+)\s*(<=|>=|!=|==?|<|>)\s*(.*?)\s*", re.DOTALL)
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass
class Found:
    """One run folder.

    Attributes:
        row: object that ``--json`` prints.
        fields: fields of the experiment, from `flattened`; empty if it cannot be read.
    """

    row: dict[str, Any]
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Condition:
    """Condition of ``--where``: compares a field of the experiment with a value.

    Attributes:
        text: the whole condition, for errors.
        key: name of the field, as in `flattened`.
        sign: one of ``= != < <= > >=``.
        value: text after the sign.
    """

    text: str
    key: str
    sign: str
    value: str

    @classmethod
    def from_text(cls, text: str) -> Condition:
        """Parse a condition such as ``agent.learning_rate=0.1`` or ``steps>=200k``.

        Raises:
            ArenaError: the text is not a comparison, or compares the order of a value that is not a number.
        """
        parts = _CONDITION.fullmatch(text)
        if parts is None:
            raise ArenaError(
                f"--where {text!r} is not a condition",
                "give one such as agent.learning_rate=0.1 or 'steps>=200k'",
            )
        key, sign, value = parts.groups()
        if sign in _ORDERS and _number(value) is None:
            raise ArenaError(
                f"--where {text!r} compares with {value!r}, which is not a number", "use = or !=, or a number"
            )
        return cls(text, key.replace("-", "_"), "=" if sign == "==" else sign, value)

    def holds(self, fields: Mapping[str, Any]) -> bool:
        """Return whether a run has the field, and the condition is true."""
        if self.key not in fields:
            return False
        found = fields[self.key]
        if self.sign in _ORDERS:
            return _is_number(found) and _ORDERS[self.sign](found, _number(self.value))
        return _equal(found, self.value) is (self.sign == "=")


@dataclass(frozen=True)
class Choice:
    """Filters, order and limit; a run must match one entry of every kind of filter, and all conditions.

    Attributes:
        agents: patterns such as ``*-learning``.
        envs: patterns such as ``arena/*``.
        seeds: seeds.
        statuses: some of `STATUSES`.
        where: conditions, all of which must be true.
        sort: one of `SORTS`; runs without the value are last.
        reverse: whether the largest value is first.
        limit: maximum number of runs.
    """

    agents: Sequence[str] = ()
    envs: Sequence[str] = ()
    seeds: Sequence[int] = ()
    statuses: Sequence[str] = ()
    where: Sequence[Condition] = ()
    sort: str = "path"
    reverse: bool = False
    limit: int | None = None

    @classmethod
    def from_args(cls, args: argparse.Namespace) -> Choice:
        """Make the choice of a command line.

        Raises:
            ArenaError: the value of a ``--where`` is not a condition.
        """
        return cls(
            agents=args.agent or (),
            envs=args.env or (),
            seeds=args.seed or (),
            statuses=args.status or (),
            where=[Condition.from_text(text) for text in args.where or ()],
            sort=args.sort or "path",
            reverse=args.reverse,
            limit=args.limit,
        )

    def matching(self, runs: Sequence[Found]) -> list[Found]:
        """Select and sort the runs that match; the limit is not applied.

        Raises:
            ArenaError: none of the runs has the field of a condition.
        """
        for condition in self.where:
            if runs and not any(condition.key in run.fields for run in runs):
                known = {key for run in runs for key in run.fields}
                error = unknown_name(
                    "field of these runs", condition.key, known, "see `arena list runs --json`"
                )
                raise ArenaError(f"--where {condition.text!r}: {error.problem}", error.remedy)
        return self._sorted([run for run in runs if self._passes(run)])

    def wider(self, runs: Sequence[Found]) -> str:
        """Suggestion of a pattern with stars, if a name matches no run but the pattern would; otherwise empty."""
        for flag, patterns in (("agent", self.agents), ("env", self.envs)):
            for pattern in patterns:
                if not any(_fits(run.row[flag], [pattern]) for run in runs) and any(
                    _fits(run.row[flag], [f"*{pattern}*"]) for run in runs
                ):
                    return f"; did you mean --{flag} '*{pattern}*'?"
        return ""

    def _passes(self, run: Found) -> bool:
        row = run.row
        return (
            _fits(row["agent"], self.agents)
            and _fits(row["env"], self.envs)
            and (not self.seeds or row["seed"] in self.seeds)
            and (not self.statuses or row["status"] in self.statuses)
            and all(condition.holds(run.fields) for condition in self.where)
        )

    def _sorted(self, runs: list[Found]) -> list[Found]:
        name = SORTS[self.sort]
        if name is None:
            return runs[::-1] if self.reverse else runs
        known = [run for run in runs if run.row[name] is not None]
        known.sort(key=lambda run: run.row[name], reverse=self.reverse)
        return known + [run for run in runs if run.row[name] is None]


def flattened(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten a run's experiment to the fields of ``--where``.

    ``agent`` and ``env`` are names, ``agent.learning_rate`` and ``env.slip`` options, ``seed`` is the seed; other
    fields have their names in ``run.json``. The fit of an encoder has ``encoder``, ``encoder.latent``, ``frames`` and
    ``frames.n``. An agent with an encoder has ``encoder``, ``encoder.mode``, ``encoder.latent`` and ``encoder.fit``,
    the origin of the encoder; ``novelty`` has the same fields.

    Raises:
        TypeError: a value has the wrong type.
        ValueError: a value is nested too deeply.
        LookupError: a value is missing.
    """
    found: dict[str, Any] = {}
    fitted = "agent" not in experiment
    for key, value in experiment.items():
        if key in ("agent", "env"):
            rest = dict(value)
            found[key] = rest.pop("name" if key == "agent" else "id")
            _put(found, f"{key}.", rest.pop("options", {}))
            _put(found, "", rest)
        elif fitted and key == "encoder":
            found[key] = value["name"]
            _put(found, "encoder.", value.get("options", {}))
        elif fitted and key == "frames":
            found[key] = value["source"]
            _put(found, "frames.", {**value.get("options", {}), "digest": value["digest"]})
        elif key in ("encoder", "novelty") and value is not None:
            found[key] = value["name"]
            _put(found, f"{key}.", _used(value))
        elif key == "seeds":
            found["seed"] = value[0]
        else:
            _put(found, "", {key: value})
    return found


def _used(encoder: Mapping[str, Any]) -> dict[str, Any]:
    """Options of an encoder and of its use, and its fit."""
    rest = {key: value for key, value in encoder.items() if key not in ("name", "options", "labels", "start")}
    if rest.get("mode", "joint") != "joint":
        rest.pop("loss_weight", None)  # has no effect
    start = encoder["start"]
    fit = {} if start is None else {"fit": f"{start['run']}@{start['step']}"}
    return {**rest, **encoder["options"], **fit}


def _put(found: dict[str, Any], prefix: str, values: Mapping[str, Any], depth: int = 0) -> None:
    if not isinstance(values, dict):
        raise TypeError(values)
    for key, value in values.items():
        if type(value) in SCALARS:
            found[prefix + key] = value
            continue
        _measure(value, depth)
        if isinstance(value, dict) and value:
            _put(found, f"{prefix}{key}.", value, depth + 1)
        else:
            found[f"{prefix}{key}"] = value


def _measure(value: Any, depth: int) -> None:
    if depth > DEEPEST:
        raise ValueError(value)
    for item in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
        _measure(item, depth + 1)


def _fits(name: str | None, patterns: Iterable[str]) -> bool:
    return not patterns or (name is not None and any(fnmatchcase(name, pattern) for pattern in patterns))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(text: str) -> int | float | None:
    """Parse a number such as ``0.10``, ``2e5`` or ``200k``; None for other text."""
    for read in (int, float, whole("--where", 0)):
        with contextlib.suppress(ValueError, ArenaError):
            return read(text)
    return None


def _equal(value: Any, text: str) -> bool:
    if value is None or isinstance(value, bool):
        return text.lower() in (("none", "null") if value is None else (str(value).lower(),))
    if _is_number(value):
        number = _number(text)
        return number is not None and bool(value == number)
    if isinstance(value, list):
        inner = text.removeprefix("[").removesuffix("]").strip()
        words = [word.strip() for word in inner.split(",")] if inner else []
        # A wrapper may have commas in its arguments, so a single entry is also compared as a whole.
        return _all_equal(value, words) or (len(value) == 1 and _equal(value[0], inner))
    return bool(value == text)


def _all_equal(values: Sequence[Any], words: Sequence[str]) -> bool:
    return len(values) == len(words) and all(map(_equal, values, words))
