"""Riccati's answers against scipy's infinite-horizon one, brute force, and Monte Carlo through the environment."""

import numpy as np
import pytest
from scipy.linalg import solve_discrete_are

import arena_control as ac
import arena_control_plugin
from arena.environments.factory import EnvironmentFactory
from arena.errors import ArenaError
from arena.plugins.discovery import Plugins, use_plugins

CASES = [
    {},
    {"state_size": 4, "action_size": 2, "process_noise": 0.2},
    {"system": "random", "state_size": 3, "action_size": 2, "process_noise": 0.1, "system_seed": 5},
    {"system": "random", "state_size": 5, "action_size": 1, "spectral_radius": 1.1, "process_noise": 0.0},
]


@pytest.mark.parametrize("options", CASES, ids=str)
def test_long_horizons_lead_to_the_algebraic_equation(options):
    env = ac.LQR(**options)
    A, B, Q, R, W, *_ = env.problem
    P = solve_discrete_are(A, B, Q, R)
    solution = env.riccati(3000)
    np.testing.assert_allclose(solution.costs[0], P, rtol=1e-7)
    np.testing.assert_allclose(solution.gains[0], np.linalg.solve(R + B.T @ P @ B, B.T @ P @ A), rtol=1e-7)
    # Each further step costs what the noise brings in.
    assert solution.constants[0] - solution.constants[1] == pytest.approx(np.trace(P @ W), rel=1e-7)


@pytest.mark.parametrize("options", CASES, ids=str)
@pytest.mark.parametrize("horizon", [1, 2, 7])
def test_the_optimum_is_the_least_squares_solution_of_the_whole_plan(options, horizon):
    env = ac.LQR(**{**options, "process_noise": 0.0})
    A, B, Q, R, _, _, covariance = env.problem
    n, m = B.shape
    # Without noise a plan is as good as a policy: x_t = A^t x_0 + Σ A^(t−1−s) B u_s, quadratic in all u at once.
    powers = [np.linalg.matrix_power(A, t) for t in range(horizon)]
    free = np.concatenate(powers)
    driven = np.zeros((horizon * n, horizon * m))
    for t in range(horizon):
        for s in range(t):
            driven[t * n : (t + 1) * n, s * m : (s + 1) * m] = powers[t - 1 - s] @ B
    weights, efforts = np.kron(np.eye(horizon), Q), np.kron(np.eye(horizon), R)
    plan = -np.linalg.solve(driven.T @ weights @ driven + efforts, driven.T @ weights @ free)
    along = free + driven @ plan
    cost = along.T @ weights @ along + plan.T @ efforts @ plan
    assert env.optimum(horizon) == pytest.approx(-np.trace(cost @ covariance), rel=1e-9)


def returns(options, horizon, lanes, gain_of):
    """Returns of a linear policy, each lane's, stepped through the environment itself."""
    vector = ac.LQRVector(lanes, max_episode_steps=horizon, **options)
    vector.reset(seed=11)
    total = np.zeros(lanes)
    for t in range(horizon):
        states = vector.values.copy()
        vector.advance(-(gain_of(t) @ states).T)
        total += vector.reward
        assert vector.truncated.all() == (t == horizon - 1)
    return total


def close(total, expected):
    """Within four standard errors, which are small beside the value."""
    error = np.std(total) / np.sqrt(len(total))
    assert error < 0.02 * abs(expected)
    assert abs(np.mean(total) - expected) < 4 * error


@pytest.mark.parametrize("options", CASES, ids=str)
def test_the_optimal_policy_earns_the_optimum(options):
    env = ac.LQR(**options)
    gains = env.riccati(60).gains
    total = returns(options, 60, 40_000, lambda t: gains[t])
    close(total, env.optimum(60))
    assert env.policy_value(gains, 60) == pytest.approx(env.optimum(60), rel=1e-9)


