"""The tables of the page: returns, aggregates, probability of improvement, agents by environments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from arena.results.text import format_count
from arena_report.html import COLOURS, UNKNOWN, decimals, escaped, named, table, tag
from arena_report.run_records import JsonObject

__all__ = ["aggregates", "encoders", "improvement", "matrix", "returns"]

#: From so many algorithms on, the columns of the pairwise table are numbered and not named; the page has no more.
MOST_NAMED, MOST_PAIRED = 7, 24

#: Rows beyond which a table scrolls.
MOST_ROWS = 25

Interval = Sequence[float] | None
Write = Callable[[float | None], str]


def returns(document: JsonObject, place: JsonObject, index: Mapping[str, int]) -> str:
    """What every algorithm achieved in one environment, the best there first."""
    rows = [row for row in document["groups"] if row["env"] == place["label"]]
    rows.sort(key=lambda row: (-row["iqm"], -row["mean"]))
    bounds = [bound for row in rows for bound in [*(row["iqm_ci95"] or ()), *(row["ci95"] or ())]]
    numbers = [row[key] for row in rows for key in ("iqm", "mean")]
    write = decimals([*numbers, *bounds], also=[place["optimum"], *(row["gap"] for row in rows)])
    ends = [*numbers, *bounds, *([] if place["optimum"] is None else [place["optimum"]])]
    columns = [
        ("Algorithm", "name"),
        ("IQM", "n"),
        ("95 % CI", "n quiet ci"),
        ("", "whisker"),
        ("Mean", "n"),
        ("95 % CI", "n quiet ci"),
        ("Optimum", "n"),
        ("Gap", "n"),
        ("Seeds", "n"),
        ("Steps", "n"),
    ]
    cells = [
        [
            named(row["label"], index),
            write(row["iqm"]),
            _interval(row["iqm_ci95"], write),
            _whisker(row["iqm"], row["iqm_ci95"], place["optimum"], ends, index[row["label"]]),
            write(row["mean"]),
            _interval(row["ci95"], write),
            write(row["optimum"]),
            write(row["gap"]),
            f"{len(row['seeds']):,}",
            _steps(row),
        ]
        for row in rows
    ]
    return table(columns, cells, "aligned tall" if len(rows) > MOST_ROWS else "aligned")


def aggregates(document: JsonObject, index: Mapping[str, int]) -> str:
    """What every algorithm achieved over environments, on the normalised scale."""
    rows = document["aggregate"]
    ends = [0.0, 1.0, *(row["iqm"] for row in rows), *(b for row in rows for b in row["iqm_ci95"] or ())]

    def write(value: float | None) -> str:
        return UNKNOWN if value is None else f"{value:.3f}".replace("-", "−")

    columns = [
        ("Algorithm", "name"),
        ("IQM", "n"),
        ("95 % CI", "n quiet ci"),
        ("", "whisker"),
        ("Mean", "n"),
        ("95 % CI", "n quiet ci"),
        ("Runs", "n"),
    ]
    cells = [
        [
            named(row["label"], index),
            write(row["iqm"]),
            _interval(row["iqm_ci95"], write),
            _whisker(row["iqm"], row["iqm_ci95"], 1.0, ends, index[row["label"]]),
            write(row["mean"]),
            _interval(row["ci95"], write),
            f"{row['runs']:,}",
        ]
        for row in rows
    ]
    return table(columns, cells, "aligned tall" if len(rows) > MOST_ROWS else "aligned")


def encoders(rows: Sequence[JsonObject], index: Mapping[str, int]) -> str:
    """What one environment's agents achieved with each encoder, and how soon; each agent without one first."""
    finals = [bound for row in rows for bound in [row["iqm"], *(row["iqm_ci95"] or ())]]
    areas = [bound for row in rows for bound in [row["auc"], *(row["auc_ci95"] or ())] if bound is not None]
    write, final = decimals(areas), decimals(finals)
    columns = [
        ("Algorithm", "name"),
        ("Area", "n"),
        ("95 % CI", "n quiet ci"),
        ("", "whisker"),
        ("Final", "n"),
        ("95 % CI", "n quiet ci"),
        ("P(&gt; none)", "n"),
        ("95 % CI", "n quiet ci"),
        ("Seeds", "n"),
    ]
    cells = [
        [
            named(row["label"], index),
            write(row["auc"]),
            _interval(row["auc_ci95"], write),
            ""
            if row["auc"] is None
            else _whisker(row["auc"], row["auc_ci95"], None, areas, index[row["label"]]),
            final(row["iqm"]),
            _interval(row["iqm_ci95"], final),
            _probability(row["improvement"]),
            _interval(row["improvement_ci95"], _probability),
            f"{len(row['seeds']):,}",
        ]
        for row in rows
    ]
    return table(columns, cells, "aligned tall" if len(rows) > MOST_ROWS else "aligned")


