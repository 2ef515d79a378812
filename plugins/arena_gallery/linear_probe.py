"""Linear probe: how well labels are predicted from codes by ridge regression."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.config.validation import validated_count
from arena.errors import ArenaError

__all__ = ["Probe", "probe"]

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Probe:
    """Result of a linear probe: how well labels are predicted from codes.

    Attributes:
        r2: R² = 1 − Σ(y − ŷ)² / Σ(y − ȳ)² of held-out predictions, for each number of the label; NaN for a constant.
        mean: mean R² of the numbers that vary.
    """

    r2: tuple[float, ...]
    mean: float


def probe(
    codes: Array,
    truth: Array,
    *,
    held_out: tuple[Array, Array] | None = None,
    folds: int = 5,
    starts: Array | None = None,
    penalty: float = 1e-6,
) -> Probe:
    """Linear probe: predict labels from codes by ridge regression, evaluated on held-out rows.

        Ŵ = (ZᵀZ + λ n I)⁻¹ Zᵀ Y,   Z and Y centered, Z scaled to unit variance, over the n fitted rows

    Without `held_out` every row is held out once, in folds of consecutive rows.

    Args:
        codes: codes, shape (count, …); flattened.
        truth: label, numbers of shape (count, …) or (count,); flattened.
        held_out: other codes and labels, for evaluation only.
        folds: number of folds, without `held_out`.
        starts: the row of each episode's first frame, `Frames.starts`, so that no episode lies in two folds.
        penalty: λ > 0; the default only resolves collinear codes. Use a larger value if there are hardly more rows
            than numbers in a code.

    Raises:
        ArenaError: too few rows or episodes, unequal lengths, or a constant label.

    Source: Alain & Bengio 2017, "Understanding intermediate layers using linear classifier probes"; Hastie,
    Tibshirani & Friedman 2009, section 3.4.1, for ridge regression.
    """
    if not penalty > 0:
        raise ArenaError(f"penalty is {penalty!r}", "give a number above 0")
    z, y = _pair(codes, truth)
    if held_out is not None:
        test_z, test_y = _pair(*held_out)
        if test_z.shape[1] != z.shape[1] or test_y.shape[1] != y.shape[1]:
            problem = "held-out codes or labels have another shape than fitted ones"
            raise ArenaError(problem, "give codes and labels of the same shapes")
        return _scored(test_y, _ridge(z, y, test_z, penalty))
    predicted = np.empty_like(y)
    for low, high in itertools.pairwise(_edges(len(z), folds, starts)):
        fitted = np.r_[0:low, high : len(z)]
        predicted[low:high] = _ridge(z[fitted], y[fitted], z[low:high], penalty)
    return _scored(y, predicted)


def _pair(codes: Array, truth: Array) -> tuple[Float, Float]:
    z, y = _flat("codes", codes), _flat("truth", truth)
    if len(z) != len(y):
        raise ArenaError(f"there are {len(z):,} codes and {len(y):,} labels", "give one label for each code")
    return z, y


def _scored(y: Float, predicted: Float) -> Probe:
    spread = ((y - y.mean(0)) ** 2).sum(0)
    varies = spread > 1e-12 * np.maximum(1.0, (y**2).sum(0))
    if not varies.any():
        raise ArenaError("the label is constant, so that a probe has nothing to predict", "use other frames")
    residual = ((y - predicted) ** 2).sum(0)
    r2 = np.where(varies, 1 - residual / np.where(varies, spread, 1.0), np.nan)
    return Probe(tuple(map(float, r2)), float(r2[varies].mean()))


def _ridge(z: Float, y: Float, test_z: Float, penalty: float) -> Float:
    center, scale = z.mean(0), z.std(0)
    # Constant numbers carry no information.
    scale = np.where(scale > 1e-12 * np.maximum(1.0, np.abs(center)), scale, np.inf)
    white, middle = (z - center) / scale, y.mean(0)
    ridge = penalty * len(z)
    if z.shape[1] <= len(z):
        weights = np.linalg.solve(white.T @ white + ridge * np.eye(z.shape[1]), white.T @ (y - middle))
    else:  # equal, by (ZᵀZ + r I)⁻¹ Zᵀ = Zᵀ (Z Zᵀ + r I)⁻¹, which is smaller here
        weights = white.T @ np.linalg.solve(white @ white.T + ridge * np.eye(len(z)), y - middle)
    predicted: Float = (test_z - center) / scale @ weights + middle
    return predicted


def _edges(count: int, folds: int, starts: Array | None) -> Sequence[int]:
    """Start of each fold, and end of the last one."""
    units = np.arange(count) if starts is None else np.asarray(starts)
    what = "rows" if starts is None else "episodes"
    if validated_count("folds", folds) < 2 or folds > len(units):
        problem = f"{len(units):,} {what} cannot be split into {folds:,} folds"
        raise ArenaError(problem, f"give 2 to {max(2, len(units)):,} folds")
    first = [round(fold * len(units) / folds) for fold in range(1, folds)]
    return [0, *map(int, units[first]), count]


def _flat(name: str, values: Array) -> Float:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0 or not len(array):
        raise ArenaError(f"{name} has no rows", "give one row for each frame")
    if not np.isfinite(array).all():
        raise ArenaError(f"{name} has numbers that are not finite", "check the encoder and the frames")
    return array.reshape(len(array), -1)
