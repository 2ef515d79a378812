"""Which runs ``arena list runs`` shows, and in what order."""

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

#: What each order compares; the first is the order in which runs are found.
SORTS = {
    "path": None,
    "return": "mean",
    **{name: name for name in ("steps", "seconds", "modified", "agent", "env", "seed")},
}

#: Deeper than any option is, and far from where Python gives up.
DEEPEST = 20

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
        row: what ``--json`` prints of it.
        fields: its experiment, as `flattened` names it; empty where that cannot be read.
    """

    row: dict[str, Any]
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Condition:
    """One ``--where``: a field of the experiment, compared with what was written.

    Attributes:
        text: all of it, for errors.
        key: the field, as `flattened` names it.
        sign: one of ``= != < <= > >=``.
        value: what stands behind the sign.
    """

    text: str
    key: str
    sign: str
    value: str

    @classmethod
    def read(cls, text: str) -> Condition:
        """Reads ``agent.learning_rate=0.1`` or ``steps>=200k``.

        Raises:
            ArenaError: it is no comparison, or one of order with what is no number.
        """
        parts = _CONDITION.fullmatch(text)
        if parts is None:
            raise ArenaError(
                f"--where {text!r} is no condition",
                "give one such as agent.learning_rate=0.1 or 'steps>=200k'",
            )
        key, sign, value = parts.groups()
        if sign in _ORDERS and _number(value) is None:
            raise ArenaError(
                f"--where {text!r} compares with {value!r}, which is no number", "use = or !=, or a number"
            )
        return cls(text, key.replace("-", "_"), "=" if sign == "==" else sign, value)

    def holds(self, fields: Mapping[str, Any]) -> bool:
        """Whether a run has the field, and it compares so."""
        if self.key not in fields:
            return False
        found = fields[self.key]
        if self.sign in _ORDERS:
            return _is_number(found) and _ORDERS[self.sign](found, _number(self.value))
        return _equal(found, self.value) is (self.sign == "=")


@dataclass(frozen=True)
class Choice:
    """What to show: of each kind of filter any, of all kinds each.

    Attributes:
        agents: patterns such as ``*-learning``.
        envs: patterns such as ``arena/*``.
        seeds: seeds.
        statuses: some of `STATUSES`.
        where: conditions, all of which must hold.
        sort: one of `SORTS`; what a run lacks comes last.
        reverse: the largest first.
        limit: how many at most.
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
    def of(cls, args: argparse.Namespace) -> Choice:
        """The choice of a command line.

        Raises:
            ArenaError: a ``--where`` that is no condition.
        """
        return cls(
            agents=args.agent or (),
            envs=args.env or (),
            seeds=args.seed or (),
            statuses=args.status or (),
            where=[Condition.read(text) for text in args.where or ()],
            sort=args.sort or "path",
            reverse=args.reverse,
            limit=args.limit,
        )

    def matching(self, runs: Sequence[Found]) -> list[Found]:
        """The runs that pass every filter, in order; all of them, whatever the limit.

        Raises:
            ArenaError: a condition on a field that none of the runs has.
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
        """Where a name lacks stars for which some of the runs would match it: the question whether that was meant."""
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
    """The fields of a run's experiment, by the names that ``--where`` knows.

    ``agent`` and ``env`` are their names, ``agent.learning_rate`` and ``env.slip`` their options, ``seed`` the one
    seed; the others are called as in ``run.json``. Of the fit of an encoder, these are ``encoder``, ``encoder.latent``,
    ``frames``, ``frames.n``; and of an agent with an encoder ``encoder``, ``encoder.mode``, ``encoder.latent`` and
    ``encoder.fit``, which says where it comes from; likewise ``novelty``.

    Raises:
        TypeError: the layout is another one.
        ValueError: it is nested too deeply.
        LookupError: something is missing.
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
    """How an agent uses an encoder, its options, and the fit that it comes from."""
    rest = {key: value for key, value in encoder.items() if key not in ("name", "options", "labels", "start")}
    if rest.get("mode", "joint") != "joint":
        rest.pop("loss_weight", None)  # nothing is weighed
    start = encoder["start"]
    fit = {} if start is None else {"fit": f"{start['run']}@{start['step']}"}
    return {**rest, **encoder["options"], **fit}


def _put(found: dict[str, Any], prefix: str, values: Mapping[str, Any], depth: int = 0) -> None:
    if not isinstance(values, dict):
        raise TypeError(values)
    for key, value in values.items():
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
    """A number however it is written: ``0.10``, ``2e5``, ``200k``."""
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
        # A wrapper may hold commas of its own: one text alone is compared whole.
        return _all_equal(value, words) or (len(value) == 1 and _equal(value[0], inner))
    return bool(value == text)


def _all_equal(values: Sequence[Any], words: Sequence[str]) -> bool:
    return len(values) == len(words) and all(map(_equal, values, words))
