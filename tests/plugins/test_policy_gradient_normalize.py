"""Running moments against numpy's own, however the numbers came."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.storage.codec import decode, encode
from arena_deep.running_moments import RewardScale, RunningMoments


@given(
    st.lists(st.integers(0, 7), min_size=1, max_size=6),
    st.sampled_from([(), (3,), (2, 2)]),
    st.sampled_from([0.0, 1e3]),
    st.integers(0, 1000),
)
def test_moments_are_numpys_over_any_chunks(sizes, shape, offset, seed):
    values = offset + np.random.default_rng(seed).normal(size=(sum(sizes), *shape))
    moments = RunningMoments(shape)
    for chunk in np.split(values, np.cumsum(sizes)[:-1]):
        moments.update(chunk)
        moments.load_state_dict(decode(encode(moments.state_dict())))
    assert moments.count == len(values)
    if len(values):
        np.testing.assert_allclose(moments.mean, values.mean(axis=0), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(moments.variance, values.var(axis=0), rtol=1e-9, atol=1e-9)


def test_what_is_normalised_has_mean_zero_and_variance_one():
    values = np.random.default_rng(0).normal([3, -100], [0.1, 20], size=(500, 2)).astype(np.float32)
    moments = RunningMoments((2,))
    np.testing.assert_array_equal(moments.normalize(values[:2]), values[:2].clip(-10, 10))
    moments.update(values)
    seen = moments.normalize(values)
    assert seen.dtype == np.float32
    np.testing.assert_allclose(seen.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(seen.std(axis=0), 1, atol=1e-4)
    assert moments.normalize(values[0] + 1e6).max() == 10


def test_a_constant_is_no_division_by_zero():
    moments = RunningMoments((1,))
    moments.update(np.full((5, 1), 7.0))
    np.testing.assert_array_equal(moments.normalize(np.full((1, 1), 7.0)), [[0.0]])


@pytest.mark.parametrize("chunks", [1, 3, 10])
def test_rewards_are_divided_by_the_deviation_of_past_returns(chunks):
    rng = np.random.default_rng(1)
    reward, done = rng.normal(size=(30, 2)), rng.random((30, 2)) < 0.2
    scale = RewardScale(2, 0.9)
    assert scale.scale == pytest.approx(1)
    for part in zip(np.split(reward, chunks), np.split(done, chunks), strict=True):
        scale.update(*part)
    returns, now = [], [0.0, 0.0]
    for t in range(30):
        for lane in range(2):
            now[lane] = 0.9 * now[lane] + reward[t, lane]
            returns.append(now[lane])
            now[lane] *= not done[t, lane]
    assert scale.scale == pytest.approx(np.std(returns), rel=1e-6)
    np.testing.assert_allclose(scale.discounted_return, now)
