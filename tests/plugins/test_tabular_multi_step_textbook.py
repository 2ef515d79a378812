"""n-step methods and traces are the textbook's, written out in plain Python over whole tables and episodes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from tabular_problems import (
    ONE_STEP,
    Recorder,
    make_agent,
    make_stream,
    random_model,
    some_options,
    stepwise,
    train,
    walk,
)
from test_tabular_learning_textbook import Textbook

from arena_tabular import TDPrediction
from arena_tabular.n_step import NStepSARSA, NStepTD
from arena_tabular.traces import QLambda, SARSALambda, TDLambda

N_STEP = [(cls, {"n_steps": n}) for cls in (NStepTD, NStepSARSA) for n in (1, 2, 3, 5, 50)]
TRACES = [
    (cls, {"trace": trace, "trace_decay": decay, "trace_cutoff": cutoff})
    for cls, traces in (
        (TDLambda, ("accumulating", "replacing", "dutch")),
        (SARSALambda, ("accumulating", "replacing", "dutch")),
        (QLambda, ("accumulating", "replacing")),
    )
    for trace in traces
    for decay, cutoff in ((0.9, 0.0), (0.7, 0.05), (1.0, 1e-4))
]


def numbered(families):
    """Families with a number for each among those of its class."""
    count, found = Counter(), []
    for cls, family in families:
        found.append((cls, family, count[cls]))
        count[cls] += 1
    return found


def options_for(cls, number):
    """A third of the options that go through all behaviors and schedules: three neighbors have them all."""
    base = TDPrediction if issubclass(cls, TDPrediction) else ONE_STEP[0]
    return some_options(base, number, 3)


class Book(Textbook):
    """A learner with histories: of every lane's episode so far, or of its traces."""

    def __init__(self, agent, lanes, seed):
        super().__init__(agent.config, agent.num_states, agent.num_actions, lanes, seed)
        self.predicts, self.greedily = isinstance(agent, TDPrediction), isinstance(agent, QLambda)
        if self.predicts:
            self.table, self.n = [[v] for v in self.v], [[0] for _ in self.v]
        else:
            self.table = self.q
        self.episode = [[] for _ in range(lanes)]
        self.traces = [[[0.0] * len(row) for row in self.table] for _ in range(lanes)]
        self.before = [None] * lanes

    def replay(self, record, box):
        for step in record:
            s, a, r, terminated, truncated, s2 = (x.tolist() for x in step[:6])
            lanes = range(self.lanes)
            assert a == [
                self.choose(self.explore, s[i], i) if self.pending[i] is None else self.pending[i]
                for i in lanes
            ]
            strays = [self.q[s[i]][a[i]] < max(self.q[s[i]]) for i in lanes]
            supposed = [0] * self.lanes
            if not self.predicts and not self.greedily:
                keys = [self.target if cut else self.explore for cut in truncated]
                supposed = [None if terminated[i] else self.choose(keys[i], s2[i], i, 1) for i in lanes]
                self.pending = [None if truncated[i] else supposed[i] for i in lanes]
            for i in lanes:
                value = 0.0
                if not terminated[i]:
                    row = self.table[s2[i]]
                    value = max(row) if self.greedily else row[supposed[i]]
                b = 0 if self.predicts else a[i]
                self.n[s[i]][b] += 1
                box(self, i, s[i], b, r[i], value, terminated[i] or truncated[i], strays[i])
            self.time += 1

    def move(self, s, b, error, visit):
        self.table[s][b] += self.scheduled("learning_rate", visit) * error


def n_step(book, lane, s, b, r, value, done, strays):
    """Sutton & Barto 2018, section 7.1 and 7.2, at time t = T − 1 or before; G by its recursion."""
    episode, n = book.episode[lane], book.config.n_steps
    episode.append((s, b, r, book.n[s][b]))
    t = len(episode) - 1
    for tau in range(max(0, t - n + 1), t + 1) if done else range(t - n + 1, t - n + 2):
        if tau < 0:
            continue
        G = value
        for _, _, reward, _ in reversed(episode[tau : t + 1]):
            G = reward + book.config.discount * G
        s, b, _, visit = episode[tau]
        book.move(s, b, G - book.table[s][b], visit)
    if done:
        episode.clear()


