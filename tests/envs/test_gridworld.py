"""The laws of gridworlds: tables equal the peers', lanes equal the single environment, draws are fair."""

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import arena_gridworld as ag
from arena.errors import ArenaError

FROZEN_LAKE = "S...\n.L.L\n...L\nL..G"
OPEN = "S....\n.#.C.\n.L#..\n.S..G"


def outcomes(row):
    """A distribution over (successor, reward, terminated)."""
    found = {}
    for probability, *outcome in row:
        found[tuple(outcome)] = found.get(tuple(outcome), 0.0) + probability
    return {key: pytest.approx(p) for key, p in found.items() if p > 0}


def model_row(model, state, action):
    at = model.row(state, action)
    columns = (model.probability, model.successor, model.reward, model.terminated)
    return list(zip(*(column[at].tolist() for column in columns), strict=True))


def optimal_values(model, discount=1.0):
    P, R = model.dense()
    V = np.zeros(model.num_states)
    for _ in range(10_000):
        V, old = (R + discount * P @ V).max(axis=1), V
        if np.array_equal(V, old):
            return V
    raise AssertionError("value iteration does not converge")


@pytest.mark.parametrize(("slip", "peer"), [(0.0, "CliffWalking-v1"), (2 / 3, "CliffWalkingSlippery-v1")])
def test_cliff_walk_is_gymnasiums(slip, peer):
    table = gym.make(peer).unwrapped.P
    env = gym.make("arena/CliffWalk-v0", slip=slip).unwrapped
    acting = [s for s in range(48) if s <= 36]
    for state in acting:
        for action in range(4):
            mine, theirs = model_row(env.model, state, action), table[state][action]
            assert [o[1:] for o in mine] == [(int(s), r, d) for _, s, r, d in theirs]  # successor order too
            assert [o[0] for o in mine] == pytest.approx([o[0] for o in theirs])
    for state in range(37, 48):
        for action in range(4):
            assert model_row(env.model, state, action) == [(1.0, state, 0.0, True)]
    assert np.flatnonzero(env.model.initial).tolist() == [36]


LAKES = [
    {},
    {"map_name": "8x8"},
    {"is_slippery": False},
    {"map_name": "8x8", "is_slippery": False, "success_rate": 0.5},
    {"success_rate": 0.8, "reward_schedule": (5.0, -3.0, -0.25)},
    {"desc": ("SFFHFG", "FHSFFF"), "success_rate": 0.0},
    {"desc": ("SFHFF", "GFHHF"), "success_rate": 1.0},  # cells that no episode comes to have rows as well
]


@pytest.mark.parametrize("options", LAKES, ids=str)
def test_frozen_lake_is_gymnasiums(options):
    peer = gym.make("FrozenLake-v1", **options).unwrapped
    env = gym.make("arena/FrozenLake-v0", **options).unwrapped
    for state in range(env.model.num_states):
        for action in range(4):
            mine = model_row(env.model, state, action)
            expected = [(p, int(s), float(r), bool(d)) for p, s, r, d in peer.P[state][action] if p > 0]
            assert [o[1:] for o in mine] == [o[1:] for o in expected]  # their order too
            assert [o[0] for o in mine] == pytest.approx([o[0] for o in expected], abs=1e-15)
    assert env.model.initial.tolist() == peer.initial_state_distrib.tolist()
    assert (env.observation_space, env.action_space) == (peer.observation_space, peer.action_space)


def test_a_lake_that_is_none():
    with pytest.raises(ArenaError, match="desc has 'x'; use S start"):
        ag.FrozenLake(desc=("SFx", "FFG"))


def test_values():
    values = optimal_values(gym.make("arena/CliffWalk-v0").unwrapped.model)
    assert values[36] == -13
    values = optimal_values(gym.make("arena/Grid-v0", step_reward=-1.0).unwrapped.model)
    assert values[0] == 1 - 9
    # FrozenLake's known optimum under a discount of 0.99 (Gymnasium's 4 × 4 map).
    values = optimal_values(gym.make("arena/Grid-v0", map=FROZEN_LAKE, slip=2 / 3).unwrapped.model, 0.99)
    assert values[0] == pytest.approx(0.542, abs=5e-4)