def test_other_policies_earn_their_exact_value_and_no_more_than_the_optimum():
    options = {"process_noise": 0.1}
    env = ac.LQR(**options)
    generator = np.random.default_rng(0)
    best = env.riccati(50).gains
    for _ in range(5):
        gain = best[0] + 0.3 * generator.standard_normal(best[0].shape)
        close(returns(options, 50, 30_000, lambda t, gain=gain: gain), env.policy_value(gain, 50))
        assert env.policy_value(gain, 50) < env.optimum(50)
    still = np.zeros_like(best[0])
    close(returns(options, 50, 30_000, lambda t: still), env.policy_value(still, 50))
    # The optimum is stationary: no small change of any gain is better.
    for t in (0, 20, 48):
        changed = best + 1e-3 * generator.standard_normal(best.shape) * (np.arange(50) == t)[:, None, None]
        assert env.policy_value(changed, 50) < env.optimum(50)


def test_dynamics_and_rewards_are_what_the_problem_says():
    options = {"system": "random", "state_size": 3, "action_size": 2, "process_noise": 0.0}
    env = ac.LQR(**options)
    A, B, Q, R, *_ = env.problem
    assert np.abs(np.linalg.eigvals(A)).max() == pytest.approx(0.95)
    env.reset(seed=1)
    x = env.state()["values"][:, 0]
    for u in np.random.default_rng(0).uniform(-5, 5, (20, 2)):
        observation, reward, *_ = env.step(u)
        assert reward == pytest.approx(-(x @ Q @ x + u @ R @ u), rel=1e-12)
        x = A @ x + B @ u
        np.testing.assert_allclose(env.state()["values"][:, 0], x, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(observation, x, rtol=1e-6)
        x = env.state()["values"][:, 0]


def test_noise_is_white_and_as_wide_as_it_says():
    vector = ac.LQRVector(20_000, process_noise=0.3)
    vector.reset(seed=0)
    A, _ = vector.options.matrices()
    kicks = []
    for _ in range(2):
        before = vector.values.copy()
        vector.advance(np.zeros((20_000, 1)))
        kicks.extend(vector.values - A @ before)
    kicks = np.array(kicks)
    np.testing.assert_allclose(np.cov(kicks), 0.09 * np.eye(4), atol=0.004)
    assert np.all(np.abs(kicks.mean(axis=1)) < 0.01)
    assert np.mean(kicks**4) == pytest.approx(3 * 0.3**4, rel=0.05)


def test_the_optimum_is_known_only_where_the_policy_sees_and_acts_exactly():
    assert ac.LQR().optimum(100) < 0
    assert ac.LQR(max_steps=10).optimum(100) == ac.LQR().optimum(10)
    for options in (
        {"observation": "pixels"},
        {"action_noise": 0.1},
        {"observation_noise": 0.1},
        {"action_repeat": 2},
    ):
        assert ac.LQR(**options).optimum(100) is None


def test_a_double_integrator_of_the_wrong_size():
    with pytest.raises(ArenaError, match="twice as many states as actions, not 3 and 1; give state_size=2"):
        ac.LQR(state_size=3)


def test_arena_finds_the_optimum():
    with use_plugins(Plugins(installed=False, extra={"arena_control_plugin": arena_control_plugin})):
        facts = EnvironmentFactory.resolve("arena/LQR-v0", {"process_noise": 0.2}).properties
    assert facts.limit == 100
    assert facts.exact_optimum(100) == ac.LQR(process_noise=0.2).optimum(100)


def test_the_optimal_actions_lie_in_the_action_space_whose_unit_costs_nothing():
    assert ac.LQR().optimum(100) == pytest.approx(ac.LQR(action_scale=1.0).optimum(100))
    vector = ac.LQRVector(5000)
    vector.reset(seed=0)
    gains = ac.LQR().riccati(100).gains
    greatest = 0.0
    for gain in gains:
        action = -(gain @ vector.values).T
        greatest = max(greatest, np.abs(action).max())
        vector.advance(action)
    assert 0.3 < greatest < 1