def traces(book, lane, s, b, r, value, done, strays):
    """Section 12.2 (2018) and figures 7.11 and 7.14 (1998); van Seijen & Sutton 2014, algorithm 1."""
    e, decay = book.traces[lane], book.config.discount * book.config.trace_decay
    if book.greedily and strays:
        e[:] = [[0.0] * len(row) for row in e]
    error = r + book.config.discount * value - book.table[s][b]
    learning_rate = book.scheduled("learning_rate", book.n[s][b])
    moved = 0.0
    if book.config.trace == "dutch":
        if any(map(any, e)):
            moved = book.table[s][b] - book.before[lane]
        e[s][b] = (1 - learning_rate) * e[s][b] + 1
        book.before[lane] = value
    else:
        e[s][b] = 1.0 if book.config.trace == "replacing" else e[s][b] + 1.0
    for x, row in enumerate(e):
        for c in range(len(row)):
            if row[c]:
                book.table[x][c] += book.scheduled("learning_rate", book.n[x][c]) * (error + moved) * row[c]
                row[c] = 0.0 if done or row[c] * decay <= book.config.trace_cutoff else row[c] * decay
    book.table[s][b] -= learning_rate * moved


def check(cls, options, lanes, box, limit=6):
    stream = make_stream(random_model(8), lanes, limit, kind=Recorder)
    agent = make_agent(stepwise(cls), stream, seed=5, discount=0.9, initial_value=0.25, **options)
    train(agent, stream, 400)
    assert any(t.terminated.any() for t in stream.record)
    assert any(t.truncated.any() for t in stream.record)
    book = Book(agent, lanes, 5)
    book.replay(stream.record, box)
    assert agent._learned.tolist() == book.table
    assert np.isfinite(agent._learned).all()


@pytest.mark.parametrize(("cls", "family", "number"), numbered(N_STEP))
@pytest.mark.parametrize("lanes", [1, 4])
def test_n_step_learning_is_the_textbook_s(cls, family, number, lanes):
    for options in options_for(cls, number + lanes):
        check(cls, {**options, **family}, lanes, n_step)


@pytest.mark.parametrize(("cls", "family", "number"), numbered(TRACES))
@pytest.mark.parametrize("lanes", [1, 4])
def test_learning_by_traces_is_the_textbook_s(cls, family, number, lanes):
    for options in options_for(cls, number + lanes // 4):
        check(cls, {**options, **family}, lanes, traces, limit=13)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cls", "family", "box", "limit"),
    [*((*one, n_step, 6) for one in N_STEP), *((*one, traces, 13) for one in TRACES)],
)
@pytest.mark.parametrize("lanes", [1, 4])
def test_learning_with_every_option_is_the_textbook_s(cls, family, box, limit, lanes):
    base = TDPrediction if issubclass(cls, TDPrediction) else ONE_STEP[0]
    for options in some_options(base, 0, 1):
        check(cls, {**options, **family}, lanes, box, limit)


def episodes_of(record):
    """(states, rewards, whether it terminated) of a lane's whole episodes."""
    found, states, rewards = [], [], []
    for t in record:
        states.append(int(t.observation[0]))
        rewards.append(float(t.reward[0]))
        if t.terminated[0] or t.truncated[0]:
            found.append(([*states, int(t.next_observation[0])], rewards, bool(t.terminated[0])))
            states, rewards = [], []
    return found


def trained_on_episodes(cls, model, limit, steps=400, **options):
    """A learner that stops at the end of an episode, and its episodes."""
    stream = make_stream(model, 1, limit, kind=Recorder)
    agent = make_agent(stepwise(cls), stream, **options)
    train(agent, stream, steps)
    while not (stream.record[-1].terminated[0] or stream.record[-1].truncated[0]):
        train(agent, stream, stream.steps + 1)
    return agent, episodes_of(stream.record)


