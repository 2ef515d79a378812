"""Reader of the files of run folders, which may be damaged or torn; a light module, so that listing runs is quick.

Every function raises OSError for a file that cannot be read, and one of `MALFORMED` for one with other content.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from arena.runs.layout import SCHEMA
from arena.storage.files import open_regular

__all__ = [
    "MALFORMED",
    "NewerError",
    "Result",
    "Timing",
    "best_evaluation",
    "checked_count",
    "checked_number",
    "checked_text",
    "is_fit",
    "last_timing",
    "read_evaluations",
    "read_object",
    "read_result",
    "read_run",
]

Folder = str | os.PathLike[str]

#: Exceptions of reading a value from JSON that has another layout, or is not JSON at all.
MALFORMED = (TypeError, ValueError, LookupError, AttributeError, OverflowError, RecursionError)

#: Maximum sizes in bytes: of a JSON file, of a log, and of one line of a log. Files of arena are far smaller.
MOST, MOST_LOG, MOST_LINE = 64 << 20, 4 << 30, 1 << 20

#: Numbers of bytes from the end of ``timing.jsonl`` in which its last complete line is searched, one after the other.
TAILS = 4096, MOST


#: A line of metrics as arena writes it, with a step first and an evaluation last.
_EVALUATION = re.compile(
    rb'\{"step": (0|[1-9]\d{0,17}), [^{}\[\]\\]*'
    rb'"evaluation": (-?(?:0|[1-9]\d{0,17})(?:\.\d{1,30})?(?:e[-+]\d{1,2})?)\}\n'
)


class NewerError(Exception):
    """A newer arena wrote the run folder."""


class Timing(NamedTuple):
    """Last entry of ``timing.jsonl``; a run without one has trained zero steps.

    Attributes:
        steps: steps so far.
        seconds: duration of training over all sessions, in seconds; None if unknown.
        time: time of day, in seconds since 1970; None if unknown.
    """

    steps: int = 0
    seconds: float | None = None
    time: float | None = None


@dataclass(frozen=True)
class Result:
    """Content of ``result.json``.

    Attributes:
        steps: number of steps trained.
        converged: whether training ended by itself.
        mean: mean return of the last evaluation; None if it is not a number.
        best: ``step`` and ``mean`` of the best evaluation, or None if there was none.
        optimum: exact optimum, or None if unknown.
        policy_value: exact value of the learned policy, or None if unknown.
    """

    steps: int
    converged: bool
    mean: float | None
    best: dict[str, Any] | None
    optimum: float | None
    policy_value: float | None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Result:
        """Check the values of ``result.json``."""
        best = values.get("best")
        return cls(
            steps=checked_count(values["steps"]),
            converged=bool(values.get("converged")),
            mean=checked_number(values["evaluation"]["mean"]),
            best=best and {"step": checked_count(best["step"]), "mean": checked_number(best["mean"])},
            optimum=checked_number(values.get("optimum")),
            policy_value=checked_number(values.get("policy_value")),
        )

    def completes(self, total: int) -> bool:
        """Return whether a run of `total` steps with this result is finished."""
        return self.converged or self.steps >= total


def read_object(folder: Folder, name: str) -> dict[str, Any]:
    """Read the JSON object in a file of a run."""
    with open_regular(os.path.join(folder, name), MOST) as file:
        values = json.loads(file.read(MOST).decode("utf-8"))
    if not isinstance(values, dict):
        raise TypeError(values)
    return values


def read_run(folder: Folder) -> dict[str, Any]:
    """Read ``run.json``.

    Raises:
        NewerError: a newer arena wrote it; the message has its schema.
    """
    document = read_object(folder, "run.json")
    if checked_count(document["schema"]) > SCHEMA:
        raise NewerError(f"schema {document['schema']} needs a newer arena-rl")
    return document


def is_fit(experiment: Mapping[str, Any]) -> bool:
    """Return whether the experiment of a ``run.json`` fits an encoder, and trains no agent."""
    return "encoder" in experiment and "agent" not in experiment


def read_result(folder: Folder) -> Result | None:
    """Read ``result.json``; None if there is none."""
    try:
        return Result.from_dict(read_object(folder, "result.json"))
    except FileNotFoundError:
        return None


def read_evaluations(folder: Folder, start: int = 0) -> Generator[tuple[int, float], None, int]:
    """Iterate over step and mean return of each evaluation in ``metrics.jsonl``; other and torn lines are skipped.

    Args:
        folder: the run.
        start: number of bytes of the file to skip: what an earlier call returned.

    Returns:
        The end of the last complete line, in bytes: the `start` of a later call.
    """
    end = start
    with contextlib.suppress(FileNotFoundError), _open_log(folder, "metrics.jsonl") as file:
        file.seek(start)
        while line := file.readline(MOST_LINE):
            if len(line) == MOST_LINE:
                raise OSError(errno.EFBIG, f"metrics.jsonl has a line of more than {MOST_LINE >> 20} MiB")
            found = _evaluation(line) if b'"evaluation"' in line else None
            if found is not None:
                yield found
            if found is not None or line.endswith(b"\n"):
                end += len(line)
    return end


def _evaluation(line: bytes) -> tuple[int, float] | None:
    """Read step and mean return of a line of metrics; None if it is malformed, or the mean is not a finite number."""
    if plain := _EVALUATION.fullmatch(line):  # twice as quick as parsing all values of the line
        return int(plain[1]), float(plain[2])
    with contextlib.suppress(*MALFORMED):
        values = json.loads(line)
        mean = checked_number(values["evaluation"])
        return None if mean is None else (checked_count(values["step"]), mean)
    return None


def best_evaluation(folder: Folder) -> dict[str, Any] | None:
    """Find ``step`` and ``mean`` of the first evaluation with the highest mean return, also of a killed run."""
    best: tuple[int, float] | None = None
    with contextlib.suppress(OSError):
        for step, mean in read_evaluations(folder):
            if best is None or mean > best[1]:
                best = step, mean
    return best and {"step": best[0], "mean": best[1]}


def last_timing(folder: Folder) -> Timing:
    """Read the last complete line of ``timing.jsonl``."""
    with contextlib.suppress(FileNotFoundError), _open_log(folder, "timing.jsonl") as file:
        size = file.seek(0, os.SEEK_END)
        for length in TAILS:
            file.seek(max(0, size - length))
            for line in reversed(file.read(length).splitlines()):
                with contextlib.suppress(*MALFORMED):
                    values = json.loads(line)
                    seconds, time = (checked_number(values.get(name)) for name in ("seconds", "time"))
                    return Timing(checked_count(values["step"]), seconds, time)
    return Timing()


def checked_text(value: Any) -> str:
    """Return a text; other types are malformed."""
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def checked_count(value: Any) -> int:
    """Return a whole number from 0 to 2⁶³ - 1; anything else is malformed."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise TypeError(value)
    return value


def checked_number(value: Any) -> float | None:
    """Return a number as a float; None for null and for infinite numbers; other types are malformed."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    return float(value) if math.isfinite(value) else None


def _open_log(folder: Folder, name: str) -> Any:
    return open_regular(os.path.join(folder, name), MOST_LOG)
