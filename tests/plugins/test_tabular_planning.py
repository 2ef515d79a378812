"""Value iteration against linear algebra, a naive sweep and the published answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tabular_problems import make_agent, make_stream, random_model, toy_text

from arena.codec import decode, encode
from arena.errors import ArenaError
from arena.mdp import TransitionModel
from arena.optimum import policy_value
from arena_tabular import ValueIteration


def planner(model, **config):
    return make_agent(ValueIteration, make_stream(model), model=model, **config)


def planned(model, **config):
    agent = planner(model, **config)
    *_, last = agent.train(None)
    return agent, last


MODELS = st.builds(
    random_model,
    st.integers(0, 2**32 - 1),
    states=st.integers(1, 9),
    actions=st.integers(1, 4),
    successors=st.integers(1, 4),
    ends=st.sampled_from([0.0, 0.2, 1.0]),
)


@settings(deadline=None, max_examples=60)
@given(MODELS, st.floats(0, 0.97))
def test_values_equal_the_linear_solve_of_their_policy_and_a_naive_sweep(model, discount):
    agent, last = planned(model, discount=discount, tolerance=1e-12)
    states = np.arange(model.num_states)
    P, R = model.dense()
    greedy = agent.greedy(states)
    solved = np.linalg.solve(np.eye(len(states)) - discount * P[states, greedy], R[states, greedy])
    naive = np.zeros(len(states))
    for _ in range(last.steps):
        naive = (R + discount * P @ naive).max(axis=1)
    assert agent.values(states) == pytest.approx(solved, abs=1e-9)
    assert agent.values(states) == pytest.approx(naive, abs=1e-10)
    assert agent.q == pytest.approx(R + discount * P @ agent.values(states), abs=1e-12)
    assert agent.probabilities(states).argmax(axis=1).tolist() == greedy.tolist()
    assert last.metrics["delta"] <= 1e-12


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
def test_known_answers(env, discount, start):
    model = toy_text(env)
    agent, _ = planned(model, discount=discount)
    assert model.initial @ agent.values(np.arange(model.num_states)) == pytest.approx(start, abs=5e-6)


def test_the_greedy_policy_of_frozen_lake_under_its_limit():
    model = toy_text("FrozenLake-v1")
    agent, _ = planned(model, discount=0.99)
    policy = agent.probabilities(np.arange(16))
    assert policy_value(model, policy, 100) == pytest.approx(0.7402, abs=5e-5)


@pytest.mark.parametrize("discount", [0.99, 1.0])
def test_resumed_equals_uninterrupted_and_a_finished_plan_ends_at_once(discount):
    model = toy_text("FrozenLake-v1")
    agent, expected = planned(model, discount=discount)
    other = planner(model, discount=discount)
    turns = other.train(None)
    for _ in range(137):
        next(turns)
    fresh = planner(model, discount=discount)
    fresh.load_state_dict(decode(encode(other.state_dict())))
    *_, last = fresh.train(None)
    assert last == expected
    assert encode(fresh.state_dict()) == encode(agent.state_dict())
    assert np.array_equal(fresh.q, agent.q)
    assert list(fresh.train(None)) == []
    again = planner(model, discount=discount)
    again.load_state_dict(decode(encode(agent.state_dict())))
    assert list(again.train(None)) == []
    assert np.array_equal(again.greedy(np.arange(16)), agent.greedy(np.arange(16)))


def test_looking_between_sweeps_changes_nothing():
    model, states = random_model(3), np.arange(12)
    looked, expected = planner(model), planned(model)[0]
    for _ in looked.train(None):
        assert looked.q[states, looked.greedy(states)] == pytest.approx(looked.q.max(axis=1))
    assert np.array_equal(looked.q, expected.q)
    assert np.array_equal(looked.greedy(states), expected.greedy(states))


def test_before_the_first_sweep_a_state_is_saved_and_resumed():
    model = toy_text("FrozenLake-v1")
    fresh = planner(model)
    fresh.load_state_dict(decode(encode(planner(model).state_dict())))
    assert next(fresh.train(None)).steps == 1


def test_equal_actions_up_to_rounding_give_the_first():
    """0.1 ten times and 1.0 at once: sums that differ in the last bit."""
    rows = [
        [(1.0, 1, sum([0.1] * 10), True)],
        [(1.0, 1, 1.0, True)],
        [(1.0, 1, 0.0, True)],
        [(1.0, 1, 1e-200, True)],
    ]
    agent, _ = planned(TransitionModel.from_rows(2, 2, rows, [1.0, 0.0]))
    assert agent.q[0, 0] < agent.q[0, 1]
    assert agent.greedy(np.array([0, 1])).tolist() == [0, 1]  # but a small value is no rounding error


def test_a_problem_without_its_model_is_refused():
    with pytest.raises(ArenaError, match=r"needs .* model.*q-learning"):
        make_agent(ValueIteration, make_stream(random_model(0)))
    with pytest.raises(ArenaError, match="5 states"):
        make_agent(ValueIteration, make_stream(random_model(0)), model=random_model(0, states=5))
