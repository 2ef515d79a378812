"""Bootstrap over seeds, and the interquartile mean, for any number of environments.

The unit of resampling is the seed, not the episode. The question is how well the *algorithm* does when it is run
again, and a new run differs by its seed: initialization, exploration, order of the data. The episodes that
evaluate one trained agent share that agent, so they are not independent samples of the algorithm: a thousand of
them measure one seed precisely and give no information about the next. Resampling episodes would shrink the
interval with every additional evaluation episode, and so claim a false certainty about the algorithm. Each seed is
therefore first reduced to one number (the mean of its episodes), and all statistics vary over these numbers.

Scores are given **by environment**: a sequence with one array of shape (seeds,) per environment; the numbers of
seeds may differ. Every environment is a stratum: its seeds are drawn with replacement, separately from those of
other environments.

Source: R. Agarwal, M. Schwarzer, P. S. Castro, A. Courville, M. G. Bellemare, "Deep Reinforcement Learning at the
Edge of the Statistical Precipice", NeurIPS 2021 (https://arxiv.org/abs/2108.13264), and their library rliable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.errors import ArenaError

__all__ = [
    "CHUNK",
    "BootstrapScores",
    "ByEnvironment",
    "Scores",
    "checked_scores",
    "interquartile_means",
    "interval",
]

Scores: TypeAlias = NDArray[np.float64]
ByEnvironment: TypeAlias = "Sequence[ArrayLike] | Scores | BootstrapScores"

#: Number of resamples of an interval; its ends then vary by about a thirtieth of its width.
RESAMPLES = 2000

#: Nominal coverage of an interval.
LEVEL = 0.95

#: Maximum number of values that one step of the bootstrap resamples at once (8 MiB).
CHUNK = 1 << 20


@dataclass(frozen=True, eq=False)
class BootstrapScores:
    """Scores by environment with their bootstrap resamples, which many statistics share; see `from_scores`.

    Attributes:
        strata: the scores of each environment, each of shape (seeds,).
        drawn: the indices of the seeds drawn in each environment, each of shape (resamples, seeds).
        counts: number of times that each resample drew each seed, each of shape (resamples, seeds).
    """

    strata: list[Scores]
    drawn: list[NDArray[np.int64]]
    counts: list[Scores]

    @classmethod
    def from_scores(
        cls, scores: ByEnvironment, *, resamples: int = RESAMPLES, generator: np.random.Generator | int = 0
    ) -> BootstrapScores:
        """Draw resamples of scores; scores that have resamples are returned unchanged.

        Args:
            scores: scores by environment, or those of a single environment.
            resamples: number of resamples, at least 1.
            generator: source of the resamples: a generator, which is advanced, or a seed. Algorithms that are
                compared need independent resamples, and therefore share one generator.

        Raises:
            ArenaError: no environment, one without scores, or a score that is not a finite number.
        """
        if isinstance(scores, BootstrapScores):
            return scores
        if resamples < 1:
            raise ArenaError(f"resamples is {resamples}, which is less than 1", "give a positive number")
        generator, strata = np.random.default_rng(generator), _strata(scores)
        drawn = [generator.integers(len(part), size=(resamples, len(part))) for part in strata]
        return cls(strata, drawn, [_counted(indices) for indices in drawn])

    @property
    def replicated(self) -> bool:
        """Whether every environment has at least two seeds, which resampling needs."""
        return all(len(stratum) > 1 for stratum in self.strata)

    def take(self, environments: Sequence[int]) -> BootstrapScores:
        """Scores and resamples of a subset of the environments, given by index."""
        fields = (self.strata, self.drawn, self.counts)
        return BootstrapScores(*([field[i] for i in environments] for field in fields))  # type: ignore[arg-type]

    def like(self, scores: Sequence[ArrayLike]) -> BootstrapScores:
        """Other scores of the same seeds, with the same resamples."""
        other = replace(self, strata=_strata(scores))
        if list(map(len, other.strata)) != list(map(len, self.strata)):
            problem = "the scores are not of the same seeds"
            raise ArenaError(problem, "give each environment the same number of scores")
        return other

    def means(self, values: Sequence[Scores]) -> Scores:
        """Each resample's mean over environments of the mean over seeds: values (seeds, …) -> (resamples, …)."""
        means = [count @ value / len(value) for count, value in zip(self.counts, values, strict=True)]
        return np.asarray(sum(means) / len(means))

    def aggregate(self, statistic: str) -> tuple[float, Scores]:
        """Aggregate of all scores, and of each resample: shape (resamples,).

        ``"mean"`` is the mean over environments of the mean over seeds. ``"iqm"`` is the interquartile mean of all
        scores together; with unequal numbers of seeds, the weight of an environment is then proportional to its seeds.

        Raises:
            ArenaError: no such statistic.
        """
        if statistic == "mean":
            value = np.mean([stratum.mean() for stratum in self.strata])
            return float(value), self.means(self.strata)
        if statistic == "iqm":
            value = interquartile_means(np.concatenate(self.strata)[None])[0]
            samples = [stratum[index] for stratum, index in zip(self.strata, self.drawn, strict=True)]
            return float(value), interquartile_means(np.concatenate(samples, axis=1))
        raise ArenaError(f"no statistic is called {statistic!r}", "use 'iqm' or 'mean'")


def interval(values: Scores) -> tuple[Scores, Scores]:
    """95 % percentile interval of resampled values.

    Args:
        values: the statistic of each resample, shape (resamples, …).

    Returns:
        The two bounds, each of shape (…).
    """
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high


def interquartile_means(samples: Scores) -> Scores:
    """Interquartile mean (IQM) of each resample: the mean without the lowest and the highest quarter of its scores.

    Of n scores, ``floor(n / 4)`` are removed at each end, as in ``scipy.stats.trim_mean(scores, 0.25)``. The IQM is
    almost as robust as the median, and uses much more of the data.

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


def checked_scores(scores: ArrayLike) -> Scores:
    """Check the scores of one environment, and return them as float64 of shape (seeds,).

    Raises:
        ArenaError: no scores, another shape, or a score that is not a finite number.
    """
    try:
        data = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArenaError("the scores are not an array of numbers", "give one number per seed") from None
    if data.ndim != 1:
        raise ArenaError(f"the scores have shape {data.shape}", "give one number per seed")
    if not data.size:
        raise ArenaError("there are no scores", "give the scores of at least one seed")
    bad = np.flatnonzero(~np.isfinite(data))
    if len(bad):
        raise ArenaError(
            f"{len(bad)} of {data.size} scores are not finite, the first ({data[bad[0]]}) at seed {bad[0]}",
            "find out why that run diverged, or leave it out and report that",
        )
    return data


def _strata(scores: Sequence[ArrayLike] | Scores) -> list[Scores]:
    """The checked scores: one array of shape (seeds,) per environment."""
    parts = list(scores) if np.iterable(scores) else [scores]
    return list(map(checked_scores, [scores] if all(map(np.isscalar, parts)) else parts))


def _counted(drawn: NDArray[np.int64]) -> Scores:
    """Number of times each seed was drawn: indices (resamples, seeds) -> counts (resamples, seeds)."""
    resamples, seeds = drawn.shape
    cells = (drawn + np.arange(resamples)[:, None] * seeds).ravel()
    return np.bincount(cells, minlength=resamples * seeds).reshape(resamples, seeds).astype(np.float64)
