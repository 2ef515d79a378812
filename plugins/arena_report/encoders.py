"""Comparison of encoders: return and area under the learning curve, with each encoder and without."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from arena.statistics.bootstrap import BootstrapScores
from arena.statistics.summary import bootstrap_ci, iqm
from arena_report.groups import Group
from arena_report.run_records import JsonObject, RunRecord, canonical
from arena_report.statistics import probability_of_improvement

__all__ = ["area", "encoder_rows", "fits"]


def encoder_rows(
    groups: Sequence[Group],
    rows: Sequence[JsonObject],
    resampled: Mapping[str, tuple[list[str], BootstrapScores]],
) -> list[JsonObject]:
    """Rows of the algorithms in each environment in which their agent has run with an encoder.

    Args:
        groups: the runs, in the order of the rows.
        rows: the report's row of each group.
        resampled: environments of each algorithm, and its mean returns in them with their bootstrap resamples.

    Returns:
        Rows sorted by environment and agent; the agent without an encoder first, then by area, the greatest first.
    """
    compared: dict[tuple[str, str], list[tuple[Group, JsonObject]]] = defaultdict(list)
    for one, row in zip(groups, rows, strict=True):
        compared[one.environment.label, one.agent].append((one, row))
    found: list[JsonObject] = []
    for several in compared.values():
        if any(row["encoder"] for _, row in several):
            span = _span([run for one, _ in several for run in one.runs])
            found += sorted(
                (_row(one, row, several, span, resampled) for one, row in several), key=_no_encoder_first
            )
    return sorted(found, key=lambda row: (row["env"], row["agent"]))


def area(run: RunRecord, span: tuple[int, int] | None) -> float | None:
    """Mean return over a span of steps: the area under straight lines between evaluations, divided by the width.

        A = 1 / (b − a) Σᵢ (xᵢ₊₁ − xᵢ) (yᵢ + yᵢ₊₁) / 2,   a = x₀ < x₁ < … = b

    Args:
        run: the run with the evaluations; between two evaluations the return is interpolated linearly.
        span: a and b.

    Returns:
        None if there is no span, or if the evaluations do not reach both of its ends.
    """
    steps, means = run.curve
    if span is None or not steps or not steps[0] <= span[0] < span[1] <= steps[-1]:
        return None
    inside = [step for step in steps if span[0] < step < span[1]]
    x = np.array([span[0], *inside, span[1]], dtype=np.float64)
    y = np.interp(x, steps, means)
    return float(np.sum(np.diff(x) * (y[:-1] + y[1:]) / 2) / (x[-1] - x[0]))


def fits(one: Group, kind: str) -> list[JsonObject]:
    """Snapshots of the fits from which a group's encoders were loaded, each once, in the order of the seeds.

    Args:
        one: the group.
        kind: one of `arena_report.groups.ENCODERS`.
    """
    found = [getattr(run, kind) for run in one.runs]
    starts = [encoder["start"] for encoder in found if encoder and encoder["start"]]
    return list({start["digest"]: start for start in reversed(starts)}.values())[::-1]


def _span(runs: Sequence[RunRecord]) -> tuple[int, int] | None:
    """The steps between which all runs with at least two evaluations have evaluations."""
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
        x, y = (_scores_in(resampled[label], row["env"]) for label in (row["label"], bare["label"]))
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
        (other for _, other in several if not other["encoder"] and _options_key(other) == _options_key(row)),
        None,
    )


def _options_key(row: JsonObject) -> str:
    start = row["start"] and row["start"]["digest"]
    return canonical(
        [
            row["options"],
            start,
            row["novelty"],
            *(row[key] for key in ("envs", "episodes", "device", "threads")),
        ]
    )


def _scores_in(found: tuple[list[str], BootstrapScores], place: str) -> BootstrapScores:
    places, scores = found
    return scores.take([places.index(place)])


def _no_encoder_first(row: JsonObject) -> tuple[bool, float, float, str]:
    auc = float("-inf") if row["auc"] is None else row["auc"]
    return row["encoder"] is not None, -auc, -row["iqm"], row["label"]
