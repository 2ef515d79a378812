"""Every Monte Carlo method is its box, written out in plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from tabular_problems import Recorder, every_option, make_agent, make_stream, random_model, stepwise, train

from arena_tabular import MCControl, MCPrediction, OffPolicyMC

VISITS = [{"visit": "first"}, {"visit": "every"}]


def options_of(cls):
    """Those of `every_option` that the learner takes."""
    params = every_option(cls)
    if cls is OffPolicyMC:
        params = [param for param in params if param.values[1].get("behavior") != "ucb"]
    if cls is MCPrediction:
        params = [p for p in params if not any(k.startswith(("epsilon", "behavior")) for k in p.values[1])]
    return params


class Book:
    """Episodes as lists of (s, a, r, b), and what the boxes make of them."""

    def __init__(self, agent, lanes):
        config = self.config = agent.config
        states, actions = agent.num_states, agent.num_actions
        self.q = [[config.initial_value] * actions for _ in range(states)]
        self.v = [config.initial_value] * states
        self.taken = [[0] * actions for _ in range(states)]
        self.returns = {}
        self.average = [[0.0] * actions for _ in range(states)]
        self.episodes = [[] for _ in range(lanes)]
        self.lanes, self.time = lanes, 0

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

    def learning_rate(self, cell):
        self.returns[cell] = self.returns.get(cell, 0) + 1
        return self.scheduled("learning_rate", self.returns[cell])

    def prediction(self, episode, s2, policy):
        G = 0.0 if s2 is None else self.v[s2]
        seen = [s for s, _, _, _ in episode]
        for t, (s, _, r, _) in reversed(list(enumerate(episode))):
            G = r + self.config.discount * G
            if self.config.visit == "every" or s not in seen[:t]:
                self.v[s] += self.learning_rate(s) * (G - self.v[s])

    def control(self, episode, s2, policy):
        G = 0.0 if s2 is None else policy(s2)
        seen = [(s, a) for s, a, _, _ in episode]
        for t, (s, a, r, _) in reversed(list(enumerate(episode))):
            G = r + self.config.discount * G
            if self.config.visit == "every" or (s, a) not in seen[:t]:
                self.q[s][a] += self.learning_rate((s, a)) * (G - self.q[s][a])

    def off_policy(self, episode, s2, policy):
        G, W = (0.0 if s2 is None else max(self.q[s2])), 1.0
        for s, a, r, b in reversed(episode):
            G = r + self.config.discount * G
            step = self.learning_rate((s, a))
            self.average[s][a] += step * (W - self.average[s][a])
            self.q[s][a] += step * (W / self.average[s][a]) * (G - self.q[s][a])
            if a != self.q[s].index(max(self.q[s])):
                break
            W /= b


BOXES = {MCPrediction: Book.prediction, MCControl: Book.control, OffPolicyMC: Book.off_policy}
OPTIONS = [
    pytest.param(cls, {**param.values[1], **visit}, id=f"{param.id}-{visit.get('visit', 'weighted')}")
    for cls in BOXES
    for param in options_of(cls)
    for visit in ([{}] if cls is OffPolicyMC else VISITS)
]


class Watched(Recorder):
    """A recorder that also asks the agent how probable its actions are, and what it expects."""

    agent = book = box = None

    def step(self, action):
        agent, book = self.agent, self.book
        here = agent.behavior_probabilities(self.observation)[np.arange(self.num_envs), action]
        t = super().step(action)
        s, a, r, terminated, truncated, s2 = (x.tolist() for x in t[:6])
        self.ended = []
        for i in range(self.num_envs):
            book.episodes[i].append((s[i], a[i], r[i], float(here[i])))
            self.ended.append((terminated[i], truncated[i], s2[i]))
        self.pending = list(zip(s, a, strict=True))
        return t


def learn_by_the_book(stream, agent, book, box, longest):
    """One vector step of the box, with the counts as they stood when each lane's turn came."""

    def policy(s):
        rule = agent._rules
        agent._rules = stream.rules  # the behavior before this step's schedules moved on
        q, visits = agent._q, agent._visits
        agent._q = np.array(book.q)
        if len(visits):
            agent._visits = np.vstack([np.array(book.taken), visits[len(book.q) :]])
        p = agent.behavior_probabilities(np.array([s]))[0]
        agent._rules, agent._q, agent._visits = rule, q, visits
        return float(p @ np.array(book.q[s]))

    for i, (terminated, truncated, s2) in enumerate(stream.ended):
        s, a = stream.pending[i]
        book.taken[s][a] += 1
        if terminated or truncated or len(book.episodes[i]) == longest:
            box(book, book.episodes[i], None if terminated else s2, policy)
            book.episodes[i] = []
    book.time += 1


@pytest.mark.parametrize(("cls", "options"), OPTIONS)
@pytest.mark.parametrize(("lanes", "longest"), [(1, None), (4, 4)])
def test_learning_is_the_textbook_s(cls, options, lanes, longest):
    stream = make_stream(random_model(8), lanes, 6, kind=Watched)
    agent = make_agent(
        stepwise(cls), stream, 5, discount=0.9, initial_value=0.25, longest_return=longest, **options
    )
    book = stream.book = Book(agent, lanes)
    stream.agent = agent
    for boundary in range(lanes, 501, lanes):
        stream.rules = agent._rules.copy()
        train(agent, stream, boundary)
        learn_by_the_book(stream, agent, book, BOXES[cls], longest)
    assert any(t.terminated.any() for t in stream.record)
    assert any(t.truncated.any() for t in stream.record)
    learned = agent.values(np.arange(agent.num_states)) if cls is MCPrediction else agent.q
    expected = np.array(book.v if cls is MCPrediction else book.q)
    assert learned == pytest.approx(expected, rel=1e-9, abs=1e-12)
    if cls is not MCPrediction and agent.visits is not None:
        assert agent.visits.tolist() == book.taken
    lengths = [len(episode) for episode in book.episodes]
    assert agent.state_dict()["episodes"]["lengths"].tolist() == lengths


def test_weighted_importance_sampling_is_the_box_with_its_cumulative_weights():
    """S&B 5.7 as printed: C ← C + W; Q ← Q + W/C [G − Q]."""
    stream = make_stream(random_model(8), 1, None, kind=Recorder)
    options = {
        "learning_rate": 1.0,
        "learning_rate_schedule": "visits",
        "behavior": "softmax",
        "temperature": 1e9,
    }
    agent = make_agent(stepwise(OffPolicyMC), stream, 5, discount=0.9, **options)  # b(a | s) = 1/3, nearly
    train(agent, stream, 4000)
    Q, C, episode = np.zeros((12, 3)), np.zeros((12, 3)), []
    for s, a, r, terminated, _, _ in (tuple(x[0] for x in t[:6]) for t in stream.record):
        episode.append((s, a, r))
        if terminated:
            G, W = 0.0, 1.0
            for s, a, r in reversed(episode):
                G = 0.9 * G + r
                C[s, a] += W
                Q[s, a] += W / C[s, a] * (G - Q[s, a])
                if a != Q[s].argmax():
                    break
                W *= 3
            episode = []
    assert agent.q == pytest.approx(Q, rel=1e-6)
