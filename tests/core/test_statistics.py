"""Statistics against scipy, against hand-computed cases, and against what an interval promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from arena.errors import ArenaError
from arena.statistics.summary import Summary, bootstrap_ci, iqm, summarize


@pytest.mark.parametrize("seeds", [1, 2, 3, 4, 5, 7, 8, 10, 78])
def test_aggregates_equal_scipys(seeds):
    scores = np.random.default_rng(0).standard_cauchy(seeds)
    assert iqm(scores) == pytest.approx(stats.trim_mean(scores, 0.25, axis=None), rel=1e-12)
    assert summarize(scores).mean == pytest.approx(scores.mean(), rel=1e-12)


def test_by_hand():
    assert iqm([0, 1, 2, 3, 100]) == 2
    # Two seeds: the resampled mean is 0, 1/2 and 1 with probabilities 1/4, 1/2, 1/4.
    assert bootstrap_ci([0.0, 1.0], "mean") == (0, 1)
    assert bootstrap_ci([3.0, 3.0, 3.0]) == (3, 3)
    assert summarize([1, 1, 1, 1]) == Summary(mean=1.0, iqm=1.0, ci95=(1.0, 1.0), seeds=4)


@pytest.mark.parametrize("statistic", ["mean", "iqm"])
def test_interval_equals_scipys_within_monte_carlo_error(statistic):
    scores = np.random.default_rng(1).exponential(size=25)
    function = np.mean if statistic == "mean" else (lambda x, axis: stats.trim_mean(x, 0.25, axis=axis))
    theirs = stats.bootstrap(
        (scores,), function, n_resamples=20_000, method="percentile", rng=np.random.default_rng(2)
    )
    ours = bootstrap_ci(scores, statistic, resamples=20_000)
    # A 2.5 % quantile of 20,000 draws is off by about 0.02 standard errors; 0.1 is five times that.
    assert ours == pytest.approx(tuple(theirs.confidence_interval), abs=0.1 * theirs.standard_error)


def test_interval_covers_the_mean_of_normal_samples():
    generator = np.random.default_rng(3)
    n, trials = 30, 500
    hits = 0
    for _ in range(trials):
        low, high = bootstrap_ci(generator.normal(size=n), "mean", resamples=1000, generator=generator)
        hits += low <= 0 <= high
    # The percentile interval takes the variance for known and sqrt((n-1)/n) too small: it covers 93.6 %.
    expected = 1 - 2 * stats.t.sf(stats.norm.ppf(0.975) * math.sqrt((n - 1) / n), n - 1)
    assert hits / trials == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / trials))


def test_deterministic_and_in_chunks():
    scores = np.random.default_rng(5).normal(size=8000)
    state = np.random.get_state()[1].tolist()
    one = bootstrap_ci(scores, resamples=300)  # three chunks
    assert one == bootstrap_ci(scores, resamples=300) == bootstrap_ci(scores, resamples=300, generator=0)
    assert one != bootstrap_ci(scores, resamples=300, generator=1)
    assert np.random.get_state()[1].tolist() == state
    generator = np.random.default_rng(0)
    assert bootstrap_ci(scores, resamples=300, generator=generator) == one
    assert bootstrap_ci(scores, resamples=300, generator=generator) != one


def test_one_seed_has_no_interval():
    assert all(math.isnan(bound) for bound in bootstrap_ci([4.0]))
    assert summarize([4.0]) == Summary(mean=4.0, iqm=4.0, ci95=None, seeds=1)


def test_summary_is_of_the_mean_over_seeds():
    scores = np.random.default_rng(6).normal(size=5)
    summary = summarize(scores)
    assert (summary.mean, summary.iqm, summary.seeds) == (scores.mean(), iqm(scores), 5)
    assert summary.ci95 == bootstrap_ci(scores, "mean")
    assert summary.ci95[0] < summary.mean < summary.ci95[1]


@pytest.mark.parametrize("function", [iqm, bootstrap_ci, summarize])
@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([], "no scores"),
        ([1.0, math.nan], r"1 of 2 scores are not finite, the first \(nan\) at seed 1;"),
        (3.0, "shape"),
        (np.zeros((2, 2)), "shape"),
        ([[1.0], [1.0, 2.0]], "not an array of numbers"),
        (["a"], "not an array of numbers"),
    ],
)
def test_bad_scores(function, scores, message):
    with pytest.raises(ArenaError, match=message):
        function(scores)


def test_bad_arguments():
    with pytest.raises(ArenaError, match="no statistic is called 'median'"):
        bootstrap_ci([1, 2], "median")
    with pytest.raises(ArenaError, match="resamples is 0"):
        bootstrap_ci([1, 2], resamples=0)
