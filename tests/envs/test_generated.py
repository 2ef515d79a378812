"""What a seed draws: mazes, rooms with a key, random MDPs; and the rooms that are always the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import arena_gridworld as ag
from arena.errors import ArenaError
from arena_gridworld.tiles import CODES

seeds = st.integers(0, 2**63 - 1)


def distances(model):
    """The fewest steps to the end of an episode from each state; infinite where there is none."""
    steps = np.where(model.terminated, 1.0, np.inf)
    V = np.full(model.num_states, np.inf)
    while True:
        future = np.where(model.terminated, steps, 1 + V[model.successor])
        new = np.minimum.reduceat(future, model.indptr[:-1]).reshape(model.num_states, -1).min(axis=1)
        if np.array_equal(new, V):
            return V
        V = new


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 12), st.integers(1, 12), seeds)
def test_a_maze_has_exactly_one_way_between_any_two_rooms(height, width, seed):
    cells = ag.maze(height, width, seed).cells
    open_ = cells != CODES["wall"]
    rooms = max(2, height * width)
    assert not open_[[0, -1]].any() and not open_[:, [0, -1]].any()
    assert open_[1::2, 1::2].all() and open_[1::2, 1::2].size == rooms
    assert not open_[::2, ::2].any()
    assert open_.sum() - rooms == rooms - 1  # so many passages, and connected: a spanning tree
    entered = {(1, 1)}
    new = [(1, 1)]
    while new:
        r, c = new.pop()
        for place in ((r - 1, c), (r, c + 1), (r + 1, c), (r, c - 1)):
            if open_[place] and place not in entered:
                entered.add(place)
                new.append(place)
    assert len(entered) == open_.sum()


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 8), st.integers(1, 8), seeds, st.sampled_from((0.0, 0.3, 1.0)))
def test_a_maze_can_always_be_solved(height, width, seed, loops):
    env = ag.Maze(height=height, width=width, seed=seed, loops=loops)
    assert distances(env.model)[np.argmax(env.model.initial)] < np.inf
    assert env.grid.starts.tolist() == [env.world.columns + 1]
    perfect = ag.maze(height, width, seed).cells != CODES["wall"]
    looped = env.world.layouts[0] != CODES["wall"]
    assert (looped | ~perfect).all()  # opening walls closes none
    rows, columns = height, max(width, 2) if height * width == 1 else width
    walls = rows * (columns - 1) + (rows - 1) * columns - (rows * columns - 1)
    assert looped.sum() - perfect.sum() == int(loops * walls)


def test_mazes_of_a_seed_are_equal_and_of_others_differ():
    texts = [ag.maze(6, 7, seed).text for seed in (0, 1, 2, 0)]
    assert texts[0] == texts[3]
    assert len(set(texts)) == 3


def test_every_maze_is_equally_likely():
    """2 × 2 rooms have four spanning trees; Wilson's algorithm draws each with the same probability."""
    texts = [ag.maze(2, 2, seed).text for seed in range(2000)]
    counts = [texts.count(text) for text in set(texts)]
    assert len(counts) == 4
    assert counts == pytest.approx([500] * 4, abs=6 * np.sqrt(2000 * 3 / 16))


def test_four_rooms():
    env = ag.FourRooms()
    cells = env.world.layouts[0]
    assert cells.shape == (13, 13)
    assert (cells != CODES["wall"]).sum() == 104
    assert env.model.num_states == 169
    assert np.count_nonzero(env.model.initial) == 103
    walls = cells == CODES["wall"]
    for hallway in ((3, 6), (6, 2), (7, 9), (10, 6)):
        closed = walls.copy()
        closed[hallway] = True
        assert not walls[hallway]
        assert (closed.sum(), env.grid.goals.tolist()) == (66, [7 * 13 + 9])
    with pytest.raises(ArenaError, match=r"goal \(0, 0\) is in a wall"):
        ag.FourRooms(goal=(0, 0))
    with pytest.raises(ArenaError, match="start and goal are both"):
        ag.FourRooms(start=(7, 9))


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 8), st.integers(3, 8), st.none() | seeds)
def test_the_goal_needs_the_key(height, width, seed):
    env = ag.KeyDoor(height=height, width=width, seed=seed)
    world, model = env.world, env.model
    cells = height * width
    assert len(world.layouts) == 2
    start = int(np.argmax(model.initial))
    assert start < cells
    assert distances(model)[start] < np.inf
    without = model.successor[: model.indptr[cells * 4]]
    ends = model.terminated[: model.indptr[cells * 4]]
    goal = env.grid.goals[0]
    acting = np.repeat(np.arange(cells * 4) // 4, np.diff(model.indptr)[: cells * 4]) != without
    assert not (ends & (without == goal) & acting).any()  # nobody enters it without the key
    assert (np.isin(world.layouts[0], [CODES["key a"], CODES["door a"]])).sum() == 2
    changed = world.layouts[0] != world.layouts[1]
    assert changed.sum() == 2
    assert sorted(world.layouts[1][changed].tolist()) == [CODES["floor"], CODES["open door"]]


def test_key_doors_of_a_seed_are_equal_and_of_others_differ():
    texts = [ag.KeyDoor(seed=seed).grid.text for seed in (1, 2, 1)]
    assert texts[0] == texts[2] != texts[1]


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 30),
    st.integers(1, 4),
    st.integers(1, 30),
    st.sampled_from(("transition", "state-action", "state")),
    seeds,
)
def test_a_garnet(states, actions, branching, rewards, seed):
    options = {
        "num_states": states,
        "num_actions": actions,
        "branching": branching,
        "reward_depends_on": rewards,
        "seed": seed,
    }
    if branching > states:
        with pytest.raises(ArenaError, match=f"branching is {branching}, and there are {states} states"):
            ag.Garnet(**options)
        return
    model, again = ag.Garnet(**options).model, ag.Garnet(**options).model
    shape = (states, actions, branching)
    successor = np.sort(model.successor.reshape(shape), axis=2)
    assert (np.diff(successor, axis=2) > 0).all()
    assert model.probability.reshape(shape).sum(axis=2) == pytest.approx(1)
    reward = model.reward.reshape(shape)
    assert (
        len(np.unique(reward))
        == {"transition": reward.size, "state-action": states * actions, "state": states}[rewards]
    )
    assert not model.terminated.any()
    assert all(
        np.array_equal(getattr(model, n), getattr(again, n)) for n in ("successor", "probability", "reward")
    )


def test_a_garnets_successors_are_fair():
    for states, branching in ((5, 3), (20, 3)):  # by sorting, and by drawing again
        model = ag.Garnet(num_states=states, num_actions=1000, branching=branching).model
        counts = np.bincount(model.successor, minlength=states)
        rows, p = 1000 * states, branching / states
        assert counts == pytest.approx([rows * p] * states, abs=5 * np.sqrt(rows * p * (1 - p)))


def test_a_garnet_too_large():
    with pytest.raises(
        ArenaError,
        match="has more than 67,108,864 transitions; make num_states, num_actions or branching smaller",
    ):
        ag.Garnet(num_states=10_000_000, num_actions=4, branching=4)
