"""Laws that every id keeps under every option: Gymnasium's own, lanes equal to singles, exact state, keyed chance."""

import copy
import dataclasses
import pickle
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import arena_control as ac
import arena_control_plugin
from arena.config.options import fields_help
from arena.errors import ArenaError

NAMES = tuple(
    spec.name.removeprefix("arena/").removesuffix("-v0") for spec in arena_control_plugin.ENVIRONMENTS
)
PHYSICS = tuple(name for name in NAMES if name != "LQR")
NOISY = {"observation_noise": 0.1, "action_noise": 0.2, "action_repeat": 3}
KINDS = (
    {},
    {"observation": "no-velocity"},
    {"observation": "pixels", "image_size": 16, "action_noise": 0.3},
    NOISY,
)
#: Options under which episodes end soon and by themselves, where they can.
LIVELY = {
    "CartPole": {"push": 30.0},
    "CartPoleSwingUp": {"push": 100.0},
    "Quadrotor": {"thrust": 20.0},
    "MountainCar": {"push": 0.02},
    "MountainCarContinuous": {"push": 0.02},
    "Acrobot": {"torque": 10.0},
    "PointMass": {"force": 20.0},
    "LQR": {"system": "random", "state_size": 3, "action_size": 2},
    "Reacher": {"links": 3},
}


def kinds(name):
    varied = [] if name == "LQR" else [{"randomize": 0.2, "reward_type": "sparse"}, {"reward_type": "shaped"}]
    shown = [kind for kind in KINDS if name != "LQR" or kind.get("observation") != "no-velocity"]
    return [*shown, *varied]


def cases():
    """Every kind of options; the plain run has each system's default and two other kinds, in turn."""
    for number, name in enumerate(NAMES):
        every = kinds(name)
        plain = 0, *(1 + (2 * number + place) % (len(every) - 1) for place in range(2))
        for place, kind in enumerate(every):
            yield pytest.param(name, kind, marks=() if place in plain else pytest.mark.slow)


CASES = tuple(cases())


def single(name, **options):
    return getattr(ac, name)(**{**LIVELY.get(name, {}), **options})


def vector(name, lanes, limit=None, **options):
    return getattr(ac, f"{name}Vector")(lanes, max_episode_steps=limit, **{**LIVELY.get(name, {}), **options})