@pytest.mark.parametrize("limit", [None, 9])
def test_a_large_n_is_every_visit_monte_carlo(limit):
    """Every visit's return, discounted, moves V by a constant α; a cut's return ends with V of the successor."""
    options = {"discount": 0.9, "learning_rate": 0.2, "initial_value": 0.5}
    agent, episodes = trained_on_episodes(NStepTD, random_model(8), limit, n_steps=10_000, **options)
    V = [0.5] * agent.num_states
    for states, rewards, terminated in episodes:
        G, returns = 0.0 if terminated else V[states[-1]], []
        for reward in reversed(rewards):
            G = reward + 0.9 * G
            returns.insert(0, G)
        for s, G in zip(states, returns, strict=False):
            V[s] += 0.2 * (G - V[s])
    assert agent.values(np.arange(agent.num_states)).tolist() == V


@pytest.mark.parametrize("decay", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("limit", [None, 9])
def test_dutch_traces_equal_the_online_lambda_return(decay, limit):
    """Van Seijen & Sutton 2014, theorem 1: at every time t, V is what the interim λ-returns to horizon t make of V₀."""
    model, discount, learning_rate = random_model(8), 0.9, 0.3
    agent, episodes = trained_on_episodes(
        TDLambda,
        model,
        limit,
        discount=discount,
        learning_rate=learning_rate,
        trace="dutch",
        trace_decay=decay,
        trace_cutoff=0.0,
    )
    V = np.zeros(agent.num_states)
    for states, rewards, terminated in episodes:
        first, T = V.copy(), len(rewards)
        ahead = []  # the estimate of the state at time t by V as it was at time t − 1
        for t in range(1, T + 1):
            ahead.append(0.0 if terminated and t == T else V[states[t]])
            V = first.copy()
            for k in range(t):
                G = rewards[t - 1] + discount * ahead[t - 1]
                for j in range(t - 2, k - 1, -1):  # G = r + γ ((1 − λ) V(s') + λ G')
                    G = rewards[j] + discount * ((1 - decay) * ahead[j] + decay * G)
                V[states[k]] += learning_rate * (G - V[states[k]])
    assert agent.values(np.arange(agent.num_states)) == pytest.approx(V, rel=1e-9, abs=1e-12)


# Replacing traces have a forward view only with λ = 1.
@pytest.mark.parametrize(
    ("trace", "first", "decay"),
    [("accumulating", False, 0.5), ("accumulating", False, 1.0), ("replacing", True, 1.0)],
)
def test_traces_are_the_offline_lambda_return_for_a_small_learning_rate(trace, first, decay):
    """The forward view: Σ α (G^λ − V(s)) over visits. Replacing, with γ = λ = 1: over first ones."""
    discount, learning_rate, V0 = 1.0 if first else 0.9, 1e-7, 0.3
    options = {"discount": discount, "learning_rate": learning_rate, "initial_value": V0, "trace_cutoff": 0.0}
    agent, episodes = trained_on_episodes(TDLambda, walk(7), None, trace=trace, trace_decay=decay, **options)
    change = np.zeros(7)
    for states, rewards, terminated in episodes:
        assert terminated
        G, moves = 0.0, []
        for k in range(len(rewards) - 1, -1, -1):
            after = 0.0 if k == len(rewards) - 1 else V0
            G = rewards[k] + discount * ((1 - decay) * after + decay * G)
            moves.insert(0, (states[k], G))
        seen = set()
        for s, G in moves:
            if not (first and s in seen):
                change[s] += G - V0
            seen.add(s)
    learned = (agent.values(np.arange(7)) - V0) / learning_rate
    assert learned == pytest.approx(change, rel=1e-3, abs=1e-3)
