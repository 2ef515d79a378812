"""Comparison of algorithms over environments: normalized scores, profiles, probability of improvement, curves.

Scores are given **by environment**: a sequence with one array of shape (seeds,) per environment; the numbers of
seeds may differ. The seed is the unit of resampling, and every environment is a stratum: its seeds are drawn with
replacement, separately from those of other environments (`arena.statistics.summary` gives the reason). Intervals are
percentile intervals; there is none where an environment has fewer than two seeds.

Source: R. Agarwal, M. Schwarzer, P. S. Castro, A. Courville, M. G. Bellemare, "Deep Reinforcement Learning at the
Edge of the Statistical Precipice", NeurIPS 2021 (https://arxiv.org/abs/2108.13264), sections 4.1 to 4.3.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.errors import ArenaError
from arena.statistics.summary import CHUNK, Scores, draw, interval, iqm_of_each

__all__ = [
    "Band",
    "BootstrapScores",
    "Estimate",
    "aggregate",
    "learning_curve",
    "normalize",
    "performance_profile",
    "probability_of_improvement",
    "scale",
]

#: Number of resamples of an interval; its ends then vary by about a thirtieth of its width.
RESAMPLES = 2000

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
        high: upper bound, shape (points,); None where an environment has fewer than two seeds.
    """

    x: Scores
    middle: Scores
    low: Scores | None
    high: Scores | None


class BootstrapScores:
    """Scores by environment with their bootstrap resamples, which many statistics share.

    Args:
        scores: scores by environment, or those of a single environment.
        resamples: number of resamples, at least 1.
        generator: source of the resamples: a generator, which is advanced, or a seed. Algorithms that are compared
            need independent resamples, and therefore share one generator.

    Attributes:
        strata: the scores of each environment, each of shape (seeds,).
        drawn: the indices of the seeds drawn in each environment, each of shape (resamples, seeds).

    Raises:
        ArenaError: no environment, one without scores, or a score that is not a finite number.
    """

    def __init__(
        self, scores: ByEnvironment, *, resamples: int = RESAMPLES, generator: np.random.Generator | int = 0
    ) -> None:
        if resamples < 1:
            raise ArenaError(f"resamples is {resamples}, which is less than 1", "give a positive number")
        generator = np.random.default_rng(generator)
        self.strata = _strata(scores)
        self.drawn = [draw(generator, resamples, len(stratum))[:, :, 0] for stratum in self.strata]

    @functools.cached_property
    def counts(self) -> list[Scores]:
        """Number of times that each resample drew each seed: shape (resamples, seeds) in each environment."""
        return [_counted(drawn) for drawn in self.drawn]

    @property
    def replicated(self) -> bool:
        """Whether every environment has at least two seeds, which resampling needs."""
        return all(len(stratum) > 1 for stratum in self.strata)

    def take(self, environments: Sequence[int]) -> BootstrapScores:
        """Scores and resamples of a subset of the environments, given by index."""
        part = object.__new__(BootstrapScores)
        part.strata = [self.strata[i] for i in environments]
        part.drawn = [self.drawn[i] for i in environments]
        part.counts = [self.counts[i] for i in environments]
        return part

    def like(self, scores: Sequence[ArrayLike]) -> BootstrapScores:
        """Other scores of the same seeds, with the same resamples."""
        other = object.__new__(BootstrapScores)
        other.strata, other.drawn, other.counts = _strata(scores), self.drawn, self.counts
        if [len(part) for part in other.strata] != [len(part) for part in self.strata]:
            raise ArenaError(
                "the scores are not of the same seeds", "give each environment the same number of scores"
            )
        return other


ByEnvironment: TypeAlias = "Sequence[ArrayLike] | Scores | BootstrapScores"


