"""The linear probe against scikit-learn, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import r2_score

from arena.errors import ArenaError
from arena_gallery import probe


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda x: probe(x, x[:5]), "there are 7 codes and 5 labels"),
        (lambda x: probe(x, np.ones(7)), "the label is constant"),
        (lambda x: probe(x, x, folds=8), "7 rows cannot be split into 8 folds; give 2 to 7 folds"),
        (lambda x: probe(x, x, folds=3, starts=np.array([0, 4])), "2 episodes cannot be split into 3 folds"),
        (lambda x: probe(x * np.nan, x), "codes has numbers that are not finite"),
        (lambda x: probe(x, x, penalty=0), "penalty is 0"),
    ],
)
def test_what_cannot_be_probed_is_said(call, said):
    with pytest.raises(ArenaError, match=said):
        call(np.random.default_rng(0).normal(size=(7, 3)))


@pytest.mark.parametrize("penalty", [1e-6, 0.1, 3.0])
def test_the_probe_is_scikit_learn_s_ridge(penalty):
    rng = np.random.default_rng(1)
    z = rng.normal(size=(60, 5)) * np.array([1, 10, 0.1, 1, 0]) + 3
    y = z @ rng.normal(size=(5, 2)) + rng.normal(size=(60, 2)) * 0.5
    told = np.empty_like(y)
    for fold in range(4):
        test = np.arange(fold * 15, fold * 15 + 15)
        train = np.setdiff1d(np.arange(60), test)
        centre, scale = z[train].mean(0), z[train].std(0)
        scale[4] = np.inf
        ridge = Ridge(alpha=penalty * len(train)).fit((z[train] - centre) / scale, y[train])
        told[test] = ridge.predict((z[test] - centre) / scale)
    found = probe(z, y, folds=4, penalty=penalty)
    assert np.allclose(found.r2, r2_score(y, told, multioutput="raw_values"), atol=1e-9)
    assert found.mean == pytest.approx(r2_score(y, told))


def test_more_numbers_than_rows_are_the_same_ridge():
    rng = np.random.default_rng(5)
    z, y = rng.normal(size=(40, 70)), rng.normal(size=(40, 2))
    white = (z[:30] - z[:30].mean(0)) / z[:30].std(0)
    told = Ridge(alpha=0.3 * 30, solver="cholesky").fit(white, y[:30])
    told = told.predict((z[30:] - z[:30].mean(0)) / z[:30].std(0))
    found = probe(z[:30], y[:30], held_out=(z[30:], y[30:]), penalty=0.3)
    assert np.allclose(found.r2, r2_score(y[30:], told, multioutput="raw_values"), atol=1e-9)


def test_what_is_held_out_is_asked_about_and_not_fitted():
    rng = np.random.default_rng(4)
    z = rng.normal(size=(50, 2, 3))
    y = z[:, 0, :2] ** 3 + z[:, 1, :2]
    told = LinearRegression().fit(z[:30].reshape(30, 6), y[:30]).predict(z[30:].reshape(20, 6))
    found = probe(z[:30], y[:30], held_out=(z[30:], y[30:]))
    assert np.allclose(found.r2, r2_score(y[30:], told, multioutput="raw_values"), atol=1e-4)
    with pytest.raises(ArenaError, match="another shape"):
        probe(z[:30], y[:30], held_out=(z[30:, :1], y[30:]))


def test_the_smallest_penalty_is_least_squares_and_episodes_stay_whole():
    rng = np.random.default_rng(2)
    z, starts = rng.normal(size=(40, 3)), np.array([0, 7, 11, 30])
    y = np.sin(z @ rng.normal(size=(3, 1)))[:, 0]
    told = np.empty_like(y)
    for low, high in ((0, 11), (11, 40)):
        train = np.r_[0:low, high:40]
        told[low:high] = LinearRegression().fit(z[train], y[train]).predict(z[low:high])
    assert probe(z, y, folds=2, starts=starts).mean == pytest.approx(r2_score(y, told), abs=1e-4)


def test_a_line_reads_off_what_is_linear_and_nothing_else():
    rng = np.random.default_rng(3)
    z = rng.normal(size=(200, 4))
    truth = np.stack([2 * z[:, 0] - 1, np.full(200, 5.0), rng.normal(size=200)], axis=1)
    found = probe(z, truth)
    assert found.r2[0] == pytest.approx(1, abs=1e-6)
    assert np.isnan(found.r2[1])
    assert found.r2[2] < 0.1
    assert found.mean == pytest.approx((found.r2[0] + found.r2[2]) / 2)
