"""Comparisons against scipy, brute force and hand-computed cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from arena.errors import ArenaError
from arena.statistics.bootstrap import BootstrapScores
from arena.statistics.summary import bootstrap_ci
from arena_report.statistics import (
    aggregate,
    learning_curve,
    normalize,
    performance_profile,
    probability_of_improvement,
    scale,
)


def drawn(shape, seed=0):
    return np.random.default_rng(seed).exponential(size=shape)


def scipys(samples, function, **settings):
    return stats.bootstrap(
        samples, function, n_resamples=9000, method="percentile", rng=np.random.default_rng(1), **settings
    )


def close(ours, theirs):
    """Ends of 2,000 draws are off by some 0.06 standard errors, and 0.25 is four times that."""
    return ours == pytest.approx(tuple(theirs.confidence_interval), abs=0.25 * theirs.standard_error)


def test_scores_are_normalised():
    assert normalize([-100, -13, -56.5], -100, -13).tolist() == [0, 1, 0.5]
    assert normalize([[2.0], [3.0]], 2, 4).tolist() == [[0], [0.5]]
    assert normalize([3.0], 0, 2).tolist() == [1.5]  # luckier than the optimum's expectation


def test_a_scale_of_one_point_has_nothing_between():
    assert normalize([5.0, 5.0], 5, 5).tolist() == [1, 1]
    assert normalize([5.0, 4.0, 6.0], 5, 5).tolist() == [1, 0, 1]
    assert normalize([-13.000000000000002, -13.0], -13.000000000000002, -13).tolist() == [1, 1]
    assert normalize([3.0, 4.0], 3, 2).tolist() == [1, 1]  # all luckier


def test_the_scale_ends_at_the_optimum_or_else_at_the_best():
    assert scale([1, 3, 2], 7.5) == (1, 7.5)
    assert scale([1, 3, 2], None) == (1, 3)


@pytest.mark.parametrize("optimum", [0.74, 0.75, 0.75 + 1e-12])
def test_scores_that_all_reach_the_optimum_stay_apart(optimum):
    ends = scale([0.80, 0.84, 0.75], optimum)
    assert ends == (0.75, 0.84)
    assert normalize([0.75, 0.795, 0.84], *ends) == pytest.approx([0, 0.5, 1])
    assert normalize([0.8, 0.8], *scale([0.8, 0.8], optimum)).tolist() == [1, 1]


def test_other_scores_of_the_same_seeds_have_the_same_draws():
    x, y = [drawn(4, 1), drawn(3, 2)], [drawn(5, 3), drawn(3, 4)]
    generator = np.random.default_rng(0)
    ours, theirs = (
        BootstrapScores.from_scores(x, generator=generator),
        BootstrapScores.from_scores(y, generator=generator),
    )
    moved = [data.like([7 * part - 3 for part in data.strata]) for data in (ours, theirs)]
    assert probability_of_improvement(*moved) == probability_of_improvement(ours, theirs)
    assert moved[0].drawn is ours.drawn
    with pytest.raises(ArenaError, match="not of the same seeds"):
        ours.like(y)


@pytest.mark.parametrize("sizes", [(1,), (5,), (5, 5, 5), (4, 7), (2, 9, 1)])
def test_aggregates_equal_scipys(sizes):
    strata = [drawn(n, n) for n in sizes]
    assert aggregate(strata, "iqm").value == pytest.approx(stats.trim_mean(np.concatenate(strata), 0.25))
    assert aggregate(strata, "mean").value == pytest.approx(np.mean([part.mean() for part in strata]))


@pytest.mark.parametrize("statistic", ["iqm", "mean"])
def test_aggregate_intervals_are_those_of_one_bootstrap(statistic):
    scores = drawn(8)
    assert aggregate(scores, statistic).ci95 == bootstrap_ci(scores, statistic, resamples=2000)


def test_aggregate_interval_equals_scipys_for_unequal_strata():
    strata = [drawn(12, 1), 3 * drawn(20, 2)]

    def mean_of_means(a, b, axis):
        return (a.mean(axis=axis) + b.mean(axis=axis)) / 2

    assert close(aggregate(strata, "mean").ci95, scipys(strata, mean_of_means, paired=False))
    theirs = scipys(
        strata, lambda a, b, axis: stats.trim_mean(np.concatenate([a, b], axis=axis), 0.25, axis=axis)
    )
    assert close(aggregate(strata, "iqm").ci95, theirs)


def test_seeds_are_drawn_within_their_environment():
    # Environments far apart, seeds alike: a bootstrap that mixed them would see the distance.
    alike = [np.zeros(6), np.full(4, 1000.0)]
    assert aggregate(alike, "mean").ci95 == (500, 500)
    # Independent within environments: opposite ones would cancel if both drew the same seeds.
    x = np.arange(10.0)
    low, high = aggregate([x, -x], "mean").ci95
    assert (high - low) / 2 == pytest.approx(1.96 * math.sqrt(2 * x.var() / len(x)) / 2, rel=0.1)
    data = BootstrapScores.from_scores([np.arange(3.0), np.arange(7.0)], resamples=50)
    assert [part.shape for part in data.drawn] == [(50, 3), (50, 7)]
    for stratum, index, counts in zip(data.strata, data.drawn, data.counts, strict=True):
        assert index.min() == 0 and index.max() == len(stratum) - 1
        assert counts.tolist() == [[(row == i).sum() for i in range(len(stratum))] for row in index]


def test_a_part_has_the_same_draws():
    data = BootstrapScores.from_scores([drawn(3), drawn(4), drawn(5)])
    part = data.take([2, 0])
    assert [len(stratum) for stratum in part.strata] == [5, 3]
    assert part.drawn[0] is data.drawn[2] and part.counts[1] is data.counts[0]


def test_profile_by_hand():
    profile = performance_profile([[0.2, 0.8], [0.5, 0.5]], taus=[0, 0.2, 0.4, 0.5, 0.8])
    assert profile.middle.tolist() == [1, 0.75, 0.75, 0.25, 0]  # above, not at


def test_profile_equals_brute_force():
    strata, taus = [drawn(4, 1), drawn(7, 2)], np.linspace(0, 3, 31)
    brute = [np.mean([np.mean([score > tau for score in part]) for part in strata]) for tau in taus]
    profile = performance_profile(strata, taus)
    assert profile.middle == pytest.approx(brute)
    assert (np.diff(profile.middle) <= 0).all()
    assert (profile.low <= profile.middle).all() and (profile.middle <= profile.high).all()


@pytest.mark.parametrize("tau", [0.3, 0.8, 1.5])
def test_profile_band_equals_scipys(tau):
    strata = [drawn(20, 1), drawn(30, 2)]
    profile = performance_profile(strata, [tau])

    def fraction(a, b, axis):
        return ((a > tau).mean(axis=axis) + (b > tau).mean(axis=axis)) / 2

    theirs = scipys(strata, fraction)
    # Fractions come in steps of 1/120: a quantile may fall on either side of one.
    bounds = (profile.low[0], profile.high[0])
    assert bounds == pytest.approx(tuple(theirs.confidence_interval), abs=1 / 40)


@pytest.mark.parametrize(("n", "m"), [(5, 5), (3, 8), (1, 1)])
def test_probability_of_improvement_is_mann_whitneys(n, m):
    generator = np.random.default_rng(n)
    x, y = generator.integers(4, size=n), generator.integers(4, size=m)  # with ties
    statistic = stats.mannwhitneyu(x, y).statistic
    assert probability_of_improvement([x], [y]).value == pytest.approx(statistic / (n * m))


def test_probability_of_improvement_by_hand():
    # 1 beats 0; 2 beats 0 and ties with 2; 3 beats both: 4 wins and a tie of 6 pairs.
    assert probability_of_improvement([[1, 2, 3]], [[0, 2]]).value == 4.5 / 6
    assert probability_of_improvement([1, 2, 3], [0, 2]).value == 4.5 / 6  # one environment
    two = probability_of_improvement([[1, 2, 3], [0]], [[0, 2], [1, 1]])
    assert two.value == (4.5 / 6 + 0) / 2 and two.ci95 is None
    assert probability_of_improvement([[3, 3]], [[3, 3]]).value == 0.5


def test_probability_of_improvement_is_antisymmetric():
    x, y = [drawn(6, 1), drawn(5, 2)], [drawn(4, 3), drawn(6, 4)]
    generator = np.random.default_rng(0)
    x, y = (
        BootstrapScores.from_scores(x, generator=generator),
        BootstrapScores.from_scores(y, generator=generator),
    )
    one, other = probability_of_improvement(x, y), probability_of_improvement(y, x)
    assert one.value == pytest.approx(1 - other.value)
    assert one.ci95 == pytest.approx((1 - other.ci95[1], 1 - other.ci95[0]))


def test_probability_of_improvement_interval_equals_scipys():
    x, y = [drawn(10, 1), drawn(14, 2)], [drawn(12, 3) + 0.3, drawn(9, 4)]

    def wins(a, b, axis):
        return ((np.sign(a[..., :, None] - b[..., None, :]) + 1) / 2).mean(axis=(-1, -2))

    def statistic(a, b, c, d, axis):
        return (wins(a, c, axis) + wins(b, d, axis)) / 2

    theirs = scipys([*x, *y], statistic, vectorized=True)
    assert close(probability_of_improvement(x, y).ci95, theirs)


def test_probability_of_improvement_counts_every_resample():
    # Two seeds against a fixed number: a resample wins never, half the time or always, as 1/4, 1/2 and 1/4.
    found = probability_of_improvement([[-1.0, 1.0]], [[0.0, 0.0]])
    assert found.value == 0.5 and found.ci95 == (0, 1)


def test_one_seed_has_no_interval():
    assert aggregate([[1.0, 2.0], [3.0]]).ci95 is None
    assert performance_profile([[1.0]], [0.5]).low is None
    assert probability_of_improvement([[1.0]], [[0.0, 2.0]]).ci95 is None
    assert learning_curve([([1, 2], [3.0, 4.0])]).low is None


def test_a_curve_is_the_iqm_over_seeds_with_a_bootstrap_band():
    values = drawn((20, 4))
    steps = [10, 20, 30, 40]
    curve = learning_curve([(steps, row) for row in values], resamples=4000)
    assert curve.x.tolist() == steps
    assert curve.middle == pytest.approx(stats.trim_mean(values, 0.25, axis=0))
    for i in range(4):
        theirs = scipys((values[:, i],), lambda x, axis: stats.trim_mean(x, 0.25, axis=axis))
        assert close((curve.low[i], curve.high[i]), theirs)


def test_a_curve_has_the_steps_that_all_seeds_have():
    one = ([10, 20, 30, 40], [1.0, 2.0, 3.0, 4.0])
    other = ([20, 40, 60], [4.0, 6.0, 8.0])
    curve = learning_curve([one, other])
    assert curve.x.tolist() == [20, 40] and curve.middle.tolist() == [3, 5]
    unfinite = ([10, 20, 30, 40], [1.0, math.nan, math.inf, 4.0])
    assert learning_curve([one, unfinite]).x.tolist() == [10, 40]
    assert learning_curve([one, ([15], [1.0])]) is None
    assert learning_curve([([], [])]) is None and learning_curve([]) is None


def test_a_long_curve_keeps_its_ends_and_few_points():
    steps = np.arange(1, 5001)
    curve = learning_curve([(steps, np.sqrt(steps)), (steps, np.sqrt(steps))], points=200)
    assert len(curve.x) == 200 and curve.x[0] == 1 and curve.x[-1] == 5000
    assert curve.middle == pytest.approx(np.sqrt(curve.x)) and curve.low == pytest.approx(curve.middle)


def test_many_seeds_are_resampled_in_parts():
    values = drawn((600, 8))  # 600 seeds of 1,000 resamples: a point at a time
    curve = learning_curve([(np.arange(8), row) for row in values])
    assert (curve.low < curve.middle).all() and (curve.middle < curve.high).all()


def test_deterministic_and_without_global_randomness():
    before = np.random.get_state()[1].tolist()
    strata = [drawn(5, 1), drawn(5, 2)]
    assert aggregate(strata) == aggregate(strata)
    assert probability_of_improvement(strata, strata[::-1]) == probability_of_improvement(
        strata, strata[::-1]
    )
    assert np.random.get_state()[1].tolist() == before


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([], "there are no scores"),
        ([[]], "there are no scores"),
        ([[1.0], []], "there are no scores"),
        ([[[1.0]]], "have shape"),
        ([[1.0, math.nan]], "not finite"),
        ([["a"]], "not an array of numbers"),
    ],
)
def test_bad_scores(scores, message):
    for function in (aggregate, lambda x: performance_profile(x, [0]), BootstrapScores.from_scores):
        with pytest.raises(ArenaError, match=message):
            function(scores)


def test_bad_arguments():
    with pytest.raises(ArenaError, match="no statistic is called 'median'"):
        aggregate([[1.0]], "median")
    with pytest.raises(ArenaError, match="resamples is 0"):
        BootstrapScores.from_scores([[1.0]], resamples=0)
    with pytest.raises(ArenaError, match="in 1 environments, and the other in 2"):
        probability_of_improvement([[1.0]], [[1.0], [2.0]])
    with pytest.raises(ArenaError, match="draw the same number"):
        probability_of_improvement(
            BootstrapScores.from_scores([[1.0]], resamples=5),
            BootstrapScores.from_scores([[1.0]], resamples=6),
        )
