"""The runs as a table for other tools: a row a run, a column a fact, empty where something is unknown."""

from __future__ import annotations

import csv
import io

from arena.report.data import Facts, canonical

__all__ = ["table"]

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
    "normalised",
    "optimum",
    "policy_value",
    "seconds",
)


def table(document: Facts) -> str:
    """The runs that the report counts, and behind them their options as ``agent.NAME`` and ``env.NAME``."""
    rows = []
    for run in document["runs"]:
        options = {f"agent.{key}": value for key, value in run["options"].items()}
        options |= {f"env.{key}": value for key, value in run["env_options"].items()}
        cells = {key: _cell(value) for key, value in options.items()}
        rows.append({**{key: run[key] for key in COLUMNS}, **cells})
    extra = sorted({key for row in rows for key in row} - {*COLUMNS})
    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *extra], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _cell(value: object) -> object:
    return canonical(value) if isinstance(value, list | dict | bool) else value
