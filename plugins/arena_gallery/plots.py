"""Scatter plots of predicted numbers, and legends of scales."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from arena.palette import ACCENT, Colour, on_scale
from arena_gallery.cells import Caption, Cell, Legend, Scatter, one_colour

__all__ = ["PLOTS", "colour", "prediction_plots", "r2_text", "scale_legend"]

#: The largest number of predicted numbers with a plot.
MOST_PLOTTED = 8

#: The largest number of plots in a row.
PLOTS = 4

Array = npt.NDArray[Any]


def prediction_plots(name: str, predicted: Array, truth: Array) -> tuple[tuple[Cell, ...], float]:
    """Plots of predicted against true numbers, and the root mean square error of all."""
    outputs, targets = (values.reshape(len(values), -1).astype(np.float64) for values in (predicted, truth))
    spread = ((targets - targets.mean(0)) ** 2).sum(0)
    wrong = ((targets - outputs) ** 2).sum(0)
    r2 = 1 - np.divide(wrong, spread, out=np.full_like(wrong, np.nan), where=spread > 0)
    cells = tuple(
        Scatter(
            targets[:, number],
            outputs[:, number],
            one_colour(len(targets), ACCENT),
            Caption(r2_text(r2[number])),
            f"{name} {number + 1}" if targets.shape[1] > 1 else name,
            diagonal=True,
            ticks=True,
            side=250,
        )
        for number in range(min(MOST_PLOTTED, targets.shape[1]))
    )
    return cells, float(np.sqrt(((outputs - targets) ** 2).mean()))


def r2_text(r2: float) -> str:
    """Text of R²."""
    if np.isnan(r2):
        return "never changes"
    return f"R² {r2:.3f}" if r2 > -0.0005 else "R² below 0"


def scale_legend(title: str, values: Array) -> Legend:
    """Legend of a scale from the least value to the greatest."""
    low, high = float(values.min()), float(values.max())
    colours = on_scale(np.array([low, high]))
    return Legend(
        title, ((f"{low:.3g}", colour(colours[0])), (f"{high:.3g}", colour(colours[1]))), scale=True
    )


def colour(row: Array) -> Colour:
    """Colour of three bytes."""
    red, green, blue = row.tolist()
    return red, green, blue
