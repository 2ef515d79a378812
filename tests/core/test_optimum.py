"""Exact values under a horizon, against published numbers, brute force and hand-computed cases."""

import itertools

import gymnasium as gym
import numpy as np
import pytest

from arena.environments.exact_values import optimum, policy_value
from arena.environments.mdp import TransitionModel


def model_of(env_id, **options):
    env = gym.make(env_id, **options).unwrapped
    return TransitionModel.from_gymnasium(env.P, env.initial_state_distrib)


@pytest.fixture(scope="module")
def lake():
    return model_of("FrozenLake-v1")


def test_frozen_lake_with_its_time_limit(lake):
    assert optimum(lake, 100) == pytest.approx(0.7442, abs=5e-5)
    assert policy_value(lake, np.full((16, 4), 0.25), 100) == pytest.approx(0.0139, abs=5e-5)


def test_frozen_lake_without_a_limit_tends_to_the_undiscounted_value(lake):
    assert optimum(lake, 100_000) == pytest.approx(0.82353, abs=5e-6)


def test_cliff_walking():
    cliff = model_of("CliffWalking-v1")
    assert optimum(cliff, 1000) == -13
    assert optimum(cliff, 5) == -5
    # Pushing up for ever costs one a step, up to the horizon.
    assert policy_value(cliff, np.eye(4)[np.zeros(48, dtype=int)], 1000) == -1000


def test_the_optimum_is_the_best_of_all_time_aware_policies():
    rng = np.random.default_rng(3)
    states, actions, horizon = 2, 2, 3
    model = TransitionModel.from_rows(
        states,
        actions,
        [
            [
                (p, s, float(r), bool(t))
                for s, (p, r, t) in enumerate(zip(row, rng.normal(size=2), flags, strict=True))
            ]
            for row, flags in zip(rng.dirichlet([1, 1], size=4), rng.random((4, 2)) < 0.3, strict=True)
        ],
        [0.4, 0.6],
    )

    def value(plan):  # plan[t][s] is an action; enumerate every outcome
        def follow(t, s):
            if t == horizon:
                return 0.0
            j = model.row(s, plan[t][s])
            return sum(
                p * (r + (0 if over else follow(t + 1, int(after))))
                for p, after, r, over in zip(
                    model.probability[j],
                    model.successor[j],
                    model.reward[j],
                    model.terminated[j],
                    strict=True,
                )
            )

        return model.initial @ [follow(0, s) for s in range(states)]

    decisions = list(itertools.product(range(actions), repeat=states))
    brute = max(value(plan) for plan in itertools.product(decisions, repeat=horizon))
    assert optimum(model, horizon) == pytest.approx(brute, abs=1e-12)


def test_the_initial_distribution_is_averaged_over():
    model = TransitionModel.from_rows(2, 1, [[(1.0, 0, 5.0, True)], [(1.0, 1, 1.0, True)]], [0.25, 0.75])
    assert optimum(model, 10) == 0.25 * 5 + 0.75 * 1


def test_above_its_budget_nothing_is_known(lake):
    assert optimum(lake, 1000, budget=100) is None
    assert policy_value(lake, np.full((16, 4), 0.25), 1000, budget=100) is None
