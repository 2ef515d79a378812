"""The figures of Sutton & Barto 2018, chapter 8, over enough runs to give a standard error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tabular_problems import make_agent, make_stream, train, train_episodes

from arena.environments.spaces import Identity
from arena.streams.base import NativeStream
from arena_gridworld.dyna_maze import DynaMazeOptions, DynaMazeVector
from arena_tabular import DynaQ, DynaQPlus

#: Steps from the start to the goal of the changing mazes: by the short way, and by the long one.
SHORT, LONG = 10, 16


def standard_error(runs: Any) -> Any:
    return runs.std(axis=0, ddof=1) / np.sqrt(len(runs))


def episode_lengths(planning_steps: int, runs: int, episodes: int) -> np.ndarray:
    """Figure 8.2, a row a run: α = 0.1, ε = 0.1, γ = 0.95."""
    model, lengths = DynaMazeOptions(maze="dyna").build().model, np.empty((runs, episodes))
    for seed in range(runs):
        stream = make_stream(model, seed=seed)
        agent = make_agent(DynaQ, stream, seed, discount=0.95, planning_steps=planning_steps)
        for episode in range(episodes):
            train_episodes(agent, stream, episode + 1, shortest=14)
            lengths[seed, episode] = stream.take_log()["episode_length"]
    return lengths


def expected_random_walk(maze: str) -> float:
    """How many steps the uniformly random policy takes to the goal, by a linear solve."""
    model = DynaMazeOptions(maze=maze).build().model
    chance, reached = model.dense()[0].mean(axis=1), model.initial > 0
    for _ in range(model.num_states):  # walls are never reached, and have no way to the goal
        reached |= chance[reached].any(axis=0)
    inner = chance[np.ix_(reached, reached)]
    steps = np.linalg.solve(np.eye(len(inner)) - inner, np.ones(len(inner)))
    return float(model.initial[reached] @ steps)


def test_the_more_it_plans_the_fewer_episodes_it_needs():
    """Figure 8.2: about 25 episodes without planning, 5 with 5 planning steps, 3 with 50."""
    lengths = {n: episode_lengths(n, 30, episodes) for n, episodes in ((0, 32), (5, 12), (50, 8))}
    # Before the first reward there is nothing to plan with: the first episode is the random walk whatever n.
    assert np.array_equal(lengths[0][:, 0], lengths[50][:, 0])
    assert np.array_equal(lengths[0][:, 0], lengths[5][:, 0])
    first = lengths[0][:, 0]
    assert first.mean() == pytest.approx(expected_random_walk("dyna"), abs=3 * standard_error(first))

    needed = {n: int(np.argmax(runs.mean(axis=0) < 22)) + 1 for n, runs in lengths.items()}
    assert 2 <= needed[50] <= 4
    assert 4 <= needed[5] <= 8
    assert 20 <= needed[0] <= 32
    second = {n: runs[:, 1] for n, runs in lengths.items()}
    for less, more in ((0, 5), (5, 50)):
        gap = second[less] - second[more]
        assert gap.mean() > 4 * standard_error(gap)
    for runs in lengths.values():  # all end near the 14 steps of the shortest path, but for exploring
        assert 14 < runs[:, -1].mean() < 20 + 3 * standard_error(runs[:, -1])


def rewards(cls: Any, maze: str, stops: tuple[int, ...], runs: int, **options: Any) -> np.ndarray:
    """Cumulative reward at each of the stops, a row a run: α = 1, ε = 0.1, γ = 0.95; a goal is worth 1."""
    found = np.empty((runs, len(stops)))
    for seed in range(runs):
        vector = DynaMazeVector(1, maze=maze)
        spaces = (Identity(space) for space in (vector.single_observation_space, vector.single_action_space))
        stream = NativeStream(vector, *spaces, [seed], label="the maze")
        agent = make_agent(cls, stream, seed, discount=0.95, learning_rate=1.0, **options)
        for i, stop in enumerate(stops):
            train(agent, stream, stop)
            found[seed, i] = stream.episodes
    return found


@pytest.mark.slow
def test_where_the_way_is_blocked_the_bonus_finds_another():
    """Figure 8.4: the wall moves after 1000 steps; Dyna-Q+ is soon on its way again, Dyna-Q later."""
    stops = (1000, 1500, 2000, 3000)
    dyna, plus = (
        rewards(cls, "blocking", stops, 40, planning_steps=10, **options)
        for cls, options in ((DynaQ, {}), (DynaQPlus, {"bonus": 1e-4}))
    )
    for runs in (dyna, plus):
        assert runs[:, 0].mean() > 1000 / 50  # both had learned the short way
        assert (runs[:, 3] - runs[:, 2]).mean() > 10  # and both find the other one in the end
    for last in (2, 3):  # what they gain after the change
        gap = (plus[:, last] - plus[:, 0]) - (dyna[:, last] - dyna[:, 0])
        assert gap.mean() > 3 * standard_error(gap)
    gap = plus[:, 3] - dyna[:, 3]
    assert gap.mean() > 4 * standard_error(gap)


@pytest.mark.slow
def test_where_a_shortcut_opens_only_the_bonus_finds_it():
    """Figure 8.5: after 3000 steps; by the long way nobody gets more than a reward every 16 steps."""
    stops = (3000, 5000, 6000)
    dyna, plus = (
        rewards(cls, "shortcut", stops, 30, planning_steps=50, **options)
        for cls, options in ((DynaQ, {}), (DynaQPlus, {"bonus": 1e-3}))
    )
    dyna_rate, plus_rate = ((runs[:, 2] - runs[:, 1]) / 1000 for runs in (dyna, plus))
    assert 0.8 / LONG < dyna_rate.mean() < 1 / LONG
    assert plus_rate.mean() - 4 * standard_error(plus_rate) > 1.2 / LONG
    assert plus_rate.max() <= 1 / SHORT
    gap = plus[:, 2] - dyna[:, 2]
    assert gap.mean() > 4 * standard_error(gap)
