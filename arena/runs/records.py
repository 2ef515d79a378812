"""Reader of the files of run folders, which may be damaged or torn; a light module, so that listing runs is quick.

Every function raises OSError for a file that cannot be read, and one of `MALFORMED` for one with other content.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import math
import os
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from arena.runs.layout import SCHEMA
from arena.storage.files import open_regular, read_bounded
from arena.storage.manifest import DamagedError, refuse_changed
from arena.storage.text_files import TooDeepError, parse_json

__all__ = [
    "MALFORMED",
    "LogDigest",
    "NewerError",
    "Result",
    "Timing",
    "best_evaluation",
    "checked_count",
    "checked_number",
    "checked_text",
    "damage_text",
    "is_fit",
    "last_timing",
    "log_digest",
    "read_evaluations",
    "read_metrics",
    "read_object",
    "read_result",
    "read_run",
    "read_times",
]

Folder = str | os.PathLike[str]

#: Exceptions of reading a value from JSON that has another layout, or is not JSON at all.
MALFORMED = (
    *(TypeError, ValueError, LookupError, AttributeError, OverflowError, RecursionError),
    DamagedError,
)

#: Maximum sizes in bytes: of a JSON file, of a log, and of one line of a log. Files of arena are far smaller.
MOST, MOST_LOG, MOST_LINE = 64 << 20, 4 << 30, 1 << 20

#: Number of bytes of a log that are read at once.
CHUNK = 1 << 18

#: Numbers of bytes from the end of ``timing.jsonl`` in which its last complete line is searched, one after the other.
TAILS = 4096, MOST


#: Beginning of a line of metrics as arena writes it, and its last field where there is an evaluation.
_STEP, _MEAN = b'{"step": ', b'"evaluation": '


class NewerError(Exception):
    """A newer arena wrote the run folder."""


class LogDigest(NamedTuple):
    """Size and digest of ``metrics.jsonl`` at some moment: every later content begins with these bytes.

    Attributes:
        size: number of bytes.
        sha256: SHA-256 digest of these bytes, in hexadecimal.
    """

    size: int
    sha256: str

    @classmethod
    def from_values(cls, values: Any) -> LogDigest:
        """Read it from the JSON values that `list` makes of it."""
        size, sha256 = values
        return cls(checked_count(size), checked_text(sha256))


class Timing(NamedTuple):
    """Last entry of ``timing.jsonl``; a run without one has trained zero steps.

    Attributes:
        steps: steps so far.
        seconds: duration of training over all sessions, in seconds; None if unknown.
        time: time of day, in seconds since 1970; None if unknown.
        metrics: size and digest of ``metrics.jsonl`` at that moment.
        resumed: whether a session begins here, which may discard later metrics.
    """

    steps: int = 0
    seconds: float | None = None
    time: float | None = None
    metrics: LogDigest = LogDigest(0, hashlib.sha256().hexdigest())
    resumed: bool = False

    @classmethod
    def from_line(cls, line: bytes) -> Timing:
        """Read an entry, and verify its digest."""
        values = parse_json(line)
        refuse_changed(values, "timing.jsonl")
        seconds, time = (checked_number(values.get(name)) for name in ("seconds", "time"))
        metrics, resumed = LogDigest.from_values(values["metrics"]), bool(values.get("resumed"))
        return cls(checked_count(values["step"]), seconds, time, metrics, resumed)


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
        metrics: size and digest of ``metrics.jsonl`` at the end.
    """

    steps: int
    converged: bool
    mean: float | None
    best: dict[str, Any] | None
    optimum: float | None
    policy_value: float | None
    metrics: LogDigest

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
            metrics=LogDigest.from_values(values["metrics"]),
        )

    def completes(self, total: int) -> bool:
        """Return whether a run of `total` steps with this result is finished."""
        return self.converged or self.steps >= total


def read_object(folder: Folder, name: str) -> dict[str, Any]:
    """Read the JSON object in a file of a run, and verify its digest."""
    with _named(name):
        values = parse_json(read_bounded(os.path.join(folder, name), MOST))
        if not isinstance(values, dict):
            raise TypeError(values)
        refuse_changed(values, name)
        return values


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    """Name the file in an error of its content."""
    try:
        yield
    except DamagedError:
        raise
    except TooDeepError as error:
        raise DamagedError(f"{name} is damaged: {error}") from error
    except MALFORMED as error:
        raise DamagedError(f"{name} is truncated or damaged") from error


def damage_text(error: Exception) -> str:
    """Describe an exception of reading a run's file in one line."""
    if isinstance(error, OSError):
        name = os.path.basename(error.filename) if isinstance(error.filename, str) else ""
        return f"{name} cannot be read: {error.strerror}".strip()
    return str(error) if isinstance(error, DamagedError) else "run.json has a value of the wrong type"


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
    with contextlib.suppress(FileNotFoundError), _named("result.json"):
        return Result.from_dict(read_object(folder, "result.json"))
    return None