def scale(scores: ArrayLike, optimum: float | None) -> tuple[float, float]:
    """Bounds by which an environment's scores are normalized.

    Args:
        scores: scores of all runs in the environment, of every algorithm.
        optimum: the exact optimal return, or None where it is unknown.

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

    Args:
        scores: scores of any shape.
        low: the score that becomes 0.
        high: the score that becomes 1.

    Example:
        >>> normalize([-100, -13, -56.5], low=-100, high=-13)
        array([0. , 1. , 0.5])
    """
    data = np.asarray(scores, dtype=np.float64)
    if _narrow(low, high):
        return np.where(data >= high - NARROW * max(1.0, abs(high)), 1.0, 0.0)
    return np.asarray((data - low) / (high - low))


def aggregate(scores: ByEnvironment, statistic: str = "iqm", *, level: float = 0.95) -> Estimate:
    """Aggregate an algorithm's scores over all seeds and environments into one number.

    ``"mean"`` is the mean over environments of the mean over seeds. ``"iqm"`` is the interquartile mean of all runs
    together; with unequal numbers of seeds, the weight of an environment is then proportional to its seeds.

    Args:
        scores: normalized scores by environment.
        statistic: ``"iqm"`` or ``"mean"``.
        level: the interval's nominal coverage.

    Raises:
        ArenaError: no such statistic, or scores that `BootstrapScores` refuses.
    """
    data = _resampled(scores)
    if statistic == "mean":
        value = np.mean([stratum.mean() for stratum in data.strata])
        values = _over_environments(data, data.strata)
    elif statistic == "iqm":
        value = iqm_of_each(np.concatenate(data.strata)[None])[0]
        drawn = [stratum[index] for stratum, index in zip(data.strata, data.drawn, strict=True)]
        values = iqm_of_each(np.concatenate(drawn, axis=1))
    else:
        raise ArenaError(f"no statistic is called {statistic!r}", "use 'iqm' or 'mean'")
    return Estimate(float(value), _interval(values, level) if data.replicated else None)


def performance_profile(scores: ByEnvironment, taus: ArrayLike, *, level: float = 0.95) -> Band:
    """Performance profile: the fraction of an algorithm's runs whose normalized score exceeds each threshold.

    ``F(tau) = mean over environments of the mean over seeds of 1[score > tau]``: the run-score distribution. If one
    curve is above another everywhere, its algorithm is better by every aggregate of the scores.

    Args:
        scores: normalized scores by environment.
        taus: the thresholds, shape (points,).
        level: the band's nominal coverage, at each threshold separately.

    Source: Agarwal et al. 2021, section 4.2, equation 1.

    Example:
        >>> performance_profile([[0.2, 0.8], [0.5, 0.5]], taus=[0.0, 0.4, 0.6]).middle
        array([1.  , 0.75, 0.25])
    """
    data = _resampled(scores)
    taus = np.asarray(taus, dtype=np.float64)
    exceeds = [(stratum[:, None] > taus).astype(np.float64) for stratum in data.strata]
    middle = np.mean([above.mean(axis=0) for above in exceeds], axis=0)
    if not data.replicated:
        return Band(taus, middle, None, None)
    low, high = interval(_over_environments(data, exceeds), level)
    return Band(taus, middle, low, high)


def probability_of_improvement(x: ByEnvironment, y: ByEnvironment, *, level: float = 0.95) -> Estimate:
    """Probability that a run of one algorithm beats a run of another, in an environment drawn at random.

    In one environment it is ``mean over pairs of 1[x > y] + 1[x = y] / 2``, the Mann-Whitney U divided by the number
    of pairs; the result is the mean over environments. 0.5 means that neither is better.

    Args:
        x: scores of one algorithm by environment; normalized or not, since only their order counts.
        y: scores of the other algorithm, in the same environments.
        level: the interval's nominal coverage.

    Raises:
        ArenaError: different numbers of environments or of resamples, or scores that `BootstrapScores` refuses.

    Source: Agarwal et al. 2021, section 4.3, equation 2.

    Example:
        >>> probability_of_improvement([[1, 2, 3]], [[0, 2]]).value
        0.75
    """
    generator = np.random.default_rng(0)
    x, y = _resampled(x, generator), _resampled(y, generator)
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
    return Estimate(value, _interval(values / len(wins), level))


