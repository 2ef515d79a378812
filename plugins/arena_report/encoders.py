"""Comparison of encoders: returns and area under the learning curve, with each encoder and without."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from arena.statistics.bootstrap import BootstrapScores
from arena.statistics.comparison import probability_of_improvement
from arena.statistics.summary import bootstrap_ci, iqm
from arena_report.groups import Group
from arena_report.run_records import JsonObject, RunRecord, canonical

__all__ = ["area", "encoder_rows", "fits"]


def encoder_rows(
    groups: Sequence[Group],
    rows: Sequence[JsonObject],
    resampled: Mapping[str, tuple[list[str], BootstrapScores]],
) -> list[JsonObject]:
    """A row for each algorithm in an environment where its agent has run with an encoder.

    Args:
        groups: the runs, in the order of the rows.
        rows: what the report says of each group.
        resampled: of each algorithm its environments, and its mean returns there with their resamples.

    Returns:
        By environment and agent; the agent without an encoder first, and then the greatest area.
    """
    compared: dict[tuple[str, str], list[tuple[Group, JsonObject]]] = defaultdict(list)
    for one, row in zip(groups, rows, strict=True):
        compared[one.environment.label, one.agent].append((one, row))
    found: list[JsonObject] = []
    for several in compared.values():
        if any(row["encoder"] for _, row in several):
            span = _span([run for one, _ in several for run in one.runs])
            found += sorted(
                (_row(one, row, several, span, resampled) for one, row in several), key=_none_then_best
            )
    return sorted(found, key=lambda row: (row["env"], row["agent"]))


def area(run: RunRecord, span: tuple[int, int] | None) -> float | None:
    """The mean return over a span of steps: the area under straight lines between evaluations, over its width.

        A = 1 / (b − a) Σᵢ (xᵢ₊₁ − xᵢ) (yᵢ + yᵢ₊₁) / 2,   a = x₀ < x₁ < … = b

    Args:
        run: its evaluations are the corners; where the span ends between two of them, the line there is cut.
        span: a and b.

    Returns:
        None where there is no span, or the run has no evaluations at both its ends or beyond.
    """
    steps, means = run.curve
    if span is None or not steps or not steps[0] <= span[0] < span[1] <= steps[-1]:
        return None
    inside = [step for step in steps if span[0] < step < span[1]]
    x = np.array([span[0], *inside, span[1]], dtype=np.float64)
    y = np.interp(x, steps, means)
    return float(np.sum(np.diff(x) * (y[:-1] + y[1:]) / 2) / (x[-1] - x[0]))


def fits(one: Group, kind: str) -> list[JsonObject]:
    """The snapshots of the fits that the encoders of a group come from, each once, in the order of the seeds.

    Args:
        one: the group.
        kind: which encoder of its runs, of `arena_report.groups.ENCODERS`.
    """
    found = [getattr(run, kind) for run in one.runs]
    starts = [encoder["start"] for encoder in found if encoder and encoder["start"]]
    return list({start["digest"]: start for start in reversed(starts)}.values())[::-1]


def _span(runs: Sequence[RunRecord]) -> tuple[int, int] | None:
    """The steps between which all runs have evaluations, but for those that have fewer than two."""
    curves = [run.curve[0] for run in runs if len(run.curve[0]) > 1]
    if not curves:
        return None
    low, high = max(steps[0] for steps in curves), min(steps[-1] for steps in curves)
    return (low, high) if low < high else None


def _row(
    one: Group,
    row: JsonObject,
    several: Sequence[tuple[Group, JsonObject]],
    span: tuple[int, int] | None,
    resampled: Mapping[str, tuple[list[str], BootstrapScores]],
) -> JsonObject:
    areas = [area(run, span) for run in one.runs]
    known = [value for value in areas if value is not None]
    whole = len(known) == len(areas)
    better = None
    if row["encoder"] and (bare := _without_encoder(row, several)):
        x, y = (_there(resampled[label], row["env"]) for label in (row["label"], bare["label"]))
        better = probability_of_improvement(x, y)
    return {
        "label": row["label"],
        "agent": row["agent"],
        "env": row["env"],
        "encoder": row["encoder"] and row["encoder"]["name"],
        "mode": row["encoder"] and row["encoder"]["mode"],
        "span": span and list(span),
        "auc": iqm(known) if whole else None,
        "auc_ci95": bootstrap_ci(known) if whole and len(known) > 1 else None,
        "aucs": areas,
        "iqm": row["iqm"],
        "iqm_ci95": row["iqm_ci95"],
        "improvement": better and better.value,
        "improvement_ci95": better and better.ci95,
        "seeds": row["seeds"],
    }


def _without_encoder(row: JsonObject, several: Sequence[tuple[Group, JsonObject]]) -> JsonObject | None:
    """The same agent without an encoder, if it has run with the same options and settings."""
    return next(
        (other for _, other in several if not other["encoder"] and _alike(other) == _alike(row)), None
    )


def _alike(row: JsonObject) -> str:
    start = row["start"] and row["start"]["digest"]
    return canonical(
        [
            row["options"],
            start,
            row["novelty"],
            *(row[key] for key in ("envs", "episodes", "device", "threads")),
        ]
    )


def _there(found: tuple[list[str], BootstrapScores], place: str) -> BootstrapScores:
    places, scores = found
    return scores.take([places.index(place)])


def _none_then_best(row: JsonObject) -> tuple[bool, float, float, str]:
    auc = float("-inf") if row["auc"] is None else row["auc"]
    return row["encoder"] is not None, -auc, -row["iqm"], row["label"]
