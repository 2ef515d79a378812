"""The replay against a list, its priorities against the formulas, the sum tree against a sum."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from arena.errors import ArenaError
from arena.storage.codec import decode, encode
from arena.streams.base import Transition
from arena_deep.prioritized import Priorities
from arena_deep.replay_buffer import ReplayBuffer
from arena_deep.sum_tree import SumTree

SPACE = gym.spaces.Box(0, 1, (1,), np.float32)


def invented(lanes, ends, seed=0):
    """Transitions whose every observation is a number of its own; `ends` says what happens at each step and lane.

    Args:
        lanes: how many.
        ends: 0 goes on, 1 terminates, 2 truncates: shape (steps, lanes).
    """
    rng = np.random.default_rng(seed)
    fresh = iter(range(1, 10**6))
    now = np.array([[next(fresh)] for _ in range(lanes)], np.float32)
    for row in np.asarray(ends).reshape(-1, lanes):
        successor = np.array([[next(fresh)] for _ in range(lanes)], np.float32)
        yield Transition(
            now,
            rng.integers(5, size=lanes),
            rng.normal(size=lanes),
            row == 1,
            row == 2,
            successor,
            np.zeros(lanes),
        )
        begun = np.array([[next(fresh)] for _ in range(lanes)], np.float32)
        now = np.where((row > 0)[:, None], begun, successor)


def naive(record, discount, n):
    """The n-step transitions of a lane's list, one step after another, as the definition says."""
    for start in range(len(record) - n):
        total, factor = 0.0, 1.0
        for step in record[start : start + n]:
            _, _, reward, terminated, truncated, successor = step
            total += factor * reward
            factor *= discount
            if terminated or truncated:
                break
        first = record[start]
        yield first[0], first[1], total, 0.0 if terminated else factor, successor


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_it_is_a_list_of_each_lane_s_transitions(data):
    lanes, n = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 4))
    steps = data.draw(st.integers(1, 30))
    capacity = data.draw(st.integers((n + 1) * lanes, 40))
    flat = data.draw(
        st.lists(st.sampled_from([0, 0, 0, 1, 2]), min_size=steps * lanes, max_size=steps * lanes)
    )
    replay, records = ReplayBuffer(capacity, SPACE, lanes, n, 0.9), [[] for _ in range(lanes)]
    for t in invented(lanes, flat):
        replay.append(t)
        for lane, record in enumerate(records):
            record.append(tuple(part[lane] for part in t[:6]))
    expected = [list(naive(record, 0.9, n)) for record in records]
    rows = np.arange(replay.first, replay.last)
    assert len(replay) == len(rows) == max(0, min(capacity, steps * lanes) - n * lanes)
    if not len(rows):
        return
    batch = replay.batch(rows)
    for i, row in enumerate(rows):
        step, lane = divmod(int(row), lanes)
        observation, action, reward, discount, successor = expected[lane][step]
        assert batch.observation[i] == observation and batch.action[i] == action
        assert batch.reward[i] == pytest.approx(reward, abs=1e-5)
        assert batch.discount[i] == pytest.approx(discount, abs=1e-6)
        assert batch.next_observation[i] == successor


def test_a_frame_is_stored_once_as_bytes():
    space = gym.spaces.Box(0, 255, (10, 10, 3), np.uint8)
    replay = ReplayBuffer(1000, space, 2)
    frame = np.zeros((2, 10, 10, 3), np.uint8)
    no, zeros = np.zeros(2, bool), np.zeros(2)
    for step in range(50):
        ended = np.array([step % 10 == 9, False])
        replay.append(Transition(frame, np.zeros(2, np.int64), zeros, ended, no, frame, zeros))
    assert replay.steps["observation"].dtype == np.uint8
    assert (replay.steps.total, replay.finals.total) == (100, 5)
    per_step = replay.steps.row_bytes
    assert per_step == 300 + 8 + 4 + 1 + 8 and replay.finals.row_bytes == 300


def test_a_bonus_counts_for_learning_and_stays_out_of_the_reward():
    replay = ReplayBuffer(10, SPACE, 1)
    for t in invented(1, [0, 0]):
        replay.append(t._replace(reward=np.ones(1), bonus=np.full(1, 0.5)))
    assert replay.batch(np.array([0])).reward == [1.5]


def test_draws_are_of_what_can_be_drawn():
    replay = ReplayBuffer(20, SPACE, 2, 2)
    for t in invented(2, np.zeros((40, 2))):
        replay.append(t)
    rows = replay.sample(np.random.default_rng(0), 2000)
    assert set(rows) == set(range(60, 76))


