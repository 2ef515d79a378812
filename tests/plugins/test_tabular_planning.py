"""Planners against linear algebra, one another, quantecon, and Gymnasium's toy texts."""

from __future__ import annotations

import dataclasses
import importlib.util

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tabular_problems import make_agent, make_stream, random_model, toy_text

from arena.environments.exact_values import policy_value
from arena.environments.mdp import TransitionModel
from arena.errors import ArenaError
from arena.storage.codec import decode, encode
from arena_tabular.evaluation import PolicyEvaluation
from arena_tabular.planning import ModifiedPolicyIteration, PolicyIteration, ValueIteration
from arena_tabular.prioritized import PrioritizedSweeping

#: Every planner that looks for the best policy, and its ways.
PLANNERS = {
    "value-iteration": (ValueIteration, {}),
    "gauss-seidel": (ValueIteration, {"order": "gauss-seidel"}),
    "policy-iteration": (PolicyIteration, {}),
    "policy-iteration from one": (PolicyIteration, {"initial_policy": (0,)}),
    "modified-policy-iteration": (ModifiedPolicyIteration, {}),
    "modified-policy-iteration 0": (ModifiedPolicyIteration, {"evaluation_sweeps": 0}),
    "prioritized-sweeping": (PrioritizedSweeping, {}),
}
EVERYONE = {**PLANNERS, "policy-evaluation": (PolicyEvaluation, {})}
MODELS = st.builds(
    random_model,
    st.integers(0, 2**32 - 1),
    states=st.integers(1, 9),
    actions=st.integers(1, 4),
    successors=st.sampled_from([1, 3, 6]),  # each number is compiled by itself
    ends=st.sampled_from([0.0, 0.2, 1.0]),
)
each = pytest.mark.parametrize("name", PLANNERS)
everyone = pytest.mark.parametrize("name", EVERYONE)


def planner(name, model, **config):
    cls, options = EVERYONE[name]
    return make_agent(cls, make_stream(model), model=model, **{**options, **config})


def planned(name, model, **config):
    agent = planner(name, model, **config)
    *_, last = agent.train(None)
    return agent, last


def ragged(model, seed):
    """The same model with some outcomes split in two, so that rows differ in length."""
    rng = np.random.default_rng(seed)
    rows = []
    for r in range(model.num_states * model.num_actions):
        row = []
        for j in range(model.indptr[r], model.indptr[r + 1]):
            parts = rng.integers(1, 3)
            outcome = (int(model.successor[j]), float(model.reward[j]), bool(model.terminated[j]))
            row += [(float(model.probability[j]) / parts, *outcome)] * parts
        rows.append(row)
    return TransitionModel.from_rows(model.num_states, model.num_actions, rows, model.initial)


def costly(seed):
    """A Garnet in which no reward is positive, so that never ending is no way out."""
    model = random_model(seed)
    return dataclasses.replace(model, reward=-np.abs(model.reward))


def exact(model, discount):
    """V* by policy iteration with dense solves."""
    (P, R), states = model.dense(), np.arange(model.num_states)
    policy = np.zeros(model.num_states, dtype=int)
    for _ in range(1000):
        V = np.linalg.solve(np.eye(len(states)) - discount * P[states, policy], R[states, policy])
        Q = R + discount * P @ V
        better = Q.max(axis=1) > Q[states, policy] + 1e-11
        if not better.any():
            break
        policy = np.where(better, Q.argmax(axis=1), policy)
    return V


@each
@settings(deadline=None, max_examples=40)
@given(MODELS, st.floats(0, 0.97), st.booleans())
def test_values_are_within_the_tolerance_of_a_dense_solve(name, model, discount, split):
    model = ragged(model, 0) if split else model
    agent, last = planned(name, model, discount=discount, tolerance=1e-9)
    states, V = np.arange(model.num_states), exact(model, discount)
    P, R = model.dense()
    assert last.metrics["error"] <= 1e-9
    assert np.abs(agent.values(states) - V).max() <= 1e-9 + 1e-12
    assert agent.q == pytest.approx(R + discount * P @ agent.values(states), abs=1e-12)
    chosen = (R + discount * P @ V)[states, agent.greedy(states)]
    assert chosen == pytest.approx(V, abs=1e-8)
    assert agent.probabilities(states).argmax(axis=1).tolist() == agent.greedy(states).tolist()


@each
@pytest.mark.parametrize("tolerance", [1.0, 1e-2, 1e-5])
def test_the_error_it_reports_is_no_less_than_the_true_one(name, tolerance):
    model = random_model(5, states=40, ends=0.0)
    agent, last = planned(name, model, discount=0.99, tolerance=tolerance)
    true = np.abs(agent.values(np.arange(40)) - exact(model, 0.99)).max()
    assert true <= last.metrics["error"] <= tolerance