def improvement(document: JsonObject, index: Mapping[str, int]) -> str:
    """P(row beats column) for every pair."""
    pairs: dict[tuple[str, str], tuple[float, Interval]] = {}
    for row in document["improvement"]:
        value, bounds = row["probability"], row["ci95"]
        pairs[row["x"], row["y"]] = value, bounds
        pairs[row["y"], row["x"]] = 1 - value, bounds and (1 - bounds[1], 1 - bounds[0])
    labels = [one["label"] for one in document["algorithms"]][:MOST_PAIRED]
    numbered = len(labels) > MOST_NAMED
    heads = [str(i) if numbered else escaped(label) for i, label in enumerate(labels, 1)]
    columns = [("P(row &gt; column)", "name"), *((head, "cell") for head in heads)]
    rows = []
    for i, x in enumerate(labels, 1):
        head = named(x, index, tag("span", str(i), class_="number") if numbered else "")
        rows.append([head, *(_pair(x, y, pairs.get((x, y)), brief=numbered) for y in labels)])
    return table(columns, rows, "grid many" if numbered else "grid")


def matrix(document: JsonObject, index: Mapping[str, int]) -> str:
    """The mean return of every algorithm in every environment, tinted by how far it is from the optimum."""
    cells = {(row["label"], row["env"]): row for row in document["groups"]}
    places = document["environments"]
    labels = [one["label"] for one in document["algorithms"]]
    writes = {}
    for place in places:
        means = [cells[label, place["label"]]["mean"] for label in labels if (label, place["label"]) in cells]
        writes[place["label"]] = decimals(means)
    columns = [("Algorithm", "name"), *((_place_head(place), "cell") for place in places)]
    rows = [
        [
            named(label, index),
            *(_mean(cells.get((label, place["label"])), writes[place["label"]]) for place in places),
        ]
        for label in labels
    ]
    return table(columns, rows, "grid tall")


def _place_head(place: JsonObject) -> str:
    optimum = place["optimum"]
    known = "optimum unknown" if optimum is None else f"optimum {decimals([optimum])(optimum)}"
    return escaped(place["label"]) + tag("small", known)


def _mean(row: JsonObject | None, write: Write) -> str:
    if row is None:
        return tag("td", UNKNOWN, class_="cell none")
    gap = min(max(1 - row["normalised"], 0.0), 1.0)
    return tag(
        "td",
        write(row["mean"]),
        class_="cell warm",
        style=f"--v:{gap:.3f}",
        title=f"normalised {row['normalised']:.3f}",
    )


def _pair(x: str, y: str, found: tuple[float, Interval] | None, *, brief: bool) -> str:
    if x == y or found is None:
        return tag("td", "" if x == y else UNKNOWN, class_="cell none")
    value, bounds = found
    between = "" if bounds is None else f"{bounds[0]:.2f}–{bounds[1]:.2f}"
    return tag(
        "td",
        f"{value:.2f}" + (tag("small", between) if between and not brief else ""),
        class_=f"cell {'cool' if value >= 0.5 else 'warm'}",
        style=f"--v:{abs(value - 0.5) * 2:.3f}",
        title=f"P({x} > {y}) {between}".rstrip(),
    )


def _probability(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2f}"


def _interval(bounds: Interval, write: Write) -> str:
    return UNKNOWN if bounds is None else f"[{write(bounds[0])}, {write(bounds[1])}]"


def _steps(row: Mapping[str, Any]) -> str:
    low, high = min(row["steps"]), max(row["steps"])
    span = f"{low:,}" if low == high else f"{format_count(low)}–{format_count(high)}"
    return span if row["unit"] == "step" else f"{span} {row['unit']}s"


def _whisker(
    value: float, bounds: Interval, best: float | None, ends: Sequence[float], algorithm: int
) -> str:
    """A number and its interval as a dot with whiskers, on the scale that the rows of a table share."""
    low, high = min(ends), max(ends)

    def at(x: float) -> str:
        return f"{4 + 112 * (0.5 if high - low < 1e-12 else (x - low) / (high - low)):.1f}"

    parts = []
    if best is not None:
        parts.append(tag("line", x1=at(best), x2=at(best), y1="1", y2="15", class_="best"))
    colour = COLOURS[algorithm % len(COLOURS)]
    if bounds is not None:
        parts.append(tag("line", x1=at(bounds[0]), x2=at(bounds[1]), y1="8", y2="8", stroke=colour))
    parts.append(tag("circle", cx=at(value), cy="8", r="3", fill=colour))
    return tag("svg", *parts, class_="interval", viewBox="0 0 120 16", aria_hidden="true")
