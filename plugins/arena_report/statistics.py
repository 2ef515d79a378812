"""Comparison of algorithms over environments: normalized scores, profiles, probability of improvement, curves.

Scores are given by environment, and intervals are percentile bootstrap intervals over seeds (see
`arena.statistics.bootstrap`); there is none where an environment has fewer than two seeds.

Source: Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice", sections 4.1 to
4.3.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from arena.errors import ArenaError
from arena.statistics.bootstrap import (
    CHUNK,
    BootstrapScores,
    ByEnvironment,
    Scores,
    interquartile_means,
    interval,
)

__all__ = [
    "Band",
    "Estimate",
    "aggregate",
    "learning_curve",
    "normalize",
    "performance_profile",
    "probability_of_improvement",
    "scale",
]

#: Minimum width of a scale relative to its top; a smaller difference is rounding.
NARROW = 1e-9


@dataclass(frozen=True)
class Estimate:
    """Estimate of a number with its 95 % interval, which is None where an environment has fewer than two seeds."""

    value: float
    ci95: tuple[float, float] | None


@dataclass(frozen=True)
class Band:
    """Curve with its pointwise 95 % confidence band.

    Attributes:
        x: thresholds or steps, shape (points,).
        middle: the curve, shape (points,).
        low: lower bound, shape (points,); None where an environment has fewer than two seeds.
        high: upper bound, like `low`.
    """

    x: Scores
    middle: Scores
    low: Scores | None
    high: Scores | None


def scale(scores: ArrayLike, optimum: float | None) -> tuple[float, float]:
    """Bounds by which an environment's scores are normalized.

    Args:
        scores: scores of all runs in the environment, of every algorithm.
        optimum: exact optimal return, or None if it is unknown.

    Returns:
        (low, high): low is the lowest score. High is the optimum, or the highest score if the optimum is unknown or
        no score is below it, since all normalized scores would then be equal.

    Example:
        >>> scale([0.8, 0.75], optimum=1.0), scale([0.8, 0.75], optimum=0.74)
        ((0.75, 1.0), (0.75, 0.8))
    """
    data = np.asarray(scores, dtype=np.float64)
    low, best = float(data.min()), float(data.max())
    return low, best if optimum is None or _narrow(low, optimum) else float(optimum)


def normalize(scores: ArrayLike, low: float, high: float) -> Scores:
    """Normalize scores so that `low` becomes 0 and `high` becomes 1: ``(score - low) / (high - low)``.

    A score above 1 is an evaluation that was luckier than the optimum's expectation. Where `high` does not exceed
    `low`, scores of at least `high` become 1 and the others 0.

    Example:
        >>> normalize([-100, -13, -56.5], low=-100, high=-13)
        array([0. , 1. , 0.5])
    """
    data = np.asarray(scores, dtype=np.float64)
    if _narrow(low, high):
        return np.where(data >= high - NARROW * max(1.0, abs(high)), 1.0, 0.0)
    return np.asarray((data - low) / (high - low))


def aggregate(scores: ByEnvironment, statistic: str = "iqm") -> Estimate:
    """Aggregate an algorithm's scores over all seeds and environments into one number.

    Args:
        scores: normalized scores by environment.
        statistic: ``"iqm"`` or ``"mean"``; see `BootstrapScores.aggregate`.

    Raises:
        ArenaError: no such statistic, or invalid scores.
    """
    data = BootstrapScores.from_scores(scores)
    value, values = data.aggregate(statistic)
    return Estimate(value, _bounds(values) if data.replicated else None)


def performance_profile(scores: ByEnvironment, taus: ArrayLike) -> Band:
    """Performance profile: the fraction of an algorithm's runs whose normalized score exceeds each threshold.

    ``F(tau) = mean over environments of the mean over seeds of 1[score > tau]``: the run-score distribution. If one
    curve is above another everywhere, its algorithm is better by every aggregate of the scores.

    Args:
        scores: normalized scores by environment.
        taus: the thresholds, shape (points,).

    Source: Agarwal et al. 2021, section 4.2, equation 1.

    Example:
        >>> performance_profile([[0.2, 0.8], [0.5, 0.5]], taus=[0.0, 0.4, 0.6]).middle
        array([1.  , 0.75, 0.25])
    """
    data = BootstrapScores.from_scores(scores)
    taus = np.asarray(taus, dtype=np.float64)
    exceeds = [(stratum[:, None] > taus).astype(np.float64) for stratum in data.strata]
    middle = np.mean([above.mean(axis=0) for above in exceeds], axis=0)
    if not data.replicated:
        return Band(taus, middle, None, None)
    low, high = interval(data.means(exceeds))
    return Band(taus, middle, low, high)


def probability_of_improvement(x: ByEnvironment, y: ByEnvironment) -> Estimate:
    """Probability that a run of one algorithm beats a run of another, in an environment drawn at random.

    In one environment it is ``mean over pairs of 1[x > y] + 1[x = y] / 2``, the Mann-Whitney U divided by the number
    of pairs; the result is the mean over environments. 0.5 means that neither is better.

    Args:
        x: scores of one algorithm by environment; normalized or not, since only their order counts.
        y: scores of the other algorithm, in the same environments.

    Raises:
        ArenaError: different numbers of environments or of resamples, or invalid scores.

    Source: Agarwal et al. 2021, section 4.3, equation 2.

    Example:
        >>> probability_of_improvement([[1, 2, 3]], [[0, 2]]).value
        0.75
    """
    generator = np.random.default_rng(0)
    x, y = (BootstrapScores.from_scores(scores, generator=generator) for scores in (x, y))
    if len(x.strata) != len(y.strata):
        raise ArenaError(
            f"one algorithm has scores in {len(x.strata)} environments, and the other in {len(y.strata)}",
            "give both in the same environments",
        )
    if len(x.drawn[0]) != len(y.drawn[0]):
        raise ArenaError(
            f"one algorithm has {len(x.drawn[0])} resamples, and the other {len(y.drawn[0])}",
            "draw the same number for both",
        )
    wins = [_wins(one, other) for one, other in zip(x.strata, y.strata, strict=True)]
    value = float(np.mean([table.mean() for table in wins]))
    if not (x.replicated and y.replicated):
        return Estimate(value, None)
    values = np.zeros(len(x.drawn[0]))
    for table, ours, theirs in zip(wins, x.counts, y.counts, strict=True):
        values += ((ours @ table) * theirs).sum(axis=1) / table.size
    return Estimate(value, _bounds(values / len(wins)))


def learning_curve(
    curves: Sequence[tuple[ArrayLike, ArrayLike]],
    *,
    points: int = 200,
    resamples: int = 1000,
    generator: np.random.Generator | int = 0,
) -> Band | None:
    """Learning curve: the interquartile mean over seeds at every step that all seeds have, with a band.

    A resample uses the same seeds at all points of the curve.

    Args:
        curves: steps and values of each seed, the steps increasing; values that are not finite are left out.
        points: maximum number of points, evenly spaced and including both ends.
        resamples: number of resamples for the band.
        generator: source of the resamples: a generator, which is advanced, or a seed.

    Returns:
        The curve, or None if the seeds have no step in common.
    """
    finite = [_finite(*curve) for curve in curves]
    common = functools.reduce(np.intersect1d, [steps for steps, _ in finite]) if finite else np.empty(0)
    if not len(common):
        return None
    if len(common) > points:
        common = common[np.unique(np.linspace(0, len(common) - 1, points).round().astype(int))]
    data = np.stack([values[np.searchsorted(steps, common)] for steps, values in finite])
    middle = interquartile_means(data[None])[0]
    seeds = len(data)
    if seeds < 2:
        return Band(common, middle, None, None)
    drawn = np.random.default_rng(generator).integers(seeds, size=(resamples, seeds))
    width = max(1, CHUNK // drawn.size)
    parts = [
        interval(interquartile_means(data[:, start : start + width][drawn]))
        for start in range(0, len(common), width)
    ]
    low, high = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    return Band(common, middle, low, high)


def _narrow(low: float, high: float) -> bool:
    return high - low <= NARROW * max(1.0, abs(high))


def _bounds(values: Scores) -> tuple[float, float]:
    low, high = interval(values)
    return float(low), float(high)


def _wins(x: Scores, y: Scores) -> Scores:
    """1 where x beats y, 1/2 where they tie; shapes (n,), (m,) -> (n, m)."""
    return np.asarray((np.sign(x[:, None] - y) + 1) / 2)


def _finite(steps: ArrayLike, values: ArrayLike) -> tuple[Scores, Scores]:
    x, y = np.asarray(steps, dtype=np.float64), np.asarray(values, dtype=np.float64)
    keep = np.isfinite(y)
    return x[keep], y[keep]