@settings(deadline=None, max_examples=40)
@given(MODELS, st.floats(0, 0.97), st.integers(0, 3))
def test_evaluation_equals_a_linear_solve(model, discount, action):
    states, (P, R) = np.arange(model.num_states), model.dense()
    for policy in ((), (action % model.num_actions,)):
        agent, _ = planned("policy-evaluation", model, discount=discount, tolerance=1e-9, policy=policy)
        pi = agent.probabilities(states)
        solved = np.linalg.solve(
            np.eye(len(states)) - discount * np.einsum("sa,sat->st", pi, P), (pi * R).sum(axis=1)
        )
        assert agent.values(states) == pytest.approx(solved, abs=1e-9)


def test_evaluation_acts_by_its_policy():
    model, states = random_model(1), np.arange(12)
    given_policy = tuple(int(a) for a in np.random.default_rng(0).integers(3, size=12))
    for policy in ((), given_policy):
        agent = planner("policy-evaluation", model, policy=policy)
        action, _ = agent.act(states.repeat(3000), None, explore=False, generator=np.random.default_rng(0))
        counted = np.zeros((12, 3))
        np.add.at(counted, (states.repeat(3000), action), 1 / 3000)
        assert agent.probabilities(states) == pytest.approx(counted, abs=0.04)


@pytest.mark.skipif(
    importlib.util.find_spec("quantecon") is None, reason="quantecon, the peer, is not installed"
)
@pytest.mark.filterwarnings("ignore")
@settings(deadline=None, max_examples=15)
@given(MODELS, st.floats(0.01, 0.97))
def test_everyone_agrees_with_quantecon(model, discount):
    from quantecon.markov import DiscreteDP

    P, R = model.dense()
    # It knows no end of an episode: one more state, which rewards nothing.
    n, m = model.num_states, model.num_actions
    Q = np.zeros((n + 1, m, n + 1))
    Q[:n, :, :n], Q[:n, :, n], Q[n, :, n] = P, 1 - P.sum(axis=2), 1
    theirs = DiscreteDP(np.vstack([R, np.zeros(m)]), Q.clip(0), discount).solve("policy_iteration").v[:n]
    for name in PLANNERS:
        agent, _ = planned(name, model, discount=discount)
        assert agent.values(np.arange(n)) == pytest.approx(theirs, abs=1e-8)


@each
@pytest.mark.parametrize(
    ("env", "discount", "start"),
    [
        ("FrozenLake-v1", 1.0, 0.82353),
        ("FrozenLake-v1", 0.99, 0.54203),
        ("FrozenLake-v1", 0.95, 0.18047),
        ("FrozenLake-v1", 0.9, 0.06889),
        ("CliffWalking-v1", 1.0, -13.0),
        ("Taxi-v4", 1.0, 7.93),
    ],
)
def test_known_answers(name, env, discount, start):
    model = toy_text(env)
    agent, last = planned(name, model, discount=discount)
    assert model.initial @ agent.values(np.arange(model.num_states)) == pytest.approx(start, abs=5e-6)
    assert last.steps < 20_000


@each
def test_the_greedy_policy_of_frozen_lake_under_its_limit(name):
    model = toy_text("FrozenLake-v1")
    agent, _ = planned(name, model, discount=0.99)
    policy = agent.probabilities(np.arange(16))
    assert policy_value(model, policy, 100) == pytest.approx(0.7402, abs=5e-5)