def test_what_no_start_leads_to_has_no_value():
    model = gym.make("arena/Grid-v0", map="S.G#.", step_reward=-1.0, goal_reward=-1.0).unwrapped.model
    assert optimal_values(model).tolist() == [-2, -1, 0, 0, 0]


def test_rewards_by_tile():
    rewards = {"step_reward": -1.0, "goal_reward": 5.0, "cliff_reward": -7.0, "lava_reward": -9.0}
    model = gym.make("arena/Grid-v0", map=".C.\nGSL\n.#.", **rewards).unwrapped.model
    assert [model_row(model, 4, action) for action in range(4)] == [
        [(1.0, 4, -7.0, False)],
        [(1.0, 5, -9.0, True)],
        [(1.0, 4, -1.0, False)],
        [(1.0, 3, 5.0, True)],
    ]


@pytest.mark.parametrize(("slip", "chances"), [(0.0, [1.0]), (0.1, [0.05, 0.9, 0.05]), (1.0, [0.5, 0.5])])
def test_outcomes_of_a_move(slip, chances):
    model = gym.make("arena/Grid-v0", map="...\n.S.\n..G", slip=slip).unwrapped.model
    neighbours = {0.0: [1], 0.1: [3, 1, 5], 1.0: [3, 5]}[slip]
    row = model_row(model, 4, 0)
    assert [o[0] for o in row] == pytest.approx(chances)
    assert [o[1] for o in row] == neighbours


def test_cliff_sends_back_to_any_start():
    model = gym.make("arena/Grid-v0", map="SCG\n...\n.S.", slip=0.5).unwrapped.model
    assert model_row(model, 0, 1) == [  # slips up, goes right onto the cliff, slips down
        (0.25, 0, 0.0, False),
        (0.25, 0, -100.0, False),
        (0.25, 7, -100.0, False),
        (0.25, 3, 0.0, False),
    ]
    assert model.initial.tolist() == [0.5, 0, 0, 0, 0, 0, 0, 0.5, 0]


@pytest.mark.parametrize("slip", [0.0, 0.2])
def test_a_large_map(slip):
    cells = np.zeros((300, 300), dtype=np.uint8)
    cells[0, 0], cells[-1, -1], cells[150, 1:299], cells[200, 5] = 2, 3, 1, 4
    env = ag.Grid(map=ag.GridMap(cells).text, slip=slip)
    idle = 298 + 2  # walls, goal, cliff
    assert env.model.transitions == 4 * ((90_000 - idle) * (3 if slip else 1) + idle)
    assert env.model.num_states == 90_000


@st.composite
def worlds(draw):
    """Options of a `Grid`: any map that has a start beside a goal."""
    width = draw(st.integers(2, 6))
    line = st.text(".#SGCL", min_size=width, max_size=width)
    lines = [*draw(st.lists(line, max_size=5)), "SG".ljust(width, ".")]
    rewards = st.sampled_from((-1.0, 0.0, 0.5))
    return {
        "map": "\n".join(draw(st.permutations(lines))),
        "slip": draw(st.sampled_from((0.0, 0.1, 0.7, 1.0))),
        "step_reward": draw(rewards),
        "lava_reward": draw(rewards),
    }


