"""Results of the runs of one experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from arena.experiments.labels import labels
from arena.experiments.training_spec import TrainingSpec
from arena.results.text import (
    UNKNOWN,
    aligned,
    format_count,
    format_duration,
    format_interval,
    format_number,
)
from arena.runs.run import Run
from arena.statistics.summary import summarize

__all__ = ["Results", "heading", "results_text", "summary_cells"]

#: Columns of the table for a notebook, at most.
WIDTH = 100


@dataclass(frozen=True)
class Results:
    """Results of the runs of one experiment.

    Attributes:
        spec: the experiment or the fit.
        runs: one dict for each seed: path, seed, steps, seconds, and the evaluation's returns and mean.
        summary: mean, iqm, ci95, optimum, policy_value and gap; None if unknown. Seeds are resampled. The gap is the
            optimum minus the mean exact value of the policies or, if unknown, minus the mean return.
    """

    spec: TrainingSpec
    runs: list[dict[str, Any]]
    summary: dict[str, Any]

    @classmethod
    def from_runs(
        cls, spec: TrainingSpec, runs: Sequence[Run], results: Sequence[Mapping[str, Any]]
    ) -> Results:
        """Collect the results of the runs of an experiment or a fit."""
        rows = [
            {
                "path": str(run.folder),
                "seed": run.seed,
                "steps": result["steps"],
                "seconds": run.seconds,
                "evaluation": result["evaluation"],
            }
            for run, result in zip(runs, results, strict=True)
        ]
        return cls(spec, rows, _summary(results))

    def to_dict(self) -> dict[str, Any]:
        """Convert to the object that ``arena train --json`` prints."""
        return {"experiment": self.spec.to_dict(), "runs": self.runs, "summary": self.summary}

    def __repr__(self) -> str:
        return results_text(self)


def _summary(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    summary = summarize([result["evaluation"]["mean"] for result in results])
    best = results[0]["optimum"]
    own = [result["policy_value"] for result in results]
    value = None if None in own else float(np.mean(own))
    return {
        "mean": summary.mean,
        "iqm": summary.iqm,
        "ci95": None if summary.ci95 is None else list(summary.ci95),
        "optimum": best,
        "policy_value": value,
        "gap": None if best is None else best - (summary.mean if value is None else value),
    }


def results_text(results: Results) -> str:
    """Format results as a heading, one row of numbers under their names, and the run folders; at most 100 columns.

    Example:
        ::

            q-learning on arena/CliffWalk-v0 · 5 seeds
            return  95 % interval      IQM  optimum  policy value  gap    steps  time   steps/s
               -13  [-13, -13]         -13      -13           -13    0  100,000  0.1 s    4.2 M
    """
    cells = summary_cells(results)
    lines = aligned([*zip(*cells, strict=True)], range(len(cells)))
    folders = [str(row["path"]) for row in results.runs]
    shown = folders if len(folders) <= 3 else [*folders[:2], f"and {len(folders) - 2} more"]
    return "\n".join(_cut(text) for text in [heading(results), *lines, *shown])


def heading(results: Results) -> str:
    """Format in one line what was run: agent, environment, wrappers and number of seeds."""
    spec = results.spec
    seeds = len(results.runs)
    wrapped = f" in {', '.join(spec.wrappers)}" if spec.wrappers else ""
    [label] = labels([spec])
    return f"{label.agent} on {spec.source}{wrapped} · {seeds} seed{'s' * (seeds != 1)}"


def summary_cells(results: Results) -> list[tuple[str, str]]:
    """Make the cells of the table's single row: each column's name and text."""
    summary = results.summary
    interval = summary["ci95"]
    steps = sum(row["steps"] for row in results.runs)
    seconds = sum(row["seconds"] for row in results.runs)
    unit = f"{results.spec.plugin.unit}s"
    pace = [
        (unit, _span([row["steps"] for row in results.runs])),
        ("time", format_duration(seconds)),
        (f"{unit}/s", format_count(steps / seconds) if seconds > 0 else UNKNOWN),
    ]
    if unit == "updates":
        return [
            ("held-out loss", format_number(-summary["mean"])),
            ("95 % CI", format_interval(interval and [-bound for bound in interval])),
            *pace,
        ]
    return [
        ("return", format_number(summary["mean"])),
        ("95 % CI", format_interval(interval)),
        ("IQM", format_number(summary["iqm"])),
        ("optimum", format_number(summary["optimum"])),
        ("policy value", format_number(summary["policy_value"])),
        ("gap", format_number(summary["gap"])),
        *pace,
    ]


def _span(steps: Sequence[int]) -> str:
    low, high = min(steps), max(steps)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
