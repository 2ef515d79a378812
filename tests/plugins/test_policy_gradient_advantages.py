"""Returns and advantages against what their definitions say, a step at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena_deep.advantages import generalized_advantages, n_step_returns, returns_to_go

discounts = st.sampled_from([0.0, 0.5, 0.9, 1.0])


@st.composite
def rollouts(draw):
    steps, lanes, seed = draw(st.integers(1, 8)), draw(st.integers(1, 3)), draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    often = draw(st.sampled_from([0.0, 0.3, 0.9]))
    terminated, truncated = (rng.random((2, steps, lanes)) < often / 2)[:, :, :]
    reward, value, next_value = rng.normal(size=(3, steps, lanes))
    return {
        "reward": reward,
        "terminated": terminated,
        "truncated": truncated & ~terminated,
        "value": value,
        "next_value": next_value,
    }


def naive_n_step(rollout, discount, steps):
    """Σ γ^k r, then the value of where it stopped, step by step from each start."""
    reward, terminated, truncated = rollout["reward"], rollout["terminated"], rollout["truncated"]
    found = np.zeros_like(reward)
    for start in range(len(reward)):
        for lane in range(reward.shape[1]):
            for k in range(steps):
                t = start + k
                found[start, lane] += discount**k * reward[t, lane]
                if terminated[t, lane]:
                    break
                if truncated[t, lane] or k == steps - 1 or t == len(reward) - 1:
                    found[start, lane] += discount ** (k + 1) * rollout["next_value"][t, lane]
                    break
    return found


def naive_gae(rollout, discount, gae_lambda):
    """Σ_k (γλ)^k δ_{t+k}, to the end of the episode or of the rollout."""
    reward, value = rollout["reward"], rollout["value"]
    delta = reward + discount * rollout["next_value"] * ~rollout["terminated"] - value
    done = rollout["terminated"] | rollout["truncated"]
    found = np.zeros_like(reward)
    for start in range(len(reward)):
        for lane in range(reward.shape[1]):
            for t in range(start, len(reward)):
                found[start, lane] += (discount * gae_lambda) ** (t - start) * delta[t, lane]
                if done[t, lane]:
                    break
    return found


def gae(rollout, discount, gae_lambda):
    return generalized_advantages(**rollout, discount=discount, gae_lambda=gae_lambda)


def without_value(rollout):
    return {name: array for name, array in rollout.items() if name != "value"}


@given(rollouts(), discounts, st.sampled_from([0.0, 0.4, 0.95, 1.0]))
def test_generalised_advantages_are_their_sum(rollout, discount, gae_lambda):
    np.testing.assert_allclose(
        gae(rollout, discount, gae_lambda), naive_gae(rollout, discount, gae_lambda), atol=1e-12
    )


@given(rollouts(), discounts, st.integers(1, 10))
def test_n_step_returns_are_their_sum(rollout, discount, steps):
    found = n_step_returns(**without_value(rollout), discount=discount, steps=steps)
    np.testing.assert_allclose(found, naive_n_step(rollout, discount, steps), atol=1e-12)


@given(rollouts(), discounts)
def test_at_the_limits_of_lambda_are_one_step_and_the_whole_return(rollout, discount):
    rest = without_value(rollout)
    one_step = n_step_returns(**rest, discount=discount, steps=1) - rollout["value"]
    np.testing.assert_allclose(gae(rollout, discount, 0.0), one_step, atol=1e-12)
    # λ = 1 telescopes to the return only where V(s_{t+1}) is one number, not two.
    value, done = rollout["value"], rollout["terminated"] | rollout["truncated"]
    rest["next_value"][:-1] = np.where(done[:-1], rest["next_value"][:-1], value[1:])
    whole = returns_to_go(**rest, discount=discount)
    np.testing.assert_allclose(gae({**rest, "value": value}, discount, 1.0), whole - value, atol=1e-12)
    np.testing.assert_allclose(naive_n_step(rest, discount, len(value)), whole, atol=1e-12)


@pytest.mark.parametrize(("terminated", "expected"), [(True, 1.0), (False, 1.0 + 0.5 * 8.0)])
def test_only_an_end_has_no_future(terminated, expected):
    ends = np.array([[terminated], [False]])
    arrays = (np.ones((2, 1)), ends, ~ends & [[True], [False]], np.array([[8.0], [4.0]]))
    assert returns_to_go(*arrays, discount=0.5)[0, 0] == expected
    assert n_step_returns(*arrays, discount=0.5, steps=2)[0, 0] == expected


def test_single_precision_goes_in_and_double_comes_out():
    reward = np.ones((200, 1), dtype=np.float32)
    never = np.zeros((200, 1), dtype=bool)
    found = returns_to_go(reward, never, never, reward * 100, discount=0.99)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, 100, rtol=1e-12)