def test_a_replay_too_small_says_how_large_it_must_be():
    with pytest.raises(ArenaError, match="give a buffer_size of 12 or more"):
        ReplayBuffer(11, SPACE, 4, 2)


def test_a_replay_of_another_size_is_refused():
    with pytest.raises(ArenaError, match="saved replay buffer"):
        ReplayBuffer(10, SPACE, 1).load_state_dict(ReplayBuffer(11, SPACE, 1).state_dict())


@settings(deadline=None, max_examples=50)
@given(
    st.integers(1, 33),
    st.lists(st.tuples(st.integers(0, 32), st.floats(0, 100)), min_size=1, max_size=40),
    st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=20),
)
def test_a_sum_tree_is_a_cumulative_sum(size, changes, places):
    tree, weights = SumTree(size), np.zeros(size)
    for leaf, weight in changes:
        weights[leaf % size] = weight
    leaves = np.array([leaf % size for leaf, _ in changes])
    tree.assign(leaves, np.array([weight for _, weight in changes]))
    np.testing.assert_array_equal(tree.leaves, weights)
    assert tree.total == pytest.approx(weights.sum())
    if not weights.any():
        return
    ends = np.cumsum(weights)
    for place, found in zip(places, tree.find(np.array(places) * tree.total), strict=True):
        mass = place * tree.total
        assert weights[found] > 0
        assert ends[found] - weights[found] <= mass * (1 + 1e-9) + 1e-9
        assert mass <= ends[found] * (1 + 1e-9) + 1e-9


def test_a_mass_at_the_very_end_finds_no_empty_leaf():
    tree = SumTree(5)
    tree.assign(np.array([0, 1]), np.array([0.1, 0.2]))
    assert tree.find(np.array([tree.total, 1.0])).tolist() == [1, 1]


def filled(exponent, steps=30, capacity=16, lanes=2):
    replay = ReplayBuffer(capacity, SPACE, lanes)
    priorities = Priorities(replay, exponent)
    for t in invented(lanes, np.zeros((steps, lanes))):
        replay.append(t)
        priorities.extend()
    return replay, priorities


def test_only_what_can_be_drawn_has_a_priority():
    for steps in (1, 2, 7, 8, 9, 30):
        replay, priorities = filled(1.0, steps)
        slots = set(np.flatnonzero(priorities._tree.leaves))
        assert slots == {row % 16 for row in range(replay.first, replay.last)}


def test_rows_are_drawn_in_proportion_to_their_priorities():
    replay, priorities = filled(0.7)
    rows = np.arange(replay.first, replay.last)
    error = np.linspace(0.1, 3.0, len(rows))
    priorities.update(rows, error)
    rng = np.random.default_rng(1)
    drawn = np.concatenate([priorities.sample(rng, 10, 0.5)[0] for _ in range(2000)])
    expected = (error + 1e-6) ** 0.7
    counts = np.bincount(drawn - replay.first, minlength=len(rows))
    # Draws from strata vary less than independent ones: the test is only the more certain to pass if all is well.
    assert stats.chisquare(counts, expected / expected.sum() * len(drawn)).pvalue > 0.001


def test_importance_weights_are_the_papers():
    replay, priorities = filled(1.0)
    rows = np.arange(replay.first, replay.last)
    error = np.linspace(1.0, 2.0, len(rows))
    priorities.update(rows, error)
    row, weight = priorities.sample(np.random.default_rng(0), 8, 0.4)
    chance = (error + 1e-6) / (error + 1e-6).sum()
    expected = (len(rows) * chance[row - replay.first]) ** -0.4
    np.testing.assert_allclose(weight, expected / expected.max(), rtol=1e-12)


def test_what_is_new_has_the_greatest_priority_so_far():
    replay, priorities = filled(1.0)
    priorities.update(np.array([replay.first]), np.array([7.0]))
    for t in invented(2, [[0, 0]]):
        replay.append(t)
        priorities.extend()
    newest = np.arange(replay.last - 2, replay.last) % 16
    assert priorities._tree.leaves[newest].tolist() == pytest.approx([7.0, 7.0])


def test_priorities_survive_the_codec():
    replay, priorities = filled(0.5)
    priorities.update(np.array([replay.first, replay.first + 3]), np.array([4.0, 0.3]))
    state = decode(encode({"replay": replay.state_dict(), "priorities": priorities.state_dict()}))
    other, _ = filled(0.5, steps=3)
    other.load_state_dict(state["replay"])
    again = Priorities(other, 0.5)
    again.load_state_dict(state["priorities"])
    one, two = (p.sample(np.random.default_rng(0), 32, 0.4) for p in (priorities, again))
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])
