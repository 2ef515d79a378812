"""Rows of the page's tables: returns, aggregates, encoders, probability of improvement, agents by environments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from arena.results.text import format_count
from arena_report.formatting import UNKNOWN, Interval, Write, decimals, interval, minus
from arena_report.run_records import JsonObject

__all__ = ["aggregates", "encoders", "improvement", "matrix", "returns"]

#: Number of algorithms above which the columns of the pairwise table are numbered instead of named, and the most
#: algorithms in that table.
MOST_NAMED, MOST_PAIRED = 7, 24


def returns(document: JsonObject, place: JsonObject) -> list[JsonObject]:
    """Returns of every algorithm in one environment, the best first."""
    rows = [row for row in document["groups"] if row["env"] == place["label"]]
    rows.sort(key=lambda row: (-row["iqm"], -row["mean"]))
    numbers = _numbers(rows, "iqm", "mean")
    write = decimals(numbers, also=[place["optimum"], *(row["gap"] for row in rows)])
    ends = _span([*numbers, *([] if place["optimum"] is None else [place["optimum"]])])
    return [
        {
            **_estimates(row, ("iqm", "mean"), (write, write), ends, place["optimum"]),
            "optimum": write(row["optimum"]),
            "gap": write(row["gap"]),
            "seeds": f"{len(row['seeds']):,}",
            "steps": _steps(row),
        }
        for row in rows
    ]


def aggregates(document: JsonObject) -> list[JsonObject]:
    """Normalized scores of every algorithm over several environments."""
    rows = document["aggregate"]
    ends = _span([0.0, 1.0, *_numbers(rows, "iqm")])
    return [
        {
            **_estimates(row, ("iqm", "mean"), (_thousandths, _thousandths), ends, 1.0),
            "runs": f"{row['runs']:,}",
        }
        for row in rows
    ]


def encoders(rows: Sequence[JsonObject]) -> list[JsonObject]:
    """Area under the learning curve and final return with each encoder, in one environment."""
    areas = _numbers(rows, "auc")
    ends = _span(areas)
    writes = decimals(areas), decimals(_numbers(rows, "iqm"))
    return [
        {
            **_estimates(row, ("auc", "iqm"), writes, ends, None),
            "improvement": _hundredths(row["improvement"]),
            "improvement_interval": interval(row["improvement_ci95"], _hundredths),
            "seeds": f"{len(row['seeds']):,}",
        }
        for row in rows
    ]


def improvement(document: JsonObject) -> JsonObject:
    """P(row > column) of every pair: the columns, and a row of cells for each algorithm."""
    pairs: dict[tuple[str, str], tuple[float, Interval]] = {}
    for row in document["improvement"]:
        value, bounds = row["probability"], row["ci95"]
        pairs[row["x"], row["y"]] = value, bounds
        pairs[row["y"], row["x"]] = 1 - value, bounds and (1 - bounds[1], 1 - bounds[0])
    labels = [one["label"] for one in document["algorithms"]][:MOST_PAIRED]
    numbered = len(labels) > MOST_NAMED
    return {
        "numbered": numbered,
        "columns": [(i if numbered else label, "cell") for i, label in enumerate(labels, 1)],
        "rows": [{"label": x, "cells": [_pair(x, y, pairs.get((x, y))) for y in labels]} for x in labels],
    }


def matrix(document: JsonObject) -> JsonObject:
    """Mean return of every algorithm in every environment: the columns, and a row of cells for each algorithm."""
    groups = {(row["label"], row["env"]): row for row in document["groups"]}
    labels = [one["label"] for one in document["algorithms"]]
    columns, cells = [], []
    for place in document["environments"]:
        env, optimum = place["label"], place["optimum"]
        known = "optimum unknown" if optimum is None else f"optimum {decimals([optimum])(optimum)}"
        columns.append((env, "cell", known))
        found = [groups.get((label, env)) for label in labels]
        write = decimals(row["mean"] for row in found if row)
        cells.append([_mean(row, write) for row in found])
    rows = [{"label": x, "cells": row} for x, *row in zip(labels, *cells, strict=True)]
    return {"columns": columns, "rows": rows}


def _estimates(
    row: JsonObject,
    keys: tuple[str, str],
    writes: tuple[Write, Write],
    ends: tuple[float, float],
    best: float | None,
) -> JsonObject:
    """Two estimates with their intervals as texts, and the first as a drawing."""
    (first, second), (write_first, write_second) = keys, writes
    return {
        "label": row["label"],
        "first": write_first(row[first]),
        "first_interval": interval(_bounds(row, first), write_first),
        "whisker": _whisker(row[first], _bounds(row, first), best, ends),
        "second": write_second(row[second]),
        "second_interval": interval(_bounds(row, second), write_second),
    }


def _bounds(row: JsonObject, key: str) -> Interval:
    bounds: Interval = row["ci95" if key == "mean" else f"{key}_ci95"]
    return bounds


def _numbers(rows: Iterable[JsonObject], *keys: str) -> list[float]:
    """Estimates and the ends of their intervals, where they are known."""
    several = [[row[key], *(_bounds(row, key) or ())] for row in rows for key in keys]
    return [value for values in several for value in values if value is not None]


def _span(numbers: Sequence[float]) -> tuple[float, float]:
    """The ends of a table's scale, computed once for all of its rows."""
    return min(numbers, default=0.0), max(numbers, default=0.0)


def _whisker(
    value: float | None, bounds: Interval, best: float | None, ends: tuple[float, float]
) -> JsonObject | None:
    """Horizontal positions of a number, its interval and the optimum, on one scale for all rows of a table."""
    if value is None:
        return None
    low, high = ends

    def position(x: float) -> str:
        return f"{4 + 112 * (0.5 if high - low < 1e-12 else (x - low) / (high - low)):.1f}"

    return {
        "value": position(value),
        "bounds": bounds and [position(bound) for bound in bounds],
        "best": best if best is None else position(best),
    }


def _pair(x: str, y: str, found: tuple[float, Interval] | None) -> JsonObject:
    if x == y or found is None:
        return {"text": "" if x == y else UNKNOWN, "tint": "none"}
    value, bounds = found
    between = "" if bounds is None else f"{bounds[0]:.2f}–{bounds[1]:.2f}"
    return {
        "text": f"{value:.2f}",
        "interval": between,
        "tint": "cool" if value >= 0.5 else "warm",
        "strength": f"{abs(value - 0.5) * 2:.3f}",
        "title": f"P({x} > {y}) {between}".rstrip(),
    }


def _mean(row: JsonObject | None, write: Write) -> JsonObject:
    if row is None:
        return {"text": UNKNOWN, "tint": "none"}
    return {
        "text": write(row["mean"]),
        "tint": "warm",
        "strength": f"{min(max(1 - row['normalized'], 0.0), 1.0):.3f}",
        "title": f"normalized {row['normalized']:.3f}",
    }


def _hundredths(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2f}"


def _thousandths(value: float | None) -> str:
    return UNKNOWN if value is None else minus(f"{value:.3f}")


def _steps(row: Mapping[str, Any]) -> str:
    low, high = min(row["steps"]), max(row["steps"])
    span = f"{low:,}" if low == high else f"{format_count(low)}–{format_count(high)}"
    return span if row["unit"] == "step" else f"{span} {row['unit']}s"