@everyone
@pytest.mark.parametrize("discount", [0.9, 0.99, 1.0])
@pytest.mark.parametrize("kind", [lambda: toy_text("FrozenLake-v1"), lambda: ragged(costly(4), 1)])
def test_resumed_at_any_point_equals_uninterrupted(name, discount, kind):
    model = kind()
    agent, expected = planned(name, model, discount=discount)
    states = np.arange(model.num_states)
    for stop in {0, min(1, expected.steps - 1), expected.steps // 2, expected.steps - 1}:
        other = planner(name, model, discount=discount)
        turns = other.train(None)
        for _ in range(stop):
            next(turns)
        fresh = planner(name, model, discount=discount)
        fresh.load_state_dict(decode(encode(other.state_dict())))
        *_, last = fresh.train(None)
        assert last == expected
        assert encode(fresh.state_dict()) == encode(agent.state_dict())
        assert np.array_equal(fresh.q, agent.q)
    assert list(fresh.train(None)) == []
    again = planner(name, model, discount=discount)
    again.load_state_dict(decode(encode(agent.state_dict())))
    assert list(again.train(None)) == []
    assert np.array_equal(again.greedy(states), agent.greedy(states))


@everyone
def test_looking_between_sweeps_changes_nothing(name):
    model, states = random_model(3), np.arange(12)
    looked, expected = planner(name, model), planned(name, model)[0]
    for _ in looked.train(None):
        assert looked.q.shape == (12, 3)
        looked.greedy(states)
    assert np.array_equal(looked.q, expected.q)
    assert np.array_equal(looked.greedy(states), expected.greedy(states))


@everyone
def test_large_rewards_and_no_tolerance_end_at_rounding(name):
    model = random_model(6, states=30, ends=0.3)
    big = dataclasses.replace(model, reward=1e7 * model.reward)
    for tolerance in (0.0, 1e-10):
        _, last = planned(name, big, discount=0.9, tolerance=tolerance)
        assert last.steps < 3000


@each
def test_ties_do_not_cycle(name):
    """Every action twice, and a duplicate that differs in the last bit of its reward."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(200):
        row = [(1.0, int(rng.integers(200)), float(rng.integers(1, 4)) / 10, False)]
        twin = [(1.0, row[0][1], float(np.nextafter(row[0][2], 1)), False)]
        rows += [row, twin, row]
    model = TransitionModel.from_rows(200, 3, rows, np.full(200, 1 / 200))
    agent, last = planned(name, model, discount=0.99, tolerance=1e-9)
    assert last.metrics["error"] <= 1e-9
    assert agent.greedy(np.arange(200)).tolist() == [0] * 200


@pytest.mark.parametrize("improper", [-1.0, 0.0])
def test_policy_iteration_survives_a_first_policy_that_never_ends(improper):
    """Action 0 stays where it is, action 1 goes on; nothing is discounted."""
    rows = [[[(1.0, s, improper, False)], [(1.0, min(s + 1, 9), -0.5, s == 9)]] for s in range(10)]
    model = TransitionModel.from_rows(10, 2, [row for both in rows for row in both], np.eye(10)[0])
    agent, last = planned("policy-iteration", model, discount=1.0, initial_policy=(0,))
    assert last.steps < 50
    if improper:
        assert agent.values(np.arange(10)) == pytest.approx(-0.5 * np.arange(10, 0, -1))
    else:
        assert agent.values(np.arange(10)) == pytest.approx(np.zeros(10))


def test_a_large_chain_is_swept_and_not_solved():
    model = random_model(8, states=1500)
    swept, _ = planned("policy-iteration", model, tolerance=1e-8)
    other, _ = planned("modified-policy-iteration", model, tolerance=1e-8)
    states = np.arange(1500)
    assert swept.values(states) == pytest.approx(other.values(states), abs=2e-8)
    assert np.array_equal(swept.greedy(states), other.greedy(states))


def test_equal_actions_up_to_rounding_give_the_first():
    """0.1 ten times and 1.0 at once: sums that differ in the last bit."""
    rows = [
        [(1.0, 1, sum([0.1] * 10), True)],
        [(1.0, 1, 1.0, True)],
        [(1.0, 1, 0.0, True)],
        [(1.0, 1, 1e-200, True)],
    ]
    for name in ("value-iteration", "modified-policy-iteration", "prioritized-sweeping"):
        agent, _ = planned(name, TransitionModel.from_rows(2, 2, rows, [1.0, 0.0]), tolerance=0.0)
        assert agent.q[0, 0] < agent.q[0, 1]
        assert agent.greedy(np.array([0, 1])).tolist() == [0, 1]  # but a small value is no rounding error


@everyone
def test_a_problem_without_its_model_is_refused(name):
    cls, options = EVERYONE[name]
    with pytest.raises(ArenaError, match=r"needs .* model.*q-learning"):
        make_agent(cls, make_stream(random_model(0)), **options)
    with pytest.raises(ArenaError, match="5 states"):
        make_agent(cls, make_stream(random_model(0)), model=random_model(0, states=5), **options)


@pytest.mark.parametrize("policy", [(3,), (-1,), (0, 1)])
def test_a_policy_that_does_not_fit_is_refused(policy):
    with pytest.raises(ArenaError, match="does not fit 12 states with 3 actions"):
        planner("policy-evaluation", random_model(0), policy=policy)
    with pytest.raises(ArenaError, match="does not fit 12 states with 3 actions"):
        planner("policy-iteration", random_model(0), initial_policy=policy)
