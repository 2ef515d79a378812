"""What is learned: the textbook's updates, exact fixed points, good policies."""

from __future__ import annotations

import numpy as np
import pytest
from tabular_problems import Recorder, make_agent, make_stream, random_model, stepwise, toy_text, train

from arena.mdp import TransitionModel
from arena.optimum import optimum, policy_value
from arena.random import Generators
from arena_tabular import SARSA, QLearning
from arena_tabular.plugin import arena_agents

MASK = 2**64 - 1
LEARNERS = [SARSA, QLearning]
SPECS = {spec.name: spec for spec in arena_agents()}


def random_bits(key: int, counter: int) -> int:
    """SplitMix64's `counter`-th number, in Python's integers."""
    z = (key + (counter + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def epsilon_greedy(row: list[float], epsilon: float, bits: int) -> int:
    low = bits & 0xFFFFFFFF
    if (bits >> 11) * 2.0**-53 < epsilon:
        return (low * len(row)) >> 32
    best = [a for a, value in enumerate(row) if value == max(row)]
    return best[(low * len(best)) >> 32]


class Textbook:
    """Sutton & Barto 2018, the boxes of sections 6.4 and 6.5, fed with recorded transitions, in plain Python.

    It makes its own choices, and asserts that the learner made the same.
    """

    def __init__(self, states, actions, lanes, seed, *, discount, step_size, epsilon, initial_value=0.0):
        self.q = [[initial_value] * actions for _ in range(states)]
        self.discount, self.step_size, self.epsilon, self.lanes = discount, step_size, epsilon, lanes
        self.explore, self.target = (Generators(seed).key(name) for name in ("explore", "explore/target"))
        self.pending = [None] * lanes

    def choose(self, key, state, time, lane):
        return epsilon_greedy(self.q[state], self.epsilon, random_bits(key, time * self.lanes + lane))

    def update(self, s, a, target):
        self.q[s][a] += self.step_size * (target - self.q[s][a])

    def replay(self, record, after):
        for time, (s, a, r, terminated, truncated, s2) in enumerate(record):
            lanes = range(self.lanes)
            expected = [
                self.choose(self.explore, s[i], time, i) if self.pending[i] is None else self.pending[i]
                for i in lanes
            ]
            assert a.tolist() == expected
            after(self, time, s, a, r.tolist(), terminated, truncated, s2)


def q_learning_box(book, time, s, a, r, terminated, truncated, s2):
    for i in range(book.lanes):
        book.update(s[i], a[i], r[i] if terminated[i] else r[i] + book.discount * max(book.q[s2[i]]))


def sarsa_box(book, time, s, a, r, terminated, truncated, s2):
    keys = [book.target if cut else book.explore for cut in truncated]
    a2 = [book.choose(keys[i], s2[i], time + 1, i) for i in range(book.lanes)]
    for i in range(book.lanes):
        book.update(s[i], a[i], r[i] if terminated[i] else r[i] + book.discount * book.q[s2[i]][a2[i]])
    book.pending = [
        None if end or cut else action for end, cut, action in zip(terminated, truncated, a2, strict=True)
    ]


@pytest.mark.parametrize(("learner", "box"), [(SARSA, sarsa_box), (QLearning, q_learning_box)])
@pytest.mark.parametrize("lanes", [1, 4])
def test_learning_is_the_textbook_s(learner, box, lanes):
    config = {"discount": 0.9, "step_size": 0.25, "epsilon": 0.3, "initial_value": 0.0}
    stream = make_stream(random_model(8), lanes, 6, kind=Recorder)
    agent = make_agent(stepwise(learner), stream, seed=5, **config)
    train(agent, stream, 3000)
    assert any(t.terminated.any() for t in stream.record)
    assert any(t.truncated.any() for t in stream.record)
    book = Textbook(agent.num_states, agent.num_actions, lanes, 5, **config)
    book.replay(stream.record, box)
    assert agent.q.tolist() == book.q


def chain(ends: bool) -> TransitionModel:
    """0 → 1 for a reward of 1; from 1 a reward of 2, and the end or back to 0. Episodes begin in either."""
    rows = [[(1.0, 1, 1.0, False)], [(1.0, 0, 2.0, ends)]]
    return TransitionModel.from_rows(2, 1, rows, [0.5, 0.5])


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("cls", [lambda c: c, stepwise])
@pytest.mark.parametrize("limit", [1, 2, 3, None])
def test_truncation_bootstraps_and_termination_does_not(learner, cls, limit):
    discount = 0.5
    solved = {True: [1 + discount * 2, 2], False: [(1 + discount * 2) / (1 - discount**2), None]}
    solved[False][1] = 2 + discount * solved[False][0]
    for ends, expected in solved.items():
        stream = make_stream(chain(ends), 2, limit)
        agent = make_agent(cls(learner), stream, discount=discount, step_size=0.5, epsilon=0.1)
        train(agent, stream, 1000)
        assert agent.q[:, 0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("epsilon", [0.0, 0.4, 1.0])
def test_sarsa_learns_the_value_of_the_policy_that_it_follows(epsilon):
    """One state, two actions with rewards 0 and 1, no end: Q(a) = r(a) + γ (1 − ε/2) / (1 − γ)."""
    model = TransitionModel.from_rows(1, 2, [[(1.0, 0, 0.0, False)], [(1.0, 0, 1.0, False)]], [1.0])
    stream = make_stream(model)
    agent = make_agent(SARSA, stream, discount=0.5, step_size=0.001, epsilon=epsilon, initial_value=0.9)
    train(agent, stream, 300_000)
    future = 0.5 * (1 - epsilon / 2) / (1 - 0.5)
    if epsilon == 0:
        assert agent.q[0, 1] == pytest.approx(1 + future, abs=1e-9)
    else:
        assert agent.q[0] == pytest.approx([future, 1 + future], abs=0.05)


@pytest.mark.parametrize("epsilon", [0.0, 0.25, 1.0])
def test_exploration_explores_as_often_as_it_says_and_breaks_ties_evenly(epsilon):
    stream = make_stream(random_model(1, states=4, actions=4))
    agent = make_agent(QLearning, stream, epsilon=epsilon)
    agent.load_snapshot({"q": np.array([[0, 1, 0, 0], [2, 1, 2, 2], [0, 0, 0, 0], [0, 0, 0, 3.0]])})
    n, generator = 200_000, np.random.default_rng(0)
    for state, best in enumerate(([1], [0, 2, 3], [0, 1, 2, 3], [3])):
        action, _ = agent.act(np.full(n, state), None, explore=True, generator=generator)
        expected = np.full(4, epsilon / 4)
        expected[best] += (1 - epsilon) / len(best)
        assert np.bincount(action, minlength=4) / n == pytest.approx(expected, abs=0.006)


def test_a_table_starts_at_its_initial_value_and_is_greedy_by_the_first():
    agent = make_agent(QLearning, make_stream(random_model(1)), initial_value=-2.5)
    assert (agent.q == -2.5).all()
    states = np.arange(agent.num_states)
    assert (agent.greedy(states) == 0).all()
    assert (agent.values(states) == -2.5).all()


@pytest.mark.parametrize(
    ("name", "learner", "env", "horizon", "least"),
    [
        ("q-learning", QLearning, "CliffWalking-v1", 200, -13),
        ("q-learning", QLearning, "FrozenLake-v1", 100, 0.735),
        ("q-learning", QLearning, "FrozenLake8x8-v1", 200, 0.875),
        ("q-learning", QLearning, "Taxi-v4", 200, 7.9),
        ("sarsa", SARSA, "CliffWalking-v1", 200, -17),
        ("sarsa", SARSA, "FrozenLake-v1", 100, 0.725),
        ("sarsa", SARSA, "FrozenLake8x8-v1", 200, 0.84),
        ("sarsa", SARSA, "Taxi-v4", 200, 7.9),
    ],
)
def test_presets_learn_well(name, learner, env, horizon, least):
    model, preset = toy_text(env), SPECS[name].preset(env)
    limit = None if env == "CliffWalking-v1" else horizon
    stream = make_stream(model, preset.num_envs or 1, limit)
    agent = make_agent(learner, stream, **preset.options)
    train(agent, stream, preset.steps)
    value = policy_value(model, agent.probabilities(np.arange(model.num_states)), horizon)
    assert least <= value <= optimum(model, horizon)
