"""Reader of run folders for reports: imports nothing that runs name, and lists damaged runs instead of failing."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from arena.errors import ArenaError
from arena.runs.layout import find_runs
from arena.runs.records import (
    MALFORMED,
    NewerError,
    checked_count,
    checked_number,
    checked_text,
    damage_text,
    is_fit,
    last_timing,
    read_evaluations,
    read_result,
    read_run,
)

__all__ = ["JsonObject", "RunRecord", "Skipped", "canonical", "read_runs"]

#: No return is larger; beyond it, sums overflow.
LARGEST = 1e100

#: What lies beside the runs of a tuning study.
STUDY = ("study.json", "study.db")

JsonObject: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class RunRecord:
    """A run as its files describe it.

    Attributes:
        path: its folder.
        id: the digest in ``run.json``.
        agent: the agent's name.
        agent_options: its hyperparameters.
        env: the environment's id.
        env_options: its options.
        wrappers: the wrappers around it, the innermost first.
        settings: whatever else decides the result: ``envs``, ``episodes``, ``horizon``, ``device``, ``threads``,
            and ``start``, the snapshot (``run``, ``step``, ``digest``) that it began from, or None.
        encoder: the encoder of its observations, or None: its ``name``, ``mode``, ``options``, ``loss_weight`` (None
            unless joint), and ``start``, the snapshot of the fit that it comes from, or None.
        novelty: the encoder of its novelty bonus, laid out like `encoder`, or None; the mode is ``novelty``, and
            the options include those of its use.
        seed: of its random numbers.
        total: the steps it was asked for.
        steps: the steps it has trained.
        finished: whether it has trained as far as it should.
        mean: the mean return of its last evaluation; None if there is none.
        optimum: the exact optimum; None where unknown.
        policy_value: the learned policy's exact value; None where unknown.
        seconds: how long it trained; None where unknown.
        time: when it last trained, in seconds since 1970; None where unknown.
        versions: of Python and of the distributions that decide its bytes.
        curve: steps and mean returns of its evaluations.
    """

    path: Path
    id: str
    agent: str
    agent_options: JsonObject
    env: str
    env_options: JsonObject
    wrappers: tuple[str, ...]
    settings: JsonObject
    encoder: JsonObject | None
    novelty: JsonObject | None
    seed: int
    total: int
    steps: int
    finished: bool
    mean: float | None
    optimum: float | None
    policy_value: float | None
    seconds: float | None
    time: float | None
    versions: dict[str, str]
    curve: tuple[list[int], list[float]]


@dataclass(frozen=True)
class Skipped:
    """A run folder that is in no number of the report; or a folder of them, where they are a tuning study's.

    Attributes:
        path: the folder.
        status: ``damaged``, ``newer``, ``unfinished``, ``duplicate``, ``fit`` or ``study``.
        reason: what is wrong with it, in a few words.
        record: what it says of itself, if it can be read.
        runs: how many runs it stands for.
    """

    path: Path
    status: str
    reason: str
    record: RunRecord | None = None
    runs: int = 1


def read_runs(folders: Sequence[Path]) -> list[RunRecord | Skipped]:
    """Every run under some folders, each once, sorted by path.

    The trials of a tuning study are compared only where the study's folder, or one inside it, is named: they are no
    replications, and most of them are bad on purpose. Elsewhere the study's folder stands for them.

    Raises:
        ArenaError: a folder that does not exist.
    """
    found: dict[str, Path] = {}
    trials: dict[str, tuple[Path, set[str]]] = {}
    for folder in folders:
        if not folder.is_dir():
            raise ArenaError(f"there is no folder {folder}", "name one that holds runs: `arena report DIR`")
        studies: dict[Path, Path | None] = {folder: None}
        for path in find_runs(folder):
            study = None if path == folder else _study(path.parent, studies)
            if study is None:
                found[os.path.realpath(path)] = path
            else:
                trials.setdefault(os.path.realpath(study), (study, set()))[1].add(os.path.realpath(path))
    left = [(study, len(runs - found.keys())) for study, runs in trials.values()]
    rows = [Skipped(study, "study", _trials(n), runs=n) for study, n in sorted(left) if n]
    return [*rows, *(_read(path) for path in sorted(found.values()))]


def canonical(value: Any) -> str:
    """A text that equal options of runs share, whatever the order of their keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _study(folder: Path, known: dict[Path, Path | None]) -> Path | None:
    """The tuning study that a folder belongs to, itself included, up to those that are known."""
    if folder not in known:
        here = any(os.path.exists(folder / name) for name in STUDY)
        known[folder] = folder if here else _study(folder.parent, known)
    return known[folder]


