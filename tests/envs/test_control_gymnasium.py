"""Ours against Gymnasium's own, transition by transition: thousands, limits and ends among them."""

import gymnasium as gym
import numpy as np
import pytest

import arena_control as ac

#: Of ours and of Gymnasium's: the order of the state, how an action is given, and how near they must be.
#: numpy's sine differs from machine to machine in its last bit, so no test can ask for equal ones.
PAIRS = {
    "Pendulum": ("Pendulum-v1", [0, 1], lambda a: 2.0 * a.astype(np.float64), 1e-14),
    "CartPole": ("CartPole-v1", [0, 2, 1, 3], lambda a: a, 1e-14),
    "Acrobot": ("Acrobot-v1", [0, 1, 2, 3], lambda a: a, 1e-13),
    "MountainCar": ("MountainCar-v0", [0, 1], lambda a: a, 1e-15),
    # Gymnasium keeps this one's state, and does its sums, in float32.
    "MountainCarContinuous": ("MountainCarContinuous-v0", [0, 1], lambda a: a, 2e-7),
}

#: Where random states are drawn from, beyond where Gymnasium's episodes go.
REACH = {
    "Pendulum": [12.0, 8.0],
    "CartPole": [2.5, 3.0, 0.22, 4.0],
    "Acrobot": [np.pi, np.pi, 4 * np.pi, 9 * np.pi],
    "MountainCar": [1.2, 0.07],
    "MountainCarContinuous": [1.2, 0.07],
}


def twins(name):
    theirs, order, given, near = PAIRS[name]
    return getattr(ac, name)(), gym.make(theirs).unwrapped, np.array(order), given, near


def put(env, values):
    env.restore({**env.state(), "values": np.asarray(values, dtype=np.float64)[:, None]})


def ulp(a):
    return np.spacing(np.maximum(np.abs(a), 1e-3).astype(np.float32))


def compare(name, states, steps=1):
    ours, theirs, order, given, near = twins(name)
    ours.reset(seed=0)
    theirs.reset(seed=0)
    ours.action_space.seed(1)
    ends = 0
    for values in states:
        put(ours, values[np.argsort(order)])
        theirs.state = np.array(values)
        theirs.steps_beyond_terminated = None
        for _ in range(steps):
            action = ours.action_space.sample()
            mine, his = ours.step(action), theirs.step(given(action))
            after = ours.state()["values"][:, 0][order]
            scale = np.maximum(1, np.abs(np.array(theirs.state, dtype=np.float64)))
            assert np.all(np.abs(after - theirs.state) <= near * steps * scale)
            assert mine[0].dtype == his[0].dtype == np.float32
            assert np.all(np.abs(mine[0] - his[0]) <= np.maximum(ulp(his[0]), near * steps))
            assert mine[1] == pytest.approx(float(his[1]), abs=max(1e-12, near), rel=1e-12)
            assert mine[2:4] == his[2:4]
            ends += mine[2]
            if mine[2]:
                break
    return ends


@pytest.mark.parametrize("name", PAIRS)
def test_random_transitions_limits_among_them(name):
    generator = np.random.default_rng(7)
    states = generator.uniform(-1, 1, (4000, len(REACH[name]))) * REACH[name]
    if name.startswith("MountainCar"):
        states[:, 0] = generator.uniform(-1.2, 0.6, len(states))
        if name.endswith("Continuous"):
            states = states.astype(np.float32)
    ends = compare(name, states)
    assert name == "Pendulum" or 10 < ends < 3900


@pytest.mark.parametrize("name", [name for name in PAIRS if not name.endswith("Continuous")])
def test_short_trajectories_from_gymnasium_s_starts(name):
    theirs = gym.make(PAIRS[name][0]).unwrapped
    starts = []
    for seed in range(30):
        theirs.reset(seed=seed)
        starts.append(np.array(theirs.state, dtype=np.float64))
    compare(name, starts, steps=20)


@pytest.mark.parametrize("name", PAIRS)
def test_spaces_limits_and_starts_are_theirs(name):
    theirs = gym.make(PAIRS[name][0])
    ours = gym.make(f"arena/{name}-v0")
    assert ours.spec.max_episode_steps == theirs.spec.max_episode_steps
    finite = np.isfinite(theirs.observation_space.high)
    assert ours.observation_space.shape == theirs.observation_space.shape
    assert np.array_equal(ours.observation_space.high[finite], theirs.observation_space.high[finite])
    if isinstance(theirs.action_space, gym.spaces.Discrete):
        assert ours.action_space == theirs.action_space
    drawn = []
    for seed in range(300):
        theirs.unwrapped.reset(seed=seed)
        drawn.append(np.array(theirs.unwrapped.state, dtype=np.float64))
    low, high = np.array(list(ours.unwrapped.system.initial_state.values())).T[:, PAIRS[name][1]]
    drawn = np.array(drawn)
    assert np.all(drawn >= low - 1e-9) and np.all(drawn <= high + 1e-9)
    assert np.all(np.ptp(drawn, axis=0) >= 0.95 * (high - low))


def test_a_balanced_cart_pole_is_truncated_at_500():
    env = gym.make("arena/CartPole-v0")
    observation, _ = env.reset(seed=4)
    for step in range(1, 501):
        lean = observation @ [0.1, 0.3, 5.0, 1.0]
        observation, reward, terminated, truncated, _ = env.step(int(lean > 0))
        assert (reward, terminated, truncated) == (1.0, False, step == 500)


def test_a_pendulum_is_truncated_at_200():
    env = gym.make("arena/Pendulum-v0")
    env.reset(seed=4)
    ends = [env.step(np.array([0.3], np.float32))[2:4] for _ in range(200)]
    assert ends == [(False, False)] * 199 + [(False, True)]


def test_sutton_and_barto_s_rewards_are_the_sparse_ones():
    ours, theirs = (
        ac.CartPole(reward_type="sparse"),
        gym.make("CartPole-v1", sutton_barto_reward=True).unwrapped,
    )
    ours.reset(seed=0)
    theirs.reset(seed=0)
    theirs.state = ours.state()["values"][[0, 2, 1, 3], 0]
    rewards = []
    while not rewards or rewards[-1] == 0:
        mine, his = ours.step(1), theirs.step(1)
        assert mine[1:3] == his[1:3]
        rewards.append(mine[1])
    assert rewards[-1] == -1


def test_semi_implicit_cart_poles_agree_too():
    ours, theirs = ac.CartPole(integrator="semi-implicit"), gym.make("CartPole-v1").unwrapped
    theirs.kinematics_integrator = "semi-implicit"
    ours.reset(seed=0)
    theirs.reset(seed=0)
    theirs.state = ours.state()["values"][[0, 2, 1, 3], 0]
    for _ in range(5):
        np.testing.assert_allclose(ours.step(0)[0], theirs.step(0)[0], rtol=1e-6)


def test_gravity_is_an_option_of_both():
    ours, theirs = ac.Pendulum(gravity=3.7), gym.make("Pendulum-v1", g=3.7).unwrapped
    ours.reset(seed=0)
    theirs.reset(seed=0)
    theirs.state = ours.state()["values"][:, 0]
    for _ in range(50):
        np.testing.assert_allclose(ours.step(np.array([0.5]))[0], theirs.step(np.array([1.0]))[0], atol=1e-6)
