"""REINFORCE's estimators against the exact gradient: all trajectories are enumerated, so nothing is left to chance."""

import itertools

import numpy as np
import pytest
import torch

from arena_deep.advantages import returns_to_go
from arena_deep.estimators import average_of_others, gradient_weights, whole_episodes

GAMMA = 0.7

#: Three states, two actions: where each leads with which probability (None: the end), and what it earns.
TWO_STEPS = {
    (0, 0): [(0.6, 1, 4.0), (0.4, 2, 6.0)],
    (0, 1): [(0.5, 2, 7.0), (0.5, None, 9.0)],
    (1, 0): [(1.0, None, 5.0)],
    (1, 1): [(0.3, None, 8.0), (0.7, None, 3.0)],
    (2, 0): [(1.0, None, 6.0)],
    (2, 1): [(1.0, None, 4.5)],
}
BANDIT = {(0, 0): [(1.0, None, 5.0)], (0, 1): [(0.5, None, 9.0), (0.5, None, 4.0)]}
PROBLEMS = {"two steps": TWO_STEPS, "bandit": BANDIT}


def logits():
    return torch.tensor([[0.3, -0.2], [0.8, 0.1], [-0.5, 0.4]], dtype=torch.float64, requires_grad=True)


def trajectories(problem, state=0):
    """All of them: probability of the world's part, then (state, action, reward) of each step."""
    if state is None:
        yield 1.0, ()
        return
    for action in (0, 1):
        for chance, successor, reward in problem[state, action]:
            for rest, steps in trajectories(problem, successor):
                yield chance * rest, ((state, action, reward), *steps)


def log_policy(theta, steps):
    return [torch.log_softmax(theta[state], 0)[action] for state, action, _ in steps]


def probability(theta, chance, steps):
    return chance * torch.stack(log_policy(theta, steps)).sum().exp()


def exact_gradient(problem, discount=GAMMA):
    theta = logits()
    value = sum(
        probability(theta, chance, steps) * sum(discount**t * r for t, (_, _, r) in enumerate(steps))
        for chance, steps in trajectories(problem)
    )
    return torch.autograd.grad(value, theta)[0].numpy()


def values(problem):
    """V of the policy, by state."""

    def value(state):
        if state is None:
            return 0.0
        pi = torch.softmax(logits().detach()[state], 0).numpy()
        return sum(
            float(pi[action]) * chance * (reward + GAMMA * value(successor))
            for action in (0, 1)
            for chance, successor, reward in problem[state, action]
        )

    return [value(state) for state in range(3) if (state, 0) in problem]


def weights(problem, batch, estimator, baseline, discount=GAMMA):
    """w of a batch of trajectories, shape (L, N), through the very functions that the agent calls."""
    length = max(map(len, batch))
    reward, v = np.zeros((2, length, len(batch)))
    exists = np.zeros(reward.shape, dtype=bool)
    for i, steps in enumerate(batch):
        exists[: len(steps), i] = True
        reward[: len(steps), i] = [r for _, _, r in steps]
        v[: len(steps), i] = [values(problem)[s] for s, _, _ in steps]
    ends = exists & ~np.roll(exists, -1, axis=0)
    ends[-1] |= exists[-1]
    returns = returns_to_go(reward, ends, np.zeros_like(ends), np.zeros_like(reward), GAMMA) * exists
    base = {
        "none": np.zeros_like(returns),
        "average": average_of_others(returns),
        "own average": np.repeat(returns.mean(axis=1, keepdims=True), len(batch), axis=1),
        "value": v,
    }[baseline]
    return gradient_weights(returns, exists, estimator, base, discount)


def moments(problem, estimator, baseline, count=2, discount=GAMMA):
    """Mean and summed variance of 1/N Σ_i Σ_t w ∇ log π, over all batches of `count` trajectories."""
    theta = logits()
    whole = list(trajectories(problem))
    chances = [float(probability(theta, *one).detach()) for one in whole]
    assert sum(chances) == pytest.approx(1)
    scores = [
        [torch.autograd.grad(term, theta)[0].numpy() for term in log_policy(theta, steps)]
        for _, steps in whole
    ]
    mean, square = np.zeros((3, 2)), 0.0
    for batch in itertools.product(range(len(whole)), repeat=count):
        w = weights(problem, [whole[i][1] for i in batch], estimator, baseline, discount)
        found = sum(w[t, k] * g for k, i in enumerate(batch) for t, g in enumerate(scores[i])) / count
        chance = np.prod([chances[i] for i in batch])
        mean += chance * found
        square += chance * (found**2).sum()
    return mean, square - (mean**2).sum()


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("estimator", ["trajectory", "reward-to-go"])
def test_every_estimator_has_the_gradient_for_its_mean_and_baselines_lower_the_variance(problem, estimator):
    expected, variance = exact_gradient(PROBLEMS[problem]), {}
    for baseline in ("none", "average", "value"):
        mean, variance[baseline] = moments(PROBLEMS[problem], estimator, baseline)
        np.testing.assert_allclose(mean, expected, atol=1e-12)
    assert variance["average"] < 0.5 * variance["none"]
    assert variance["value"] < 0.5 * variance["none"]


def test_what_came_before_an_action_is_noise():
    variance = {e: moments(TWO_STEPS, e, "none")[1] for e in ("trajectory", "reward-to-go")}
    assert variance["reward-to-go"] < 0.7 * variance["trajectory"]


@pytest.mark.parametrize("count", [2, 3])
def test_an_average_with_the_episode_itself_shrinks_the_gradient(count):
    mean, _ = moments(BANDIT, "trajectory", "own average", count)
    np.testing.assert_allclose(mean, (count - 1) / count * exact_gradient(BANDIT), atol=1e-12)


def test_without_the_factor_of_the_step_the_gradient_is_another():
    mean, _ = moments(TWO_STEPS, "reward-to-go", "value", discount=1.0)
    assert np.abs(mean - exact_gradient(TWO_STEPS)).max() > 1e-2
    # The first state's part is right: only what comes later counts for too much.
    np.testing.assert_allclose(mean[0], exact_gradient(TWO_STEPS)[0], atol=1e-12)


def test_of_one_episode_there_are_no_others():
    np.testing.assert_array_equal(average_of_others(np.ones((3, 1))), np.zeros((3, 1)))


def test_the_first_whole_episodes_of_each_lane_are_taken():
    done = np.array([[0, 1, 1, 0, 1, 0, 1, 0], [1, 0, 0, 1, 0, 0, 0, 1]], dtype=bool).T
    (row, lane), exists = whole_episodes(done, np.array([0, 1]), 2)
    taken = [
        [(int(r), int(b)) for r, b in zip(row[e, i], lane[e, i], strict=True)] for i, e in enumerate(exists.T)
    ]
    first, second = [(0, 0), (1, 0)], [(2, 0)]
    third, fourth = [(t, 1) for t in (1, 2, 3)], [(t, 1) for t in (4, 5, 6, 7)]
    assert taken == [first, second, third, fourth]