def _trials(n: int) -> str:
    return f"{n:,} run{'s' * (n != 1)} of a tuning study: name this folder to compare them"


def _read(folder: Path) -> RunRecord | Skipped:
    try:
        document = read_run(folder)
        if is_fit(document["experiment"]):
            return Skipped(folder, "fit", "the fit of an encoder, which has no returns")
        return _record(folder, document)
    except NewerError as error:
        return Skipped(folder, "newer", str(error))
    except (OSError, *MALFORMED) as error:
        return Skipped(folder, "damaged", damage_text(error))


def _record(folder: Path, document: Mapping[str, Any]) -> RunRecord:
    experiment = document["experiment"]
    agent, env = experiment["agent"], experiment["env"]
    [seed] = experiment["seeds"]
    total = checked_count(experiment["steps"])
    curve = _curve(folder)
    timing = last_timing(folder)
    steps, mean, result = timing.steps, (curve[1][-1] if curve[1] else None), read_result(folder)
    finished = result is not None and result.completes(total)
    if result is not None and finished:
        steps, mean = result.steps, _score(result.mean)
    return RunRecord(
        path=folder,
        id=_text(document["id"]),
        agent=_text(agent["name"]),
        agent_options=_options(agent["options"]),
        env=_text(env["id"]),
        env_options=_options(env["options"]),
        wrappers=tuple(_text(wrapper) for wrapper in env["wrappers"]),
        settings=_options(
            {
                "envs": experiment.get("num_envs", 1),
                "episodes": experiment.get("episodes"),
                "horizon": experiment.get("horizon"),
                "device": experiment.get("device", "cpu"),
                "threads": experiment.get("threads", 1),
                "start": _start(experiment.get("start")),
            }
        ),
        encoder=_encoder(experiment.get("encoder")),
        novelty=_encoder(experiment.get("novelty"), "novelty"),
        seed=checked_count(seed),
        total=total,
        steps=steps,
        finished=finished,
        mean=mean,
        optimum=None if result is None or not finished else _score(result.optimum),
        policy_value=None if result is None or not finished else _score(result.policy_value),
        seconds=timing.seconds,
        time=timing.time,
        versions={_text(k): _text(v) for k, v in document.get("versions", {}).items()},
        curve=curve,
    )


def _curve(folder: Path) -> tuple[list[int], list[float]]:
    """Steps and mean returns of the evaluations, ascending; of two with equal steps, the later one counts."""
    found = {step: mean for step, mean in read_evaluations(folder) if abs(mean) <= LARGEST}
    steps = sorted(found)
    return steps, [found[step] for step in steps]


def _score(value: float | None) -> float | None:
    return None if value is None or abs(value) > LARGEST else value


def _start(value: Any) -> JsonObject | None:
    if value is None:
        return None
    return {
        "run": _text(value["run"]),
        "step": checked_count(value["step"]),
        "digest": _text(value["digest"]),
    }


def _encoder(value: Any, mode: str | None = None) -> JsonObject | None:
    """An encoder; whatever else is said of its use counts as an option."""
    if value is None:
        return None
    used = _text(value["mode"]) if mode is None else mode
    apart = ("name", "options", "labels", "start", "mode", "loss_weight")
    further = {key: item for key, item in value.items() if key not in apart}
    return {
        "name": _text(value["name"]),
        "mode": used,
        "options": _options({**further, **value["options"]}),
        "loss_weight": _plain(checked_number(value["loss_weight"]))
        if used == "joint"
        else None,  # otherwise nothing is weighed
        "start": _start(value["start"]),
    }


def _options(value: Any) -> JsonObject:
    """Options that can be compared and shown: 1.0 is 1, and texts can be encoded."""
    if not isinstance(value, dict):
        raise TypeError(value)
    plain = {_text(key): _plain(item) for key, item in value.items()}
    canonical(plain)  # as deep as it can be read, it can be written
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_text(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    return value


def _text(value: Any) -> str:
    """A text; half a character, which no file can hold, becomes a question mark."""
    return checked_text(value).encode("utf-8", "replace").decode("utf-8")