@settings(deadline=None, max_examples=50)
@given(worlds(), st.integers(0, 2**31 - 4), st.integers(0, 2**31 - 1))
def test_a_lane_is_the_single_environment(options, seed, action_seed):
    limit, lanes = 7, 3
    vector = ag.GridVector(lanes, max_episode_steps=limit, **options)
    singles = [gym.wrappers.TimeLimit(ag.Grid(**options), limit) for _ in range(lanes)]
    observations, _ = vector.reset(seed=seed)
    assert observations.tolist() == [env.reset(seed=seed + i)[0] for i, env in enumerate(singles)]
    episodes = 0
    for actions in np.random.default_rng(action_seed).integers(0, 4, size=(30, lanes)):
        observations, rewards, terminated, truncated, info = vector.step(actions)
        for i, env in enumerate(singles):
            observation, *rest, _ = env.step(actions[i])
            assert rest == [rewards[i], terminated[i], truncated[i]]
            done = terminated[i] or truncated[i]
            if done:
                assert info["_final_obs"][i]
                assert info["final_obs"][i] == observation
                episodes += 1
                observation, _ = env.reset()
            else:
                assert "_final_obs" not in info or not info["_final_obs"][i]
            assert observations[i] == observation
    assert episodes >= 3 * lanes


@settings(deadline=None, max_examples=20)
@given(worlds(), st.integers(0, 2**31 - 1), st.integers(0, 20))
def test_restored_equals_uninterrupted(options, seed, before):
    actions = np.random.default_rng(seed).integers(0, 4, size=(before + 20, 5))
    vector = ag.GridVector(5, max_episode_steps=6, **options)
    vector.reset(seed=seed % 1000)
    for action in actions[:before]:
        vector.step(action)
    saved = vector.state()
    kept = {name: array.copy() for name, array in saved.items()}
    after = [vector.step(action)[:4] for action in actions[before:]]
    assert all(np.array_equal(saved[name], kept[name]) for name in kept)  # copies, not views
    other = ag.GridVector(5, max_episode_steps=6, **options)
    other.restore(saved)
    again = [other.step(action)[:4] for action in actions[before:]]
    assert all(map(np.array_equal, map(np.array, after), map(np.array, again)))
    assert all(np.array_equal(vector.state()[name], other.state()[name]) for name in kept)

    single, copy = ag.Grid(**options), ag.Grid(**options)
    single.reset(seed=seed)
    copy.restore(single.state())
    for action in actions[:, 0]:
        step = single.step(action)
        assert step == copy.step(action)
        if step[2]:
            assert single.reset() == copy.reset()


def test_sampled_frequencies_are_the_probabilities():
    n = 200_000
    vector = ag.GridVector(n, map=OPEN, slip=0.3)
    starts, _ = vector.reset(seed=1)
    model, cells = vector.model, vector.model.num_states
    assert np.bincount(starts, minlength=cells) / n == pytest.approx(model.initial, abs=0.005)
    actions = np.random.default_rng(0).integers(0, 4, size=(4, n))
    for action in actions:  # the fourth step is far enough from the starts to meet walls, lava and cliff
        before = vector.observation.copy()
        vector.advance(action)
        for row in np.unique(before * 4 + action):
            chosen = before * 4 + action == row
            count = np.count_nonzero(chosen)
            at = model.row(*divmod(int(row), 4))
            expected = np.bincount(model.successor[at], model.probability[at], minlength=cells)
            frequency = np.bincount(vector.successors()[chosen], minlength=cells) / count
            # Six standard deviations of a binomial frequency, which the seed makes repeatable.
            assert np.all(
                np.abs(frequency - expected) <= 6 * np.sqrt(expected * (1 - expected) / count) + 1e-12
            )


def test_lanes_differ_and_seeds_repeat():
    def walk(seed):
        vector = gym.make_vec("arena/Grid-v0", num_envs=16, slip=0.5)
        first, _ = vector.reset(seed=seed)
        return np.array([first, *(vector.step(np.full(16, a % 4))[0] for a in range(12))])

    one = walk(7)
    assert np.array_equal(one, walk(7))
    assert not np.array_equal(one, walk(8))
    assert len(np.unique(one, axis=1).T) > 1
    assert np.array_equal(one, walk(list(range(7, 23))))  # a list seeds each lane
    assert np.array_equal(walk([3] * 16), np.repeat(walk([3] * 16)[:, :1], 16, axis=1))