@pytest.mark.parametrize(("name", "kind"), CASES, ids=str)
def test_gymnasium_finds_nothing_wrong(name, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(
            gym.make(f"arena/{name}-v0", disable_env_checker=True, **kind).unwrapped, skip_render_check=True
        )
        if not kind:
            made = gym.make(f"arena/{name}-v0", disable_env_checker=True, render_mode="rgb_array")
            check_env(made.unwrapped)


@pytest.mark.parametrize(("name", "kind"), CASES, ids=str)
def test_a_lane_is_the_single_environment(name, kind):
    limit, lanes = 25, 3
    many = vector(name, lanes, limit, **kind)
    ones = [gym.wrappers.TimeLimit(single(name, **kind), limit) for _ in range(lanes)]
    observations, _ = many.reset(seed=3)
    for i, env in enumerate(ones):
        assert np.array_equal(env.reset(seed=3 + i)[0], observations[i])
    many.action_space.seed(0)
    for _ in range(60):
        actions = many.action_space.sample()
        observations, rewards, terminated, truncated, infos = many.step(actions)
        for i, env in enumerate(ones):
            observation, *rest, _ = env.step(actions[i])
            assert rest == [rewards[i], terminated[i], truncated[i]]
            assert observation in env.observation_space
            assert np.array_equal(many.successors()[i], observation)
            if terminated[i] or truncated[i]:
                assert infos["_final_obs"][i] and np.array_equal(infos["final_obs"][i], observation)
                observation, _ = env.reset()
            assert np.array_equal(observation, observations[i])


@pytest.mark.parametrize(("name", "kind"), CASES, ids=str)
def test_restored_equals_uninterrupted(name, kind):
    many, other = (vector(name, 4, 9, **kind) for _ in range(2))
    many.reset(seed=1)
    many.action_space.seed(0)
    actions = [many.action_space.sample() for _ in range(40)]
    for action in actions[:15]:
        many.step(action)
    other.restore(many.state())
    assert np.array_equal(other.observation, many.observation)
    for action in actions[15:]:
        assert all(map(np.array_equal, many.step(action)[:4], other.step(action)[:4]))
    assert all(np.array_equal(value, other.state()[name]) for name, value in many.state().items())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_copy_goes_on_by_itself(copied, kind):
    for env in (single("Pendulum", **kind), vector("CartPole", 5, 30, **kind)):
        env.reset(seed=1)
        env.action_space.seed(0)
        for _ in range(4):
            env.step(env.action_space.sample())
        other = copied(env)
        other.action_space.seed(0)
        env.action_space.seed(0)
        for _ in range(20):
            mine, its = (one.step(one.action_space.sample()) for one in (env, other))
            assert all(map(np.array_equal, mine[:4], its[:4]))
        assert all(np.array_equal(value, other.state()[name]) for name, value in env.state().items())


def test_episodes_do_end_by_themselves():
    endless = {"Pendulum", "DoublePendulum", "Reacher", "LQR"}
    for name in set(NAMES) - endless:
        many = vector(name, 16)
        many.reset(seed=0)
        many.action_space.seed(0)
        ended = 0
        for _ in range(300):
            ended += many.step(many.action_space.sample())[2].sum()
        assert ended > 3, name


@pytest.mark.parametrize("name", PHYSICS)
def test_physics_depend_on_seed_and_episode_alone(name):
    def drawn(lanes):
        many = vector(name, lanes, 5, randomize=0.1)
        many.begin([7, 8, 9][:lanes])
        many.action_space.seed(lanes)
        found = [many.parameters[:, 0].copy()]
        while len(found) < 5:
            many.step(many.action_space.sample())
            if many.lanes["episode"][0] == len(found):
                found.append(many.parameters[:, 0].copy())
        return np.array(found)

    episodes = drawn(3)
    assert np.array_equal(episodes, drawn(1))
    assert len(np.unique(episodes[:, 0])) == 5


@pytest.mark.parametrize("name", PHYSICS)
def test_physics_are_drawn_around_the_options_values(name):
    plain, drawn = vector(name, 1), vector(name, 50, randomize=0.1)
    plain.reset(seed=0)
    drawn.reset(seed=0)
    for j, parameter in enumerate(drawn.system.parameters):
        low, high = drawn.system.parameters[parameter]
        assert np.all((low <= drawn.parameters[j]) & (drawn.parameters[j] <= high))
        value = getattr(drawn.options, parameter, None)
        if value is not None:  # not what belongs to the task, such as a goal
            fixed = parameter == "gravity" and not name.startswith("MountainCar")
            share = 0.0 if fixed else 0.1
            assert plain.parameters[j, 0] == value
            assert (low, high) == pytest.approx((value * (1 - share), value * (1 + share)))


def test_randomised_physics_fill_their_interval_evenly():
    many = vector("Pendulum", 4000, randomize=0.1)
    many.reset(seed=0)
    assert sorted(many.parameters[0])[::400] == pytest.approx(np.linspace(0.9, 1.08, 10), abs=0.01)
    assert abs(np.corrcoef(many.parameters[0], many.parameters[1])[0, 1]) < 0.06


def test_a_parameter_changes_the_motion_as_the_option_does():
    heavy, drawn = ac.Pendulum(mass=1.07), ac.Pendulum(randomize=0.5)
    for env in (heavy, drawn):
        env.reset(seed=2)
    drawn.restore({**drawn.state(), "parameters": heavy.state()["parameters"]})
    for _ in range(30):
        mine, other = (env.step(np.array([0.4], np.float32)) for env in (heavy, drawn))
        assert np.array_equal(mine[0], other[0]) and mine[1] == other[1]


@pytest.mark.parametrize("name", ["CartPole", "MountainCar", "Acrobot"])
def test_discrete_actions_out_of_range_name_their_lane(name):
    many = vector(name, 4)
    many.reset(seed=0)
    before = many.state()
    for wrong in (-1, 7):
        with pytest.raises(
            ArenaError, match=f"action {wrong} in environment 2 at step 0 is out of range; give"
        ):
            many.step(np.array([0, 1, wrong, 0]))
    assert all(np.array_equal(value, many.state()[key]) for key, value in before.items())


def test_nan_actions_name_their_lane_and_step():
    many = vector("Quadrotor", 3)
    many.reset(seed=0)
    actions = np.zeros((3, 2), np.float32)
    many.step(actions)
    actions[1, 1] = np.nan
    with pytest.raises(ArenaError, match=r"action of environment 1 at step 1 is \[0.0, nan\]; give numbers"):
        many.step(actions)


def test_actions_of_another_kind_are_refused():
    for name, wrong in (("CartPole", np.zeros(2)), ("Pendulum", np.zeros(2)), ("Pendulum", np.zeros((3, 1)))):
        many = vector(name, 2)
        many.reset(seed=0)
        with pytest.raises(ArenaError, match="for 2 environments; give each"):
            many.step(wrong)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "LQR"])
