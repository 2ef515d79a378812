"""Aggregate results over seeds: mean, interquartile mean, stratified bootstrap intervals.

Why seeds and not episodes are the unit: the question is what the *algorithm* achieves when it is run again,
and what varies then is the seed: initialisation, exploration, the order of the data. The episodes that
evaluate one trained agent share that agent, so they are not independent draws of the algorithm: a thousand of
them measure one seed precisely and say nothing about the next. Resampling episodes would shrink the interval
with every further evaluation episode, towards a certainty about the algorithm that nobody has. So each seed
is first reduced to one number (the mean of its episodes), and everything here varies over those numbers.

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
    "summarise",
]

Scores: TypeAlias = NDArray[np.float64]
Statistic: TypeAlias = Literal["mean", "iqm"] | Callable[[Scores], float]

CHUNK = 1 << 20
"""Most numbers that one step of the bootstrap resamples at once (8 MiB)."""


@dataclass(frozen=True)
class Summary:
    """What several seeds of one experiment achieved, in the unit of the returns."""

    mean: float
    """The mean over seeds, and over tasks if there are several."""
    iqm: float
    """The interquartile mean over the same numbers."""
    ci95: tuple[float, float] | None
    """The 95 % stratified bootstrap interval of the mean; None with fewer than two seeds."""
    seeds: int
    """How many seeds there are."""


def mean(scores: ArrayLike) -> float:
    """The mean of all scores.

    Args:
        scores: shape (seeds,) or (seeds, tasks).

    Raises:
        ArenaError: no scores, another shape, or a score that is not a finite number.
    """
    return float(_mean(_checked(scores)[None])[0])


def iqm(scores: ArrayLike) -> float:
    """The interquartile mean: the mean without the lowest and the highest quarter of all scores.

    Of n scores, ``floor(n / 4)`` fall away at each end, as in ``scipy.stats.trim_mean(scores, 0.25,
    axis=None)``. It is as robust as the median almost, and wastes far less of the data.

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
    """The percentile interval of a statistic, by the stratified bootstrap over seeds.

    Each resample draws, within every task independently, as many seeds as there are with replacement. The
    interval is deterministic. With a handful of seeds it is too narrow (that of a mean by ``sqrt(1 - 1/n)``,
    and by a normal's lighter tails where Student's are due): of five normal seeds it covers 84 %, not 95 %.

    Args:
        scores: shape (seeds,) or (seeds, tasks), one number a seed and task.
        statistic: ``"iqm"``, ``"mean"``, or a function from an array shaped as `scores` (float64) to a
            number, which is called once a resample.
        level: the interval's nominal coverage, in (0, 1).
        resamples: how many resamples to draw.
        generator: where the resamples come from: a generator, which is advanced, or a seed.

    Returns:
        (low, high) in the unit of the scores; (nan, nan) with fewer than two seeds, because one seed says
        nothing of the next and a point would claim certainty.

    Raises:
        ArenaError: no scores, another shape, a score that is not a finite number, or a statistic, a level or
            a number of resamples that does not exist.

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
    """Which seeds each resample holds: as many as there are, with replacement, in every task for itself.

    Args:
        generator: is advanced.
        resamples: how many.
        seeds: how many there are to draw from.
        tasks: how many there are.

    Returns:
        Shape (resamples, seeds, tasks), integers in [0, seeds).
    """
    return generator.integers(seeds, size=(resamples, seeds, tasks))


def interval(values: Scores, level: float = 0.95) -> tuple[Scores, Scores]:
    """The percentile interval of whatever resampling gave.

    Args:
        values: shape (resamples, …).
        level: the nominal coverage, in (0, 1).

    Returns:
        The two bounds, each of shape (…).
    """
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


def iqm_of_each(samples: Scores) -> Scores:
    """The interquartile means along the second axis, as `iqm` has them.

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


def summarise(returns_per_seed: ArrayLike) -> Summary:
    """Mean, interquartile mean and the mean's 95 % interval over seeds.

    Args:
        returns_per_seed: shape (seeds,) or (seeds, tasks): each seed's mean return over its episodes.

    Raises:
        ArenaError: no seeds, another shape, or a return that is not a finite number.

    Example:
        >>> summarise([1.0, 2.0, 3.0]).mean
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
            "give one number a seed, and the same tasks for every seed",
        ) from None
    if data.ndim not in (1, 2):
        raise ArenaError(f"the scores have shape {data.shape}", "give shape (seeds,) or (seeds, tasks)")
    if data.size == 0:
        raise ArenaError("there are no scores", "give those of one seed at least")
    bad = np.argwhere(~np.isfinite(data))
    if len(bad):
        where = ", ".join(f"{axis} {i}" for axis, i in zip(("seed", "task"), bad[0], strict=False))
        raise ArenaError(
            f"{len(bad)} of {data.size} scores are not finite, the first ({data[tuple(bad[0])]}) at {where}",
            "find out why that run diverged, or leave it out and say so",
        )
    return data.reshape(len(data), -1)


def _mean(samples: Scores) -> Scores:
    """(resamples, seeds, tasks) -> (resamples,)."""
    return np.asarray(samples.mean(axis=(1, 2)))


def _iqm(samples: Scores) -> Scores:
    """(resamples, seeds, tasks) -> (resamples,)."""
    return iqm_of_each(samples.reshape(len(samples), -1))


_STATISTICS: dict[str, Callable[[Scores], Scores]] = {"iqm": _iqm, "mean": _mean}