@pytest.mark.parametrize("mode", [None, "vector_entry_point"])
def test_make_vec_gives_the_native_vector(mode):
    vector = gym.make_vec("arena/CliffWalk-v0", num_envs=8, vectorization_mode=mode)
    assert isinstance(vector, ag.CliffWalkVector)
    vector.reset(seed=0)
    for _ in range(2000):  # no time limit
        assert not vector.step(np.zeros(8, dtype=np.int64))[3].any()
    vector = gym.make_vec("arena/CliffWalk-v0", num_envs=8, max_episode_steps=3, vectorization_mode=mode)
    vector.reset(seed=0)
    assert [bool(vector.step(np.zeros(8, dtype=np.int64))[3].all()) for _ in range(6)] == [
        False,
        False,
        True,
    ] * 2
    grid = gym.make_vec("arena/Grid-v0", num_envs=2, vectorization_mode=mode)
    assert isinstance(grid, ag.GridVector)
    assert grid.limit == gym.spec("arena/Grid-v0").max_episode_steps


def test_final_observations():
    vector = gym.make_vec("arena/Grid-v0", num_envs=2, map="S.G")
    vector.reset(seed=0)
    assert vector.step(np.array([1, 3]))[4] == {}
    observation, reward, terminated, truncated, info = vector.step(np.array([1, 3]))
    assert observation.tolist() == [0, 0]
    assert (reward.tolist(), terminated.tolist(), truncated.tolist()) == (
        [1, 0],
        [True, False],
        [False, False],
    )
    assert info["_final_obs"].tolist() == [True, False]
    assert info["final_obs"].tolist() == [2, None]


def test_the_picture_shows_the_walker():
    env = gym.make("arena/Grid-v0", map=OPEN, render_mode="ansi")
    assert env.unwrapped.render() == OPEN
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    for _ in range(200):
        rows = env.render().split("\n")
        cell = int(env.unwrapped.state()["state"][0])
        assert [(r, row.index("@")) for r, row in enumerate(rows) if "@" in row] == [divmod(cell, 5)]
        assert "".join(rows).replace("@", OPEN.replace("\n", "")[cell]) == OPEN.replace("\n", "")
        *_, terminated, _, _ = env.step(rng.integers(4))
        if terminated:
            env.reset()
    vector = gym.make_vec("arena/CliffWalk-v0", num_envs=3, render_mode="ansi")
    vector.reset(seed=0)
    assert [frame.splitlines()[3][0] for frame in vector.render()] == ["@"] * 3


@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
def test_no_picture_without_a_mode(make):
    env = make("arena/CliffWalk-v0").unwrapped
    env.reset(seed=0)
    with pytest.warns(UserWarning, match='render_mode="ansi"'):
        assert env.render() is None


@pytest.mark.parametrize("cls", [ag.Grid, ag.GridVector])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"slip": 1.5}, "slip is 1.5, which is not in [0, 1]; give a value in [0, 1]"),
        ({"slip": float("nan")}, "slip is nan"),
        ({"slip": "much"}, "slip is 'much', which is not a number"),
        ({"step_reward": float("inf")}, "step_reward is inf"),
        ({"slop": 0.1}, "did you mean 'slip'?"),
        ({"map": "S..\n..G."}, "line 2 of the map has 4 cells, but line 1 has 3"),
        ({"map": 3}, "map is 3, which is not a string"),
        ({"render_mode": "human"}, "render_mode is 'human'; give None or 'ansi'"),
    ],
)
def test_bad_options(cls, options, message):
    with pytest.raises(ArenaError) as caught:
        cls(**options)
    assert message in str(caught.value)


def test_a_map_from_a_file(tmp_path):
    path = tmp_path / "m"
    path.write_text("S.G\n")
    for source in (path, str(path)):
        env = gym.make("arena/Grid-v0", map=source).unwrapped
        assert env.grid.text == "S.G"
        assert env.options == ag.GridOptions(map=str(path))
