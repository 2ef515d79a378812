"""Answers that the book prints, or that are known exactly, by a dense solve or a few sweeps."""

import numpy as np
import pytest

import arena_gridworld as ag


def random_policy_values(model, discount):
    P, R = model.dense()
    matrix, reward = P.mean(axis=1), R.mean(axis=1)
    return np.linalg.solve(np.eye(len(reward)) - discount * matrix, reward)


def backup(model, V, discount):
    """Q of shape (states, actions), without a dense matrix."""
    future = model.probability * (model.reward + discount * ~model.terminated * V[model.successor])
    return np.add.reduceat(future, model.indptr[:-1]).reshape(model.num_states, model.num_actions)


def optimal_values(model, discount=1.0, error=1e-12):
    V = np.zeros(model.num_states)
    for _ in range(100_000):
        V, old = backup(model, V, discount).max(axis=1), V
        if np.abs(V - old).max() <= error:
            return V
    raise AssertionError("value iteration does not converge")


def test_gridworld_of_example_4_1():
    values = random_policy_values(ag.GridWorld().model, 1.0)
    expected = [[0, -14, -20, -22], [-14, -18, -20, -20], [-20, -20, -18, -14], [-22, -20, -14, 0]]
    assert values.reshape(4, 4) == pytest.approx(np.array(expected))


def test_gridworld_of_examples_3_5_and_3_8():
    model = ag.BookGrid().model
    random = random_policy_values(model, 0.9).reshape(5, 5)
    assert np.round(random[0], 1).tolist() == [3.3, 8.8, 4.4, 5.3, 1.5]
    assert np.round(random[4], 1).tolist() == [-1.9, -1.3, -1.2, -1.4, -2.0]
    best = optimal_values(model, 0.9).reshape(5, 5)
    assert np.round(best[0], 1).tolist() == [22.0, 24.4, 22.0, 19.4, 17.5]
    assert np.round(best[4], 1).tolist() == [14.4, 16.0, 14.4, 13.0, 11.7]


