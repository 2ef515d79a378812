"""Dyna-Q and Dyna-Q+ are the textbook's, on both paths, resumed, and in exact arithmetic."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest
from tabular_problems import (
    QLearning,
    Recorder,
    every_option,
    make_agent,
    make_stream,
    random_model,
    stepwise,
    train,
)
from test_tabular_learning_textbook import Textbook, random_bits

from arena.config.options import coerce
from arena.environments.mdp import TransitionModel
from arena.errors import ArenaError
from arena.random.generators import Generators
from arena.storage.codec import decode, encode
from arena.testing import AGENT_LAWS, DoesNotApply, bootstraps_through_truncation
from arena_gridworld.dyna_maze import DynaMazeOptions
from arena_tabular import DynaQ, DynaQPlus

DYNA = [DynaQ, DynaQPlus]
OPTIONS = [param for cls in DYNA for param in every_option(cls)]


class DynaTextbook(Textbook):
    """The box of section 8.2, and what section 8.3 and its footnote add to it, in plain Python."""

    def __init__(self, agent, lanes, seed):
        super().__init__(agent.config, agent.num_states, agent.num_actions, lanes, seed)
        self.plus = isinstance(agent, DynaQPlus)
        self.plan_key = Generators(seed).key("plan")
        self.model = {}  # in the order of first visits; and so are a state's actions

    def replay(self, record):
        for step in record:
            s, a, r, terminated, _, s2 = (x.tolist() for x in step[:6])
            assert a == [self.choose(self.explore, s[i], i) for i in range(self.lanes)]
            for i in range(self.lanes):
                self.box(s[i], a[i], r[i], None if terminated[i] else s2[i], self.time * self.lanes + i)
            self.time += 1

    def box(self, s, a, r, s2, counter):
        self.update(s, a, self.worth(r, s2))
        if self.plus and s not in self.model:
            self.model[s] = dict.fromkeys(range(len(self.q[s])), (0.0, s, 0))
        self.model.setdefault(s, {})[a] = (r, s2, counter + 1)
        key = random_bits(self.plan_key, counter)
        for j in range(self.config.planning_steps):
            bits = random_bits(key, j)
            s = list(self.model)[((bits & 0xFFFFFFFF) * len(self.model)) >> 32]
            a = list(self.model[s])[((bits >> 32) * len(self.model[s])) >> 32]
            r, s2, tried = self.model[s][a]
            if self.plus:
                r += self.config.bonus * math.sqrt(counter + 1 - tried)
            learning_rate = self.scheduled("learning_rate", max(1, self.n[s][a]))
            self.q[s][a] += learning_rate * (self.worth(r, s2) - self.q[s][a])

    def worth(self, r, s2):
        return r if s2 is None else r + self.config.discount * max(self.q[s2])


def everything(agent, stream, progress):
    """All that a run could show of where it stands."""
    encoded = encode({"agent": agent.state_dict(), "stream": stream.state_dict()})
    return encoded.arrays, encoded.tree, progress


@pytest.mark.parametrize(("cls", "options"), OPTIONS)
@pytest.mark.parametrize("lanes", [1, 4])
def test_learning_and_planning_are_the_textbook_s(cls, options, lanes):
    stream = make_stream(random_model(8, states=40), lanes, 6, kind=Recorder)
    agent = make_agent(stepwise(cls), stream, seed=5, discount=0.9, initial_value=0.25, **options)
    train(agent, stream, 400)
    assert any(t.terminated.any() for t in stream.record)
    assert any(t.truncated.any() for t in stream.record)
    book = DynaTextbook(agent, lanes, 5)
    book.replay(stream.record)
    assert agent.q.tolist() == book.q
    assert agent.visited.tolist() == list(book.model)


@pytest.mark.parametrize("cls", DYNA)
@pytest.mark.parametrize("lanes", [1, 5])
def test_without_planning_it_is_q_learning_to_the_bit(cls, lanes):
    tables = []
    for learner, options in ((QLearning, {}), (cls, {"planning_steps": 0})):
        stream = make_stream(random_model(3), lanes, 13)
        agent = make_agent(learner, stream, discount=0.97, initial_value=0.5, **options)
        progress = train(agent, stream, 4000)
        tables.append((agent.q.tobytes(), progress, encode(stream.state_dict()).arrays))
    assert tables[0] == tables[1]
    assert not len(agent.visited)


@pytest.mark.parametrize("cls", DYNA)
@pytest.mark.parametrize("lanes", [1, 5])
@pytest.mark.parametrize("limit", [None, 1, 5, 13])
@pytest.mark.parametrize("slip", [None, 0.3])
def test_compiled_and_stepwise_paths_are_equal_to_the_bit(cls, lanes, limit, slip):
    model = random_model(3) if slip is None else DynaMazeOptions(maze="dyna", slip=slip).build().model
    outcomes = []
    for learner in (cls, stepwise(cls)):
        stream = make_stream(model, lanes, limit)
        agent = make_agent(learner, stream, learning_rate=0.3, initial_value=0.5, planning_steps=7)
        outcomes.append(everything(agent, stream, train(agent, stream, 1500)))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(("cls", "options"), OPTIONS)
@pytest.mark.parametrize("lanes", [1, 5])
def test_every_behavior_and_schedule_is_equal_on_both_paths_also_resumed(cls, options, lanes):
    """Compiled in one go; step by step; and compiled, through the codec after every 130 or so steps."""
    model, outcomes = random_model(3, states=60), []
    for learner, pace in ((cls, 520), (stepwise(cls), 520), (cls, 130), (stepwise(cls), 130)):
        stream = make_stream(model, lanes, 6)
        agent = make_agent(learner, stream, initial_value=0.5, planning_steps=3, **options)
        for boundary in range(pace, 521, pace):
            progress = train(agent, stream, boundary)
            saved = decode(encode({"agent": agent.state_dict(), "stream": stream.state_dict()}))
            stream = make_stream(model, lanes, 6)
            agent = make_agent(learner, stream, initial_value=0.5, planning_steps=3, **options)
            agent.load_state_dict(saved["agent"])
            stream.load_state_dict(saved["stream"])
        outcomes.append(everything(agent, stream, progress))
    assert all(outcome == outcomes[0] for outcome in outcomes)


@pytest.mark.parametrize("cls", DYNA)
def test_a_state_replaces_whatever_was_remembered(cls):
    agents = []
    for seed in (0, 1):
        stream = make_stream(random_model(seed, states=60), 2, 9, seed)
        agents.append(make_agent(cls, stream, seed))
        train(agents[-1], stream, 60)
    assert set(agents[0].visited) != set(agents[1].visited)
    agents[1].load_state_dict(decode(encode(agents[0].state_dict())))
    left, right = (encode(agent.state_dict()) for agent in agents)
    assert left.arrays == right.arrays and left.tree == right.tree
    for name in ("_model", "_counts"):
        assert np.array_equal(*(getattr(agent, name) for agent in agents))


@pytest.mark.parametrize("cls", DYNA)
def test_a_checkpoint_holds_the_visited_states_only(cls):
    """On a corridor of a million states, of which a short walk sees a few."""
    n = 1_000_000
    pairs, states = 2 * n, np.arange(n)
    model = TransitionModel(
        n,
        2,
        indptr=np.arange(pairs + 1),
        successor=np.stack([np.maximum(states - 1, 0), np.minimum(states + 1, n - 1)], 1).ravel(),
        probability=np.ones(pairs),
        reward=np.zeros(pairs),
        terminated=np.zeros(pairs, dtype=bool),
        initial=np.eye(1, n)[0],
    )
    stream = make_stream(model)
    agent = make_agent(cls, stream)
    train(agent, stream, 1000)
    state = agent.state_dict()
    assert 1 < len(agent.visited) <= 1000
    remembered = [state["visited"], state["known"], *state["model"].values()]
    assert {len(array) for array in remembered} == {len(agent.visited)}


def chain(states: int = 6) -> TransitionModel:
    """Action 0 goes on, action 1 back to the start; a reward of 1 beyond the last state."""
    rows = []
    for s in range(states):
        last = s == states - 1
        rows += [[(1.0, min(s + 1, states - 1), float(last), last)], [(1.0, 0, 0.0, False)]]
    return TransitionModel.from_rows(states, 2, rows, np.eye(states)[0])


def test_one_success_is_enough_where_planning_is_plenty():
    """The reward goes back along the whole chain between two steps; Q-learning has it one state back."""
    model, discount = chain(), 0.9
    for cls, options, expected in (
        (DynaQ, {"planning_steps": 5000}, discount ** np.arange(5, -1, -1.0)),
        (QLearning, {}, np.eye(6)[5]),
    ):
        stream = make_stream(model)
        agent = make_agent(cls, stream, discount=discount, learning_rate=1.0, epsilon=1.0, **options)
        while not stream.episodes:
            train(agent, stream, stream.steps + 1)
        assert agent.values(np.arange(6)) == pytest.approx(expected)


def test_the_bonus_is_imagined_only_and_grows_with_the_time_since():
    """One state and two equal actions: the one that is not taken is worth κ √t, until that is more than the other."""
    model = TransitionModel.from_rows(1, 2, [[(1.0, 0, 0.5, False)]] * 2, [1.0])
    stream = make_stream(model, limit=7)
    options = {"discount": 0.0, "learning_rate": 1.0, "epsilon": 0.0, "planning_steps": 200}
    agent = make_agent(DynaQPlus, stream, bonus=0.01, **options)
    train(agent, stream, 1)
    taken = int(agent.q[0].argmax())
    for t in (1, 2, 3, 100, 2499):
        train(agent, stream, t)
        assert agent.q[0, taken] == 0.5
        assert agent.q[0, 1 - taken] == 0.01 * math.sqrt(t)
    train(agent, stream, 2510)  # after 2500 steps 0.01 √t was 0.5: now the other one was tried as well
    assert 0.5 <= agent.q.min() <= agent.q.max() < 0.55


@pytest.mark.parametrize("name", ["dyna-q", "dyna-q-plus"])
@pytest.mark.parametrize("law", AGENT_LAWS, ids=lambda law: law.__name__)
def test_it_keeps_the_laws_where_it_is_at_home(law, name):
    """On a maze, beside the environments that tests/core tries; values are exact where no bonus is imagined."""
    if law is not bootstraps_through_truncation:
        with contextlib.suppress(DoesNotApply):
            law(name, "arena/DynaMaze-v0")
        return
    options = {} if name == "dyna-q" else {"bonus": 0.0}
    for num_envs in (1, 3):
        law(name, num_envs=num_envs, options=options)


def test_a_bonus_is_part_of_the_values():
    """One action in each of two states, 0 → 1 → end: Q exceeds 1 + γ · 2 and 2, by what the bonus is worth."""
    model = TransitionModel.from_rows(2, 1, [[(1.0, 1, 1.0, False)], [(1.0, 0, 2.0, True)]], [0.5, 0.5])
    stream = make_stream(model, limit=1)
    agent = make_agent(DynaQPlus, stream, discount=0.5, bonus=0.01)
    train(agent, stream, 3000)
    excess = agent.q[:, 0] - [2.0, 2.0]
    assert (excess > 0).all()
    assert (excess < 0.01 * math.sqrt(12) / (1 - 0.5)).all()


@pytest.mark.parametrize(
    ("cls", "options"),
    [(DynaQ, {"planning_steps": -1}), (DynaQ, {"bonus": 1.0}), (DynaQPlus, {"bonus": -0.1})],
)
def test_options_out_of_range_are_refused(cls, options):
    with pytest.raises(ArenaError, match=next(iter(options))):
        coerce(cls.Config, options, where="agent")


@pytest.mark.parametrize("cls", DYNA)
def test_an_observation_outside_the_table_is_refused(cls):
    stream = make_stream(random_model(3), 2, 13, kind=Recorder)
    agent = make_agent(stepwise(cls), stream)
    train(agent, stream, 10)
    broken = stream.record[-1]._replace(next_observation=np.array([3, 12]))
    with pytest.raises(ArenaError, match="observation 12"):
        agent._learn(broken)
