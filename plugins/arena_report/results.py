"""The comparison as one document of plain values: what ``--json`` prints and the page shows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from arena.errors import ArenaError
from arena.statistics.bootstrap import BootstrapScores
from arena.statistics.summary import bootstrap_ci, iqm, summarize
from arena_report.encoders import encoder_rows, fits
from arena_report.groups import ENCODERS, Environment, Group, group, unit
from arena_report.notices import notices
from arena_report.run_records import JsonObject, RunRecord, Skipped
from arena_report.statistics import (
    Band,
    aggregate,
    learning_curve,
    normalize,
    performance_profile,
    probability_of_improvement,
    scale,
)

__all__ = ["comparison"]

#: Number of points of a learning curve, and of a performance profile.
POINTS, THRESHOLDS = 200, 101

#: The largest number of algorithms that are compared pairwise; of more, the best ones are compared.
MOST_PAIRED = 50


def comparison(found: Sequence[RunRecord | Skipped], *, partial: bool = False) -> JsonObject:
    """Compares runs: every number of the report, None where unknown; docs/report.md describes the layout.

    Args:
        found: result of `arena_report.run_records.read_runs`.
        partial: include unfinished runs, with their last evaluation.

    Raises:
        ArenaError: no run can be compared.
    """
    records, skipped = _counted(found, partial)
    groups, duplicates = group(records)
    skipped += duplicates
    environments = list({one.environment.label: one.environment for one in groups}.values())
    scales = {place.label: _scale(place, groups) for place in environments}
    means = {(one.algorithm, one.environment.label): _means(one) for one in groups}
    normal = {
        (one.algorithm, one.environment.label): normalize(_means(one), *scales[one.environment.label][:2])
        for one in groups
    }
    block = _comparable(normal)
    generator = np.random.default_rng(0)
    resampled = _resampled(normal, generator)
    rank = _ranked(resampled, block)
    position = {label: i for i, label in enumerate(rank)}
    groups.sort(key=lambda one: (position[one.algorithm], one.environment.label))
    agents = {one.algorithm: one.agent for one in groups}
    rows = [_group_row(one, normal, scales) for one in groups]
    unscaled = _unscaled(resampled, means)
    return {
        "groups": rows,
        "algorithms": [{"label": label, "agent": agents[label]} for label in rank],
        "environments": [_environment_row(place, scales[place.label]) for place in environments],
        "aggregate": _aggregates(resampled, block, rank),
        "profiles": _profiles(resampled, block, rank),
        "improvement": _improvement(unscaled, rank[:MOST_PAIRED]),
        "encoders": encoder_rows(groups, rows, unscaled),
        "curves": [_curve_row(one, generator) for one in groups],
        "runs": [_run_row(run, one, normal) for one in groups for run in one.runs],
        "skipped": [_skipped_row(one) for one in skipped],
        "versions": _versions(records),
        "trained": _span([run.time for run in records if run.time is not None]),
        "warnings": notices(groups, skipped, block, partial, _above(scales)),
    }


def _counted(found: Sequence[RunRecord | Skipped], partial: bool) -> tuple[list[RunRecord], list[Skipped]]:
    records: list[RunRecord] = []
    skipped = [one for one in found if isinstance(one, Skipped)]
    for run in found:
        if isinstance(run, Skipped):
            continue
        if run.mean is None:
            why = "has no evaluation yet" if not run.finished else "its evaluation is not a number"
            skipped.append(Skipped(run.path, "damaged" if run.finished else "unfinished", why, run))
        elif run.finished or partial:
            records.append(run)
        else:
            skipped.append(
                Skipped(run.path, "unfinished", f"{run.steps:,} of {run.total:,} steps trained", run)
            )
    if records:
        return records, skipped
    if not found:
        raise ArenaError(
            "there are no runs in these folders",
            "name a folder of runs, such as the one that `arena train --out` names",
        )
    studies = [one.path for one in skipped if one.status == "study"]
    if len(studies) == len(found):
        raise ArenaError(
            "there are only runs of tuning studies in these folders", f"name one: `arena report {studies[0]}`"
        )
    n = len(found) - len(studies)
    waiting = sum(one.status == "unfinished" and one.record.mean is not None for one in skipped if one.record)
    raise ArenaError(
        f"none of {n} run{'s' * (n != 1)} has finished and can be read",
        "include unfinished runs with --partial" if waiting else "see `arena list runs DIR`",
    )


def _means(one: Group) -> list[float]:
    return [run.mean for run in one.runs if run.mean is not None]


def _scale(place: Environment, groups: Sequence[Group]) -> tuple[float, float, float | None]:
    """Returns with normalized scores 0 and 1, and the optimum if known; an optimum that all runs exceed is not 1."""
    runs = [run for one in groups if one.environment is place for run in one.runs]
    known = Counter(run.optimum for run in runs if run.optimum is not None)
    optimum = known.most_common(1)[0][0] if known else None
    return *scale([run.mean for run in runs if run.mean is not None], optimum), optimum


def _above(scales: Mapping[str, tuple[float, float, float | None]]) -> list[str]:
    """Environments in which every run exceeds the optimum."""
    return [e for e, (low, _, best) in scales.items() if best is not None and _rounded(low) > _rounded(best)]


def _comparable(normal: Mapping[tuple[str, str], Any]) -> tuple[list[str], list[str]]:
    """Algorithms and environments for aggregation: every algorithm has run in each of these environments.

    All algorithms and the environments that they share; if they share fewer than two of several, the algorithms that
    ran in every environment; if there are none, nothing.
    """
    algorithms = sorted({label for label, _ in normal})
    environments = sorted({place for _, place in normal})
    shared = [e for e in environments if all((a, e) in normal for a in algorithms)]
    if len(shared) >= min(2, len(environments)):
        return algorithms, shared
    everywhere = [a for a in algorithms if all((a, e) in normal for e in environments)]
    return (everywhere, environments) if everywhere else ([], [])


def _resampled(
    normal: Mapping[tuple[str, str], Any], generator: np.random.Generator
) -> dict[str, tuple[list[str], BootstrapScores]]:
    """Environments of each algorithm, and its scores in them with their bootstrap resamples."""
    algorithms = sorted({label for label, _ in normal})
    places: dict[str, list[str]] = defaultdict(list)
    for label, place in sorted(normal):
        places[label].append(place)
    return {
        a: (places[a], BootstrapScores.from_scores([normal[a, e] for e in places[a]], generator=generator))
        for a in algorithms
    }


def _unscaled(
    resampled: Mapping[str, tuple[list[str], BootstrapScores]],
    means: Mapping[tuple[str, str], Sequence[float]],
) -> dict[str, tuple[list[str], BootstrapScores]]:
    """Mean returns with the same resamples: normalization may make different means equal."""
    return {
        label: (places, scores.like([[_rounded(x) for x in means[label, place]] for place in places]))
        for label, (places, scores) in resampled.items()
    }


def _rounded(value: float) -> float:
    """A return rounded to twelve digits: equal returns may differ in the last ones, by the rounding of a sum."""
    return float(f"{value:.12g}")


def _in_environments(
    found: tuple[list[str], BootstrapScores], environments: Sequence[str]
) -> BootstrapScores:
    places, scores = found
    return scores.take([places.index(place) for place in environments])


def _ranked(
    resampled: Mapping[str, tuple[list[str], BootstrapScores]], block: tuple[list[str], list[str]]
) -> list[str]:
    """Algorithms, the best first: by the IQM of their scores as displayed, and then by the mean.

    Algorithms that can be aggregated come first: the scores of the others are from other environments. Of these,
    algorithms that ran in more environments come first.
    """
    comparable = {*block[0]}

    def key(label: str) -> tuple[bool, int, float, float, str]:
        inside = label in comparable
        strata = (_in_environments(resampled[label], block[1]) if inside else resampled[label][1]).strata
        mean = float(np.mean([part.mean() for part in strata]))
        behind = 0 if inside else -len(strata)
        return not inside, behind, -round(iqm(np.concatenate(strata)), 3), -round(mean, 9), label

    return sorted(resampled, key=key)


def _group_row(
    one: Group,
    normal: Mapping[tuple[str, str], Any],
    scales: Mapping[str, tuple[float, float, float | None]],
) -> JsonObject:
    means = _means(one)
    summary = summarize(means)
    place, first = one.environment, one.runs[0]
    best = scales[place.label][2]
    own = [run.policy_value for run in one.runs if run.policy_value is not None]
    value = float(np.mean(own)) if len(own) == len(one.runs) else None
    gap = None if best is None else best - (summary.mean if value is None else value)
    return {
        "agent": one.agent,
        "label": one.algorithm,
        "env": place.label,
        "options": first.agent_options,
        **_without(first.settings, "horizon"),
        **{kind: _encoder(one, kind) for kind in ENCODERS},
        "seeds": [run.seed for run in one.runs],
        "steps": [run.steps for run in one.runs],
        "unit": unit(one.agent),
        "mean": summary.mean,
        "ci95": summary.ci95,
        "iqm": iqm(means),
        "iqm_ci95": bootstrap_ci(means) if len(means) > 1 else None,
        "optimum": best,
        "policy_value": value,
        "gap": gap,
        "normalized": float(normal[one.algorithm, place.label].mean()),
    }


def _environment_row(place: Environment, scales: tuple[float, float, float | None]) -> JsonObject:
    low, high, optimum = scales
    return {
        "label": place.label,
        "id": place.id,
        "options": place.options,
        "wrappers": list(place.wrappers),
        "horizon": place.horizon,
        "optimum": optimum,
        "zero": low,
        "one": high,
    }


def _aggregates(
    resampled: Mapping[str, tuple[list[str], BootstrapScores]],
    block: tuple[list[str], list[str]],
    rank: Sequence[str],
) -> list[JsonObject]:
    algorithms, environments = block
    if len(environments) < 2:
        return []
    rows, comparable = [], {*algorithms}
    for label in rank:
        if label in comparable:
            scores = _in_environments(resampled[label], environments)
            middle, mean = aggregate(scores, "iqm"), aggregate(scores, "mean")
            rows.append(
                {
                    "label": label,
                    "environments": environments,
                    "runs": sum(map(len, scores.strata)),
                    "iqm": middle.value,
                    "iqm_ci95": middle.ci95,
                    "mean": mean.value,
                    "ci95": mean.ci95,
                }
            )
    return rows


def _profiles(
    resampled: Mapping[str, tuple[list[str], BootstrapScores]],
    block: tuple[list[str], list[str]],
    rank: Sequence[str],
) -> JsonObject:
    comparable, environments = {*block[0]}, block[1]
    chosen = {
        label: _in_environments(resampled[label], environments) for label in rank if label in comparable
    }
    top = max([1.0, *(float(part.max()) for scores in chosen.values() for part in scores.strata)])
    taus = np.linspace(0.0, top, THRESHOLDS)
    curves = []
    for label, scores in chosen.items():
        band = performance_profile(scores, taus)
        curves.append({"label": label, "fraction": _list(band.middle), **_bounds(band)})
    return {"environments": environments, "taus": _list(taus), "curves": curves}


def _improvement(
    resampled: Mapping[str, tuple[list[str], BootstrapScores]], labels: Sequence[str]
) -> list[JsonObject]:
    """Every pair of algorithms once, the better-ranked first, over the environments in which both ran."""
    rows = []
    for i, x in enumerate(labels):
        for y in labels[i + 1 :]:
            shared = [place for place in resampled[x][0] if place in resampled[y][0]]
            if shared:
                found = probability_of_improvement(
                    _in_environments(resampled[x], shared), _in_environments(resampled[y], shared)
                )
                rows.append(
                    {
                        "x": x,
                        "y": y,
                        "probability": found.value,
                        "ci95": found.ci95,
                        "environments": len(shared),
                    }
                )
    return rows


def _curve_row(one: Group, generator: np.random.Generator) -> JsonObject:
    band = learning_curve([run.curve for run in one.runs], points=POINTS, generator=generator)
    longest = max((run.curve[0][-1] for run in one.runs if run.curve[0]), default=None)
    row = {
        "label": one.algorithm,
        "env": one.environment.label,
        "unit": unit(one.agent),
        "longest": longest,
    }
    if band is None:
        return {**row, "steps": [], "iqm": [], "low": None, "high": None}
    return {**row, "steps": [int(x) for x in band.x], "iqm": _list(band.middle), **_bounds(band)}


def _run_row(run: RunRecord, one: Group, normal: Mapping[tuple[str, str], Any]) -> JsonObject:
    scores = normal[one.algorithm, one.environment.label]
    return {
        "path": str(run.path),
        "label": one.algorithm,
        "agent": run.agent,
        "env": one.environment.label,
        "seed": run.seed,
        "status": "finished" if run.finished else "unfinished",
        "steps": run.steps,
        "total": run.total,
        "mean": run.mean,
        "normalized": float(scores[one.runs.index(run)]),
        "optimum": run.optimum,
        "policy_value": run.policy_value,
        "seconds": run.seconds,
        "options": run.agent_options,
        "env_options": run.env_options,
        **{kind: getattr(run, kind) for kind in ENCODERS},
    }


def _skipped_row(one: Skipped) -> JsonObject:
    run = one.record
    return {
        "path": str(one.path),
        "status": one.status,
        "reason": one.reason,
        "agent": run and run.agent,
        "env": run and run.env,
        "seed": run and run.seed,
    }


def _versions(records: Sequence[RunRecord]) -> dict[str, dict[str, int]]:
    """Versions of each distribution, with the number of runs of each version."""
    names = sorted(
        {name for run in records for name in run.versions}, key=lambda name: (name != "python", name)
    )
    return {
        name: dict(Counter(run.versions[name] for run in records if name in run.versions).most_common())
        for name in names
    }


def _span(times: Sequence[float]) -> list[float] | None:
    return [min(times), max(times)] if times else None


def _encoder(one: Group, kind: str) -> JsonObject | None:
    found: JsonObject | None = getattr(one.runs[0], kind)
    return found and {**_without(found, "start"), "fits": fits(one, kind)}


def _without(facts: JsonObject, key: str) -> JsonObject:
    return {name: value for name, value in facts.items() if name != key}


def _list(values: Any) -> list[float]:
    """Numbers of six significant digits, so that a page of a thousand curves stays small."""
    return [float(f"{value:.6g}") for value in values]


def _bounds(band: Band) -> JsonObject:
    bounds = {"low": band.low, "high": band.high}
    return {key: None if value is None else _list(value) for key, value in bounds.items()}