@pytest.mark.parametrize("states", [1, 5, 19])
def test_random_walk(states):
    values = random_policy_values(ag.RandomWalk(num_states=states).model, 1.0)
    assert values[1:-1] == pytest.approx(np.arange(1, states + 1) / (states + 1))
    assert values[[0, -1]].tolist() == [0, 0]
    values = random_policy_values(ag.RandomWalk(num_states=states, left_reward=-1.0).model, 1.0)
    assert values[1:-1] == pytest.approx(np.arange(-states + 1, states, 2) / (states + 1))
    model = ag.RandomWalk(num_states=states).model
    assert np.flatnonzero(model.initial).tolist() == [(states + 1) // 2]


def test_gamblers_problem():
    model = ag.GamblersProblem(heads_probability=0.4).model
    values = optimal_values(model)
    assert values[[25, 50, 75]] == pytest.approx([0.16, 0.4, 0.64], abs=1e-9)
    assert values[51] == pytest.approx(0.403098, abs=5e-7)
    # Stakes that cannot be made are the nearest that can.
    for capital, stake, made in [(10, 50, 10), (90, 50, 10), (10, 0, 1), (50, 50, 50), (99, 2, 1)]:
        row = model.row(capital, stake)
        assert model.successor[row].tolist() == [capital - made, capital + made]
        assert model.reward[row].tolist() == [0, capital + made == 100]
    assert ag.GamblersProblem(initial_capital=7).model.initial[7] == 1


@pytest.fixture(scope="module")
def rental():
    return ag.JacksCarRental().model


def test_jacks_car_rental(rental):
    """Policy iteration from the policy that moves nothing, with its linear systems solved by sweeps."""
    rows = np.arange(rental.num_states)
    policy, improvements = np.full(rental.num_states, 5), 0
    cars = np.stack(np.divmod(rows, 21), axis=1)
    moved = np.clip(np.arange(-5, 6), -cars[:, 1:], cars[:, :1])
    P = np.zeros((rental.num_states, rental.num_states))
    while True:
        for state, action in enumerate(policy):
            P[state] = rental.probability[rental.row(state, action)]
        R = rental.expected_reward()[rows, policy]
        V = np.linalg.solve(np.eye(len(P)) - 0.9 * P, R)
        Q = backup(rental, V, 0.9)
        better = Q.argmax(axis=1)
        stays = Q[rows, policy] >= Q.max(axis=1) - 1e-9
        if stays.all():
            break
        policy = np.where(stays, policy, better)
        improvements += 1
    assert improvements == 4
    assert V[[0, 10 * 22, 20 * 22]] == pytest.approx([421.41, 574.95, 636.99], abs=0.01)
    moves = moved[rows, policy]
    assert (moves.min(), moves.max()) == (-4, 5)


def test_a_day_of_car_rental(rental):
    """One row against a simulation of days."""
    random, days = np.random.default_rng(0), 400_000
    first, second, action = 3, 20, 5 + 2  # two from the first to the full second: they disappear on the way
    cars = np.array([first - 2, 20])
    rented = np.minimum(random.poisson([3, 4], size=(days, 2)), cars)
    evening = np.minimum(cars - rented + random.poisson([3, 2], size=(days, 2)), 20)
    row = rental.row(first * 21 + second, action)
    frequency = np.bincount(evening @ [21, 1], minlength=441) / days
    assert rental.probability[row] == pytest.approx(frequency, abs=0.003)
    expected = 10 * rented.sum(axis=1).mean() - 4
    assert rental.expected_reward()[first * 21 + second, action] == pytest.approx(expected, abs=0.1)
    # More cars than there are cannot be moved: the first location has 3.
    same = [rental.row(first * 21 + second, a) for a in (5 + 3, 5 + 5)]
    assert np.array_equal(rental.reward[same[0]], rental.reward[same[1]])


@pytest.mark.parametrize(("moves", "best"), [(4, -15), (8, -7), (9, -7)])
def test_windy_gridworld(moves, best):
    env = ag.WindyGrid(num_actions=moves)
    assert optimal_values(env.model)[np.argmax(env.model.initial)] == best


def test_stochastic_wind_is_worse():
    env = ag.WindyGrid(num_actions=8, stochastic_wind=True)
    assert optimal_values(env.model)[np.argmax(env.model.initial)] < -7
    lengths = np.diff(env.model.indptr).reshape(7, 10, 8)
    assert (lengths[:, [0, 1, 2, 9]] == 1).all()
    assert (lengths[:3, 3:9] == 3).all()


@pytest.mark.parametrize(
    ("discount", "value"), [(1.0, 0.82353), (0.99, 0.54203), (0.95, 0.18047), (0.9, 0.06889)]
)
def test_frozen_lake(discount, value):
    assert optimal_values(ag.FrozenLake().model, discount)[0] == pytest.approx(value, abs=5e-6)


def test_dyna_maze():
    for maze, change, steps in [("dyna", None, 14), ("blocking", 0, 16), ("shortcut", 0, 10)]:
        model = ag.DynaMaze(maze=maze, change_after=change, step_reward=-1.0, goal_reward=-1.0).model
        assert optimal_values(model)[np.argmax(model.initial)] == -steps


def test_four_rooms():
    """A deterministic walk from one corner to the opposite one needs 20 steps through two hallways."""
    env = ag.FourRooms(start=(1, 1), goal=(11, 11), step_reward=-1.0, goal_reward=-1.0)
    assert optimal_values(env.model)[14] == -20
    env = ag.FourRooms(slip=1 / 3)
    row = env.model.row(1 * 13 + 2, 2)
    assert dict(zip(env.model.successor[row].tolist(), env.model.probability[row], strict=True)) == {
        16: pytest.approx(1 / 9),  # right
        28: pytest.approx(2 / 3),  # down
        14: pytest.approx(1 / 9),  # left
        15: pytest.approx(1 / 9),  # up, against the wall
    }
