"""Planners against the answers of Sutton & Barto's examples, their models written out here."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson
from test_tabular_planning import PLANNERS, each, planned, planner

from arena.environments.mdp import TransitionModel


def grid_5x5():
    """Example 3.5: off the grid costs 1; A pays 10 and leads four down, B 5 and two down."""
    rows = []
    for s in range(25):
        y, x = divmod(s, 5)
        for dy, dx in ((-1, 0), (0, 1), (1, 0), (0, -1)):
            inside = 0 <= y + dy < 5 and 0 <= x + dx < 5
            moved = ((y + dy) * 5 + x + dx, 0.0) if inside else (s, -1.0)
            successor, reward = {1: (21, 10.0), 3: (13, 5.0)}.get(s, moved)
            rows.append([(1.0, successor, reward, False)])
    return TransitionModel.from_rows(25, 4, rows, np.full(25, 1 / 25))


def grid_4x4():
    """Example 4.1: every step costs 1, two corners end."""
    rows = []
    for s in range(16):
        y, x = divmod(s, 4)
        for dy, dx in ((-1, 0), (0, 1), (1, 0), (0, -1)):
            to = int(np.clip(y + dy, 0, 3)) * 4 + int(np.clip(x + dx, 0, 3))
            ended = s in (0, 15)
            rows.append([(1.0, s if ended else to, 0.0 if ended else -1.0, ended or to in (0, 15))])
    return TransitionModel.from_rows(16, 4, rows, np.full(16, 1 / 16))


def gambler(p):
    """Example 4.3: stakes of 1 to 50, no more than there is or is needed."""
    rows = []
    for s in range(101):
        for a in range(50):
            stake = min(a + 1, s, 100 - s)
            won = s + stake == 100 and stake > 0
            ends = s in (0, 100)
            rows.append(
                [(p, s + stake, float(won), ends or won), (1 - p, s - stake, 0.0, ends or s == stake)]
            )
    return TransitionModel.from_rows(101, 50, rows, np.eye(101)[50])


def cars():
    """Example 4.2, Poisson untruncated: the moves −5 … 5 from the first place, no more than there are cars."""

    def place(rented, returned):
        """From morning to evening, shape (26, 21), and the cars expected to be rented."""
        chance, income = np.zeros((26, 21)), np.zeros(26)
        out_of, back_of = poisson.pmf(np.arange(26), rented), poisson.pmf(np.arange(21), returned)
        for n in range(26):
            for out in range(n + 1):
                q = out_of[out] if out < n else poisson.sf(n - 1, rented)
                income[n] += q * out
                left = n - out
                for back in range(21):
                    evening = min(left + back, 20)
                    chance[n, evening] += q * back_of[back]
                chance[n, 20] += q * poisson.sf(20, returned)
        return chance, income

    (first, earned), (second, gained) = place(3, 3), place(4, 2)
    probability, reward = [], []
    for a in range(21):
        for b in range(21):
            for move in range(-5, 6):
                moved = max(min(move, a), -b)
                morning = min(a - moved, 20), min(b + moved, 20)
                chance = np.outer(first[morning[0]], second[morning[1]]).ravel()
                probability.append(chance / chance.sum())
                reward.append(10 * (earned[morning[0]] + gained[morning[1]]) - 2 * abs(moved))
    n, pairs = 441, 441 * 11
    return TransitionModel(
        n,
        11,
        indptr=np.arange(pairs + 1) * n,
        successor=np.tile(np.arange(n), pairs),
        probability=np.concatenate(probability),
        reward=np.repeat(reward, n),
        terminated=np.zeros(pairs * n, dtype=bool),
        initial=np.full(n, 1 / n),
    )


@each
def test_gamblers_problem(name):
    agent, _ = planned(name, gambler(0.4), discount=1.0)
    expected = [0.16, 0.4, 0.64, 0.403098]
    assert agent.values(np.array([25, 50, 75, 51])) == pytest.approx(expected, abs=5e-7)


def test_grids_of_sutton_and_barto():
    first = planned("policy-evaluation", grid_5x5(), discount=0.9)[0].values(np.arange(5))
    assert first.round(1).tolist() == [3.3, 8.8, 4.4, 5.3, 1.5]
    for name in PLANNERS:
        best = planned(name, grid_5x5(), discount=0.9)[0].values(np.arange(5))
        assert best.round(1).tolist() == [22.0, 24.4, 22.0, 19.4, 17.5]
    square = planned("policy-evaluation", grid_4x4(), discount=1.0)[0].values(np.arange(16))
    expected = [0, -14, -20, -22, -14, -18, -20, -20, -20, -20, -18, -14, -22, -20, -14, 0]
    assert square == pytest.approx(expected, abs=1e-6)


def test_jacks_car_rental():
    model = cars()
    agent, last = planned("policy-iteration", model, discount=0.9, initial_policy=(5,))
    states = np.arange(441)
    values = agent.values(states).reshape(21, 21)
    assert [values[n, n] for n in (0, 10, 20)] == pytest.approx([421.41, 574.95, 636.99], abs=0.005)
    turns = planner("policy-iteration", model, discount=0.9, initial_policy=(5,)).train(None)
    assert [turn.metrics["changed"] > 0 for turn in turns] == [True] * 4 + [False]
    assert last.steps == 5
    moves = np.clip(agent.greedy(states) - 5, -(states % 21), states // 21)  # no more than there are
    assert (moves.min(), moves.max()) == (-4, 5)
    for name in PLANNERS:
        if name != "prioritized-sweeping":  # as long as all others together: slow
            other, _ = planned(name, model, discount=0.9)
            assert other.values(states) == pytest.approx(agent.values(states), abs=1e-8)


@pytest.mark.slow
def test_prioritized_sweeping_of_jacks_car_rental():
    found = [
        planned(name, cars(), discount=0.9)[0].values(np.arange(441))
        for name in ("prioritized-sweeping", "policy-iteration")
    ]
    assert found[0] == pytest.approx(found[1], abs=1e-8)
