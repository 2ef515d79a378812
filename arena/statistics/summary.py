"""Aggregate results over seeds: mean, interquartile mean, stratified bootstrap intervals.

The unit of resampling is the seed, not the episode. The question is how well the *algorithm* does when it is run
again, and a new run differs by its seed: initialization, exploration, order of the data. The episodes that
evaluate one trained agent share that agent, so they are not independent samples of the algorithm: a thousand of
them measure one seed precisely and give no information about the next. Resampling episodes would shrink the
interval with every additional evaluation episode, and so claim a false certainty about the algorithm. Each seed is
therefore first reduced to one number (the mean of its episodes), and all statistics vary over these numbers.

Source: R. Agarwal, M. Schwarzer, P. S. Castro, A. Courville, M. G. Bellemare, "Deep Reinforcement Learning at
the Edge of the Statistical Precipice", NeurIPS 2021 (https://arxiv.org/abs/2108.13264), and their library
rliable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.errors import ArenaError

__all__ = [
    "CHUNK",
    "Scores",
    "Statistic",
    "Summary",
    "bootstrap_ci",
    "draw",
    "interval",
    "iqm",
    "iqm_of_each",
    "mean",
    "summarize",
]

Scores: TypeAlias = NDArray[np.float64]
Statistic: TypeAlias = Literal["mean", "iqm"] | Callable[[Scores], float]

CHUNK = 1 << 20
"""Maximum number of values that one step of the bootstrap resamples at once (8 MiB)."""


@dataclass(frozen=True)
class Summary:
    """Summary statistics over the seeds of one experiment, in the unit of the returns."""

    mean: float
    """Mean over seeds, and over tasks if there are several."""
    iqm: float
    """Interquartile mean over seeds, and over tasks if there are several."""
    ci95: tuple[float, float] | None
    """95 % stratified bootstrap interval of the mean; None with fewer than two seeds."""
    seeds: int
    """Number of seeds."""


def mean(scores: ArrayLike) -> float:
    """Mean of all scores.

    Args:
        scores: shape (seeds,) or (seeds, tasks).

    Raises:
        ArenaError: no scores, another shape, or a score that is not a finite number.
    """
    return float(_mean(_checked(scores)[None])[0])


def iqm(scores: ArrayLike) -> float:
    """Interquartile mean (IQM): the mean without the lowest and the highest quarter of all scores.

    Of n scores, ``floor(n / 4)`` are removed at each end, as in ``scipy.stats.trim_mean(scores, 0.25,
    axis=None)``. The IQM is almost as robust as the median, and uses much more of the data.

    Args:
        scores: shape (seeds,) or (seeds, tasks); the quarters are those of all scores together.

    Raises:
        ArenaError: no scores, another shape, or a score that is not a finite number.

    Example:
        >>> iqm([0, 1, 2, 3, 100])
        2.0
    """
    return float(_iqm(_checked(scores)[None])[0])


def bootstrap_ci(
    scores: ArrayLike,
    statistic: Statistic = "iqm",
    level: float = 0.95,
    *,
    resamples: int = 10_000,
    generator: np.random.Generator | int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of a statistic, stratified by task, resampled over seeds.

    Each resample of n seeds draws n seeds with replacement, independently for every task. The interval is
    deterministic. With few seeds it is too narrow: for a mean by a factor ``sqrt(1 - 1/n)``, and because it has
    the tails of a normal instead of Student's distribution. With five normal seeds it covers 84 %, not 95 %.

    Args:
        scores: shape (seeds,) or (seeds, tasks), one number per seed and task.
        statistic: ``"iqm"``, ``"mean"``, or a function from an array shaped as `scores` (float64) to a
            number, which is called once per resample.
        level: the interval's nominal coverage, in (0, 1).
        resamples: number of resamples, at least 1.
        generator: source of the resamples: a generator, which is advanced, or a seed.

    Returns:
        (low, high) in the unit of the scores; (nan, nan) with fewer than two seeds, because one seed gives no
        information about the spread over seeds.

    Raises:
        ArenaError: no scores, another shape, a score that is not a finite number, an unknown statistic, or a
            level or number of resamples out of its range.

    Source: Agarwal et al. 2021, section 4; rliable's ``StratifiedBootstrap`` without resampling of tasks.
    """
    data = _checked(scores)
    if isinstance(statistic, str) and statistic not in _STATISTICS:
        raise ArenaError(f"no statistic is called {statistic!r}", "use 'iqm', 'mean' or a function")
    if not 0 < level < 1:
        raise ArenaError(
            f"the interval's level is {level}, which is not in (0, 1)", "give a level such as 0.95"
        )
    if resamples < 1:
        raise ArenaError(
            f"resamples is {resamples}, which is less than 1", "give a positive number, such as 10000"
        )
    seeds, tasks = data.shape
    if seeds < 2:
        return (float("nan"), float("nan"))
    generator = np.random.default_rng(generator)
    shape = np.shape(scores)
    values = np.empty(resamples)
    step = max(1, CHUNK // data.size)
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        drawn = draw(generator, count, seeds, tasks)
        samples = data[drawn, np.arange(tasks)]
        if isinstance(statistic, str):
            values[start : start + count] = _STATISTICS[statistic](samples)
        else:
            values[start : start + count] = [statistic(sample.reshape(shape)) for sample in samples]
    low, high = interval(values, level)
    return (float(low), float(high))


def draw(generator: np.random.Generator, resamples: int, seeds: int, tasks: int = 1) -> NDArray[np.int64]:
    """Draw the seeds of each resample with replacement, independently for every task.

    Args:
        generator: source of the draws, which is advanced.
        resamples: number of resamples.
        seeds: number of seeds to draw from; each resample has as many.
        tasks: number of tasks.

    Returns:
        Shape (resamples, seeds, tasks), integers in [0, seeds).
    """
    return generator.integers(seeds, size=(resamples, seeds, tasks))


def interval(values: Scores, level: float = 0.95) -> tuple[Scores, Scores]:
    """Percentile interval of resampled values.

    Args:
        values: the statistic of each resample, shape (resamples, …).
        level: the nominal coverage, in (0, 1).

    Returns:
        The two bounds, each of shape (…).
    """
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


def iqm_of_each(samples: Scores) -> Scores:
    """Interquartile mean of each resample, along the second axis; see `iqm`.

    Args:
        samples: shape (resamples, scores, …).

    Returns:
        Shape (resamples, …).
    """
    n = samples.shape[1]
    cut = n // 4
    if cut:
        samples = np.partition(samples, (cut, n - cut - 1), axis=1)[:, cut : n - cut]
    return np.asarray(samples.mean(axis=1))


def summarize(returns_per_seed: ArrayLike) -> Summary:
    """Summarize seeds by their mean, interquartile mean and 95 % interval of the mean.

    Args:
        returns_per_seed: shape (seeds,) or (seeds, tasks): each seed's mean return over its episodes.

    Raises:
        ArenaError: no seeds, another shape, or a return that is not a finite number.

    Example:
        >>> summarize([1.0, 2.0, 3.0]).mean
        2.0
    """
    data = _checked(returns_per_seed)
    interval = bootstrap_ci(data, "mean") if len(data) > 1 else None
    return Summary(mean=mean(data), iqm=iqm(data), ci95=interval, seeds=len(data))


def _checked(scores: ArrayLike) -> Scores:
    """The scores as float64 of shape (seeds, tasks)."""
    try:
        data = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArenaError(
            "the scores are not an array of numbers",
            "give one number per seed, and the same tasks for every seed",
        ) from None
    if data.ndim not in (1, 2):
        raise ArenaError(f"the scores have shape {data.shape}", "give shape (seeds,) or (seeds, tasks)")
    if data.size == 0:
        raise ArenaError("there are no scores", "give the scores of at least one seed")
    bad = np.argwhere(~np.isfinite(data))
    if len(bad):
        where = ", ".join(f"{axis} {i}" for axis, i in zip(("seed", "task"), bad[0], strict=False))
        raise ArenaError(
            f"{len(bad)} of {data.size} scores are not finite, the first ({data[tuple(bad[0])]}) at {where}",
            "find out why that run diverged, or leave it out and report that",
        )
    return data.reshape(len(data), -1)


def _mean(samples: Scores) -> Scores:
    """(resamples, seeds, tasks) -> (resamples,)."""
    return np.asarray(samples.mean(axis=(1, 2)))


def _iqm(samples: Scores) -> Scores:
    """(resamples, seeds, tasks) -> (resamples,)."""
    return iqm_of_each(samples.reshape(len(samples), -1))


_STATISTICS: dict[str, Callable[[Scores], Scores]] = {"iqm": _iqm, "mean": _mean}