def test_real_valued_actions_are_clipped(name):
    one, other = single(name), single(name)
    if isinstance(one.action_space, gym.spaces.Discrete):
        return
    one.reset(seed=0)
    other.reset(seed=0)
    full = np.ones(one.action_space.shape, np.float32)
    assert all(
        np.array_equal(a, b) for a, b in zip(one.step(full)[:2], other.step(50 * full)[:2], strict=True)
    )


def test_a_repeated_action_adds_up_rewards_and_stops_where_the_episode_ends():
    one, many = ac.CartPole(), ac.CartPole(action_repeat=4)
    one.reset(seed=0)
    many.reset(seed=0)
    terminated = False
    while not terminated:
        observation, total, terminated, *_ = many.step(1)
        rewards = 0.0
        for _ in range(4):
            single_step = one.step(1)
            rewards += single_step[1]
            if single_step[2]:
                break
        assert total == rewards and terminated == single_step[2]
        assert np.array_equal(observation, single_step[0])
    assert rewards < 4


def test_noise_has_the_spread_that_is_asked_for():
    exact, noisy = (vector("Pendulum", 5000, observation_noise=noise) for noise in (0.0, 0.3))
    for env in (exact, noisy):
        env.reset(seed=0)
        env.step(np.zeros((5000, 1), np.float32))
    assert np.array_equal(exact.values, noisy.values)
    error = (noisy.observation - exact.observation)[:, 2]
    assert np.std(error) == pytest.approx(0.3, rel=0.05) and abs(np.mean(error)) < 0.02
    later = []
    for _ in range(2):
        for env in (exact, noisy):
            env.step(np.zeros((5000, 1), np.float32))
        later.append((noisy.observation - exact.observation)[:, 2])
    assert np.all(np.abs(np.corrcoef([error, *later]) - np.eye(3)) < 0.06)
    pushed = vector(
        "LQR", 5000, system="random", state_size=1, action_size=1, process_noise=0.0, action_noise=0.2
    )
    pushed.reset(seed=0)
    before = pushed.values[0].copy()
    pushed.step(np.zeros((5000, 1), np.float32))
    A, B = pushed.options.matrices()
    kicks = [(pushed.values[0] - A[0, 0] * before) / B[0, 0]]
    before = pushed.values[0].copy()
    pushed.step(np.zeros((5000, 1), np.float32))
    kicks.append((pushed.values[0] - A[0, 0] * before) / B[0, 0])
    np.testing.assert_allclose(np.cov(kicks), 0.04 * np.eye(2), atol=0.003)
    assert np.all(np.abs(np.mean(kicks, axis=1)) < 0.01)


def test_max_steps_truncates():
    env = gym.make("arena/Pendulum-v0", max_steps=7)
    env.reset(seed=0)
    assert [env.step(env.action_space.sample())[3] for _ in range(7)] == [False] * 6 + [True]


def test_options_that_make_no_sense():
    with pytest.raises(ArenaError, match="not supported for images"):
        ac.Pendulum(observation="pixels", observation_noise=0.1)
    with pytest.raises(ArenaError, match="did you mean 'randomize'"):
        ac.Pendulum(randomise=0.1)
    with pytest.raises(ArenaError, match="leaves no room for start and goal"):
        ac.PointMass(obstacles=((0.5, 0.0, 0.3),))
    with pytest.raises(ArenaError, match="render_mode is 'human'; give None or 'rgb_array'"):
        ac.Pendulum(render_mode="human")
    with pytest.raises(ArenaError, match="max_episode_steps is 0, which is not a whole number from 1"):
        ac.PendulumVector(2, max_episode_steps=0)
    with pytest.raises(ArenaError, match="does not fit 2 environments"):
        ac.PendulumVector(2).restore(ac.PendulumVector(3).state())


@pytest.mark.parametrize("name", NAMES)
def test_what_the_plugin_contributes(name):
    (spec,) = (spec for spec in arena_control_plugin.arena_environments() if spec.name == f"arena/{name}-v0")
    options = spec.load()
    env = gym.make(spec.name).unwrapped
    assert set(fields_help(options)) == {field.name for field in dataclasses.fields(options)}
    many = gym.make_vec(spec.name, num_envs=2)
    assert type(many).__name__ == f"{type(env).__name__}Vector"
    assert type(many) is getattr(ac, type(many).__name__)
    assert pickle.loads(pickle.dumps(type(many))) is type(many)
    assert spec.reference and type(many).__doc__ and type(env).__doc__
    assert gym.spec(spec.name).max_episode_steps == spec.horizon
    assert set(env.parameters) == set(env.system.parameters)