def read_metrics(folder: Folder, start: int = 0) -> Generator[bytes, None, int]:
    """Iterate over the lines of ``metrics.jsonl``, without their ends, and verify them at the end.

    A last line that is not in ``timing.jsonl`` yet is left out: the process was killed, or is writing it now.

    Args:
        folder: the run.
        start: number of bytes of the file to skip: what an earlier call returned. Only a whole file is verified.

    Returns:
        The end of the last line, in bytes.

    Raises:
        DamagedError: after the last line, if the lines are not those that were written.
    """
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(_open_log(folder, "metrics.jsonl"))
        except FileNotFoundError:
            file = stack.enter_context(io.BytesIO())
        there = file.seek(0, os.SEEK_END)  # before the other files are read, since a trainer may be writing
        file.seek(start)
        timing, result = last_timing(folder), read_result(folder)
        (size, sha256), digest, position, beyond = timing.metrics, hashlib.sha256(), start, 0
        if result is not None and result.metrics.size > size:
            raise DamagedError("timing.jsonl lacks lines")
        rest = b""
        while position < size and (data := file.read(min(CHUNK, size - position))):
            position += len(data)
            digest.update(data)
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > MOST_LINE:
                raise OSError(errno.EFBIG, f"metrics.jsonl has a line of more than {MOST_LINE >> 20} MiB")
            yield from lines
        while position < there and (data := file.read(min(CHUNK, there - position))):
            position += len(data)
            beyond += data.count(b"\n")
    if position < size:
        raise DamagedError(f"metrics.jsonl has {position:,} bytes instead of {size:,}")
    if not start and digest.hexdigest() != sha256:
        raise DamagedError("metrics.jsonl does not match its digest in timing.jsonl")
    if beyond > 1 and not timing.resumed:
        raise DamagedError("timing.jsonl lacks lines")
    return size


def read_evaluations(folder: Folder, start: int = 0) -> Generator[tuple[int, float], None, int]:
    """Iterate over step and mean return of each evaluation in ``metrics.jsonl``; see `read_metrics`."""
    lines = _Returning(read_metrics(folder, start))
    for line in lines:
        if _MEAN in line:
            found = _evaluation(line)
            if found is not None:
                yield found
    return lines.value


class _Returning:
    """Iterator over a generator that keeps what the generator returns."""

    def __init__(self, generator: Generator[bytes, None, int]) -> None:
        self._generator, self.value = generator, 0

    def __iter__(self) -> Generator[bytes, None, None]:
        self.value = yield from self._generator


def _evaluation(line: bytes) -> tuple[int, float] | None:
    """Read step and mean return of a line of metrics; None if the mean is not a finite number."""
    if line.startswith(_STEP):  # without parsing the other values of the line: a million lines take a second
        try:
            mean = float(line[line.rindex(_MEAN) + len(_MEAN) : -1])
            return (int(line[len(_STEP) : line.index(b",")]), mean) if math.isfinite(mean) else None
        except ValueError:
            pass  # such as null, or another order of the fields
    values = parse_json(line)
    found = checked_number(values["evaluation"])
    return None if found is None else (checked_count(values["step"]), found)


def best_evaluation(folder: Folder) -> dict[str, Any] | None:
    """Find ``step`` and ``mean`` of the first evaluation with the highest mean return, also of a killed run."""
    best: tuple[int, float] | None = None
    for step, mean in read_evaluations(folder):
        if best is None or mean > best[1]:
            best = step, mean
    return best and {"step": best[0], "mean": best[1]}


def log_digest(folder: Folder, size: int) -> Any:
    """SHA-256 digest of the first `size` bytes of ``metrics.jsonl``, to which later lines can be added."""
    digest = hashlib.sha256()
    with _open_log(folder, "metrics.jsonl") as file:
        while size and (data := file.read(min(size, 1 << 20))):
            digest.update(data)
            size -= len(data)
    return digest


def read_times(folder: Folder) -> None:
    """Read every complete line of ``timing.jsonl``, and verify its digest."""
    with _open_log(folder, "timing.jsonl") as file:
        while (line := file.readline(MOST_LINE)).endswith(b"\n"):
            with _named("timing.jsonl"):
                Timing.from_line(line)


def last_timing(folder: Folder) -> Timing:
    """Read the last complete line of ``timing.jsonl``, and verify its digest."""
    with contextlib.suppress(FileNotFoundError), _open_log(folder, "timing.jsonl") as file:
        size = file.seek(0, os.SEEK_END)
        for length in TAILS:
            file.seek(max(0, size - length))
            *lines, _ = file.read(length).split(b"\n")  # the last line has no end: it is empty, or was torn
            if len(lines) > 1 or (lines and length >= size):
                with _named("timing.jsonl"):
                    return Timing.from_line(lines[-1])
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
