"""Every one-step algorithm is the textbook's, written out in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tabular_problems import (
    ONE_STEP,
    Recorder,
    every_option,
    make_agent,
    make_stream,
    random_model,
    stepwise,
    train,
)

from arena.random.generators import Generators

MASK = 2**64 - 1


def random_bits(key: int, counter: int) -> int:
    """SplitMix64's `counter`-th number, in Python's integers."""
    z = (key + (counter + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def one_of(items: list[int], bits: int) -> int:
    return items[((bits & 0xFFFFFFFF) * len(items)) >> 32]


def argmaxes(row: list[float]) -> list[int]:
    return [a for a, value in enumerate(row) if value == max(row)]


class Textbook:
    """What a learner of `config` does in `lanes` lanes. It makes its own choices, from the same random numbers."""

    def __init__(self, config, states, actions, lanes, seed):
        self.config, self.lanes = config, lanes
        self.q = [[config.initial_value] * actions for _ in range(states)]
        self.pair = [[list(row) for row in self.q] for _ in range(2)]
        self.v = [config.initial_value] * states
        self.n = [[0] * actions for _ in range(states)]
        self.n_pair = [[[0] * actions for _ in range(states)] for _ in range(2)]
        generators = Generators(seed)
        self.explore, self.target, self.coin = (
            generators.key(name) for name in ("explore", "explore/target", "coin")
        )
        self.pending = [None] * lanes
        self.time = 0

    def scheduled(self, name, visits):
        start, kind, final, over, power = (
            getattr(self.config, name + rest) for rest in ("", "_schedule", "_final", "_steps", "_power")
        )
        steps = self.time * self.lanes
        if kind == "visits":
            return max(final or 0.0, start / visits**power)
        if final is None or kind == "constant":
            return start
        if steps >= over:
            return final
        part = steps / over
        return start * (final / start) ** part if kind == "exponential" else start + (final - start) * part

    def bounds(self, s):
        total = sum(self.n[s])
        return [
            value + self.config.confidence * math.sqrt(math.log(total) / n) if n else math.inf
            for value, n in zip(self.q[s], self.n[s], strict=True)
        ]

    def weights(self, s):
        return [math.exp((value - max(self.q[s])) / self.config.temperature) for value in self.q[s]]

    def choose(self, key, s, lane, ahead=0):
        bits = random_bits(key, (self.time + ahead) * self.lanes + lane)
        uniform, actions = (bits >> 11) * 2.0**-53, list(range(len(self.q[s])))
        behavior = getattr(self.config, "behavior", "uniform")
        if behavior == "softmax":
            weights = self.weights(s)
            left = uniform * sum(weights)
            for a in actions:
                left -= weights[a]
                if left < 0:
                    return a
        if behavior == "ucb":
            return one_of(argmaxes(self.bounds(s)), bits)
        if behavior == "uniform" or uniform < self.scheduled("epsilon", 1 + sum(self.n[s])):
            return one_of(actions, bits)
        return one_of(argmaxes(self.q[s]), bits)

    def expected(self, s):
        row = self.q[s]
        if self.config.behavior == "softmax":
            weights = self.weights(s)
            return sum(w * value for w, value in zip(weights, row, strict=True)) / sum(weights)
        if self.config.behavior == "ucb":
            best = argmaxes(self.bounds(s))
            return sum(row[a] for a in best) / len(best)
        epsilon = self.scheduled("epsilon", 1 + sum(self.n[s]))
        return epsilon * (sum(row) / len(row)) + (1.0 - epsilon) * max(row)

    def replay(self, record, box):
        for s, a, r, terminated, truncated, s2 in (tuple(x.tolist() for x in t[:6]) for t in record):
            lanes = range(self.lanes)
            chosen = [
                self.choose(self.explore, s[i], i) if self.pending[i] is None else self.pending[i]
                for i in lanes
            ]
            assert a == chosen
            supposed = [None] * self.lanes
            if box is sarsa:
                keys = [self.target if cut else self.explore for cut in truncated]
                supposed = [None if terminated[i] else self.choose(keys[i], s2[i], i, 1) for i in lanes]
                self.pending = [None if truncated[i] else supposed[i] for i in lanes]
            for i in lanes:
                bits = random_bits(self.coin, self.time * self.lanes + i)
                box(self, s[i], a[i], r[i], None if terminated[i] else s2[i], supposed[i], bits)
            self.time += 1

    def update(self, s, a, target):
        error = target - self.q[s][a]
        self.n[s][a] += 1
        self.q[s][a] += self.scheduled("learning_rate", self.n[s][a]) * error


def sarsa(book, s, a, r, s2, a2, bits):
    book.update(s, a, r if s2 is None else r + book.config.discount * book.q[s2][a2])


def expected_sarsa(book, s, a, r, s2, a2, bits):
    book.update(s, a, r if s2 is None else r + book.config.discount * book.expected(s2))


def q_learning(book, s, a, r, s2, a2, bits):
    book.update(s, a, r if s2 is None else r + book.config.discount * max(book.q[s2]))


def double_q_learning(book, s, a, r, s2, a2, bits):
    coin = bits >> 63
    own, other = book.pair[coin], book.pair[1 - coin]
    if s2 is not None:
        r += book.config.discount * other[s2][one_of(argmaxes(own[s2]), bits)]
    book.n[s][a] += 1
    book.n_pair[coin][s][a] += 1
    own[s][a] += book.scheduled("learning_rate", book.n_pair[coin][s][a]) * (r - own[s][a])
    book.q[s][a] = (own[s][a] + other[s][a]) / 2


def td(book, s, a, r, s2, a2, bits):
    book.n[s][0] += 1
    target = r if s2 is None else r + book.config.discount * book.v[s2]
    book.v[s] += book.scheduled("learning_rate", book.n[s][0]) * (target - book.v[s])


BOXES = dict(zip(ONE_STEP, (sarsa, expected_sarsa, q_learning, double_q_learning, td), strict=True))


@pytest.mark.parametrize(("cls", "options"), [param for cls in ONE_STEP for param in every_option(cls)])
@pytest.mark.parametrize("lanes", [1, 4])
def test_learning_is_the_textbook_s(cls, options, lanes):
    stream = make_stream(random_model(8), lanes, 6, kind=Recorder)
    agent = make_agent(stepwise(cls), stream, seed=5, discount=0.9, initial_value=0.25, **options)
    train(agent, stream, 500)
    assert any(t.terminated.any() for t in stream.record)
    assert any(t.truncated.any() for t in stream.record)
    book = Textbook(agent.config, agent.num_states, agent.num_actions, lanes, 5)
    book.replay(stream.record, BOXES[cls])
    learned = agent.values(np.arange(agent.num_states)) if cls is ONE_STEP[-1] else agent.q
    assert learned.tolist() == (book.v if cls is ONE_STEP[-1] else book.q)