def learning_curve(
    curves: Sequence[tuple[ArrayLike, ArrayLike]],
    *,
    points: int = 200,
    resamples: int = 1000,
    generator: np.random.Generator | int = 0,
    level: float = 0.95,
) -> Band | None:
    """Learning curve: the interquartile mean over seeds at every step that all seeds have, with a band.

    Whole seeds are resampled: a resample uses the same seeds at all points of the curve.

    Args:
        curves: steps and values of each seed, the steps increasing; values that are not finite are left out.
        points: maximum number of points, evenly spaced and including both ends.
        resamples: number of resamples for the band.
        generator: source of the resamples: a generator, which is advanced, or a seed.
        level: the band's nominal coverage, at each step separately.

    Returns:
        The curve, or None if the seeds have no step in common.
    """
    finite = [_finite(*curve) for curve in curves]
    if not finite:
        return None
    common = functools.reduce(np.intersect1d, [steps for steps, _ in finite])
    if not len(common):
        return None
    if len(common) > points:
        common = common[np.unique(np.linspace(0, len(common) - 1, points).round().astype(int))]
    data = np.stack([values[np.searchsorted(steps, common)] for steps, values in finite])
    middle = iqm_of_each(data[None])[0]
    seeds = len(data)
    if seeds < 2:
        return Band(common, middle, None, None)
    drawn = draw(np.random.default_rng(generator), resamples, seeds)[:, :, 0]
    width = max(1, CHUNK // drawn.size)
    parts = [
        interval(iqm_of_each(data[:, start : start + width][drawn]), level)
        for start in range(0, len(common), width)
    ]
    low, high = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    return Band(common, middle, low, high)


def _narrow(low: float, high: float) -> bool:
    return high - low <= NARROW * max(1.0, abs(high))


def _resampled(scores: ByEnvironment, generator: np.random.Generator | int = 0) -> BootstrapScores:
    return scores if isinstance(scores, BootstrapScores) else BootstrapScores(scores, generator=generator)


def _strata(scores: ByEnvironment) -> list[Scores]:
    """The scores, checked: one array of shape (seeds,) per environment."""
    if isinstance(scores, BootstrapScores):
        return scores.strata
    try:
        parts = [np.asarray(part, dtype=np.float64) for part in scores]
    except (TypeError, ValueError):
        raise ArenaError("the scores are not numbers", "give one array per environment") from None
    if parts and all(part.ndim == 0 for part in parts):
        parts = [np.asarray(parts)]
    if not parts or any(part.ndim != 1 or not part.size for part in parts):
        raise ArenaError("an environment has no scores", "give each environment one number per seed")
    if not all(np.isfinite(part).all() for part in parts):
        raise ArenaError(
            "a score is not finite", "find out why that run diverged, or leave it out and report that"
        )
    return parts


def _counted(drawn: NDArray[np.int64]) -> Scores:
    """Number of times each seed was drawn: indices (resamples, seeds) -> counts (resamples, seeds)."""
    resamples, seeds = drawn.shape
    cells = (drawn + np.arange(resamples)[:, None] * seeds).ravel()
    return np.bincount(cells, minlength=resamples * seeds).reshape(resamples, seeds).astype(np.float64)


def _over_environments(data: BootstrapScores, values: Sequence[Scores]) -> Scores:
    """Each resample's mean over environments of the mean over seeds; values (seeds, …) -> (resamples, …)."""
    means = [count @ value / len(value) for count, value in zip(data.counts, values, strict=True)]
    return np.asarray(sum(means) / len(means))


def _interval(values: Scores, level: float) -> tuple[float, float]:
    low, high = interval(values, level)
    return float(low), float(high)


def _wins(x: Scores, y: Scores) -> Scores:
    """1 where x beats y, 1/2 where they tie; shapes (n,), (m,) -> (n, m)."""
    return np.asarray((np.sign(x[:, None] - y) + 1) / 2)


def _finite(steps: ArrayLike, values: ArrayLike) -> tuple[Scores, Scores]:
    x, y = np.asarray(steps, dtype=np.float64), np.asarray(values, dtype=np.float64)
    keep = np.isfinite(y)
    return x[keep], y[keep]
