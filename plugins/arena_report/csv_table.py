"""CSV table of runs: one row per run, one column per fact; unknown values are empty."""

from __future__ import annotations

import csv
import io

from arena_report.groups import ENCODERS
from arena_report.run_records import JsonObject, canonical

__all__ = ["table"]

#: First characters of a formula in a spreadsheet.
FORMULA = ("=", "+", "-", "@", "\t", "\r")

COLUMNS = (
    "path",
    "label",
    "agent",
    "env",
    "seed",
    "status",
    "steps",
    "total",
    "mean",
    "normalized",
    "optimum",
    "policy_value",
    "seconds",
)


def table(document: JsonObject) -> str:
    """CSV text of the runs that the report counts, with their options as ``agent.NAME`` and ``env.NAME``.

    Where encoders are compared, ``auc`` is the area under a run's learning curve, and ``encoder.NAME`` and
    ``novelty.NAME`` are the options of encoders and of their use.
    """
    rows = []
    areas = {
        (row["label"], row["env"], seed): area
        for row in document["encoders"]
        for seed, area in zip(row["seeds"], row["aucs"], strict=True)
    }
    for run in document["runs"]:
        options = {f"agent.{key}": value for key, value in run["options"].items()}
        options |= {f"env.{key}": value for key, value in run["env_options"].items()}
        options |= {key: value for kind in ENCODERS for key, value in _encoder(kind, run[kind]).items()}
        place = run["label"], run["env"], run["seed"]
        options |= {"auc": areas[place]} if place in areas else {}
        cells = {key: _cell(value) for key, value in options.items()}
        rows.append({**{key: run[key] for key in COLUMNS}, **cells})
    extra = sorted({key for row in rows for key in row} - {*COLUMNS})
    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *extra], restval="", lineterminator="\n")
    writer.writerow({column: _text(column) for column in (*COLUMNS, *extra)})
    writer.writerows({key: _text(value) for key, value in row.items()} for row in rows)
    return text.getvalue()


def _encoder(kind: str, encoder: JsonObject | None) -> JsonObject:
    if encoder is None:
        return {}
    start = encoder["start"] and f"{encoder['start']['run']}@{encoder['start']['step']}"
    used = {"mode": encoder["mode"], "loss_weight": encoder["loss_weight"], "fit": start}
    options = {f"{kind}.{key}": value for key, value in {**encoder["options"], **used}.items()}
    return {**options, kind: encoder["name"]}


def _cell(value: object) -> object:
    return canonical(value) if isinstance(value, list | dict | bool) else value


def _text(value: object) -> object:
    """Text with an apostrophe before it where a spreadsheet would take it for a formula; other values as they are.

    Source: OWASP, CSV Injection.
    """
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA) else value
