"""What is seen is what is there: every observation and label against a plain-Python reference."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.environments.mdp import TransitionModel
from arena.environments.tabular import TableEnv, TableVectorEnv
from arena.errors import ArenaError
from arena_gridworld.observation import (
    CHANNELS,
    CLASSES,
    KINDS,
    Scene,
    StateLabeler,
    make_observer,
    observers,
)
from arena_gridworld.observation.sprites import sprite
from arena_gridworld.tiles import TILES


@st.composite
def worlds(draw, most=5):
    rows, columns = draw(st.integers(1, most)), draw(st.integers(1, most))
    count, states = draw(st.integers(1, 4)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return {
        "rows": rows,
        "columns": columns,
        "position": rng.integers(0, rows * columns, states).astype(np.int32),
        "layout": rng.integers(0, count, states).astype(np.int32),
        "layouts": rng.integers(0, len(TILES), (count, rows, columns)).astype(np.uint8),
    }


def plain(rows, columns, tiles=None):
    """One state a cell, one layout."""
    cells = np.zeros((rows, columns), np.uint8) if tiles is None else np.array(tiles, np.uint8)
    n = rows * columns
    place, still = np.arange(n, dtype=np.int32), np.zeros(n, np.int32)
    return {"rows": rows, "columns": columns, "position": place, "layout": still, "layouts": cells[None]}


def observer(kind, *, view=5, tile=8, **world):
    return make_observer(kind, Scene(**world), view, tile)


def labels(names, *, tile=1, **world):
    return StateLabeler(names, Scene(**world), tile)


def seen(kind, world, states=None, **options):
    eye = observer(kind, **world, **options)
    states = np.arange(len(world["position"])) if states is None else states
    out = np.full((len(states), *eye.space.shape), 7, eye.space.dtype)
    eye.observe(states, out)
    return out


def reference(kind, world, state, view=5, tile=8):
    """One state's observation, cell by cell."""
    rows, columns = world["rows"], world["columns"]
    row, column = divmod(int(world["position"][state]), columns)
    cells = world["layouts"][world["layout"][state]]
    if kind == "onehot":
        return np.eye(len(world["position"]), dtype=np.float32)[state]
    if kind == "xy":
        xy = (column / (columns - 1) if columns > 1 else 0, row / (rows - 1) if rows > 1 else 0)
        return np.array(xy, dtype=np.float32)
    if kind == "egocentric":
        out = np.zeros((view, view, 1 + len(TILES)), np.uint8)
        for i in range(view):
            for j in range(view):
                r, c = row + i - view // 2, column + j - view // 2
                inside = 0 <= r < rows and 0 <= c < columns
                out[i, j, 1 + cells[r, c] if inside else 0] = 1
        return out
    frame = np.zeros((rows * tile, columns * tile, 3), np.uint8)
    for r in range(rows):
        for c in range(columns):
            picture = sprite(TILES[cells[r, c]].name, tile, walker=(r, c) == (row, column))
            frame[r * tile : (r + 1) * tile, c * tile : (c + 1) * tile] = picture
    return frame


@settings(deadline=None)
@given(worlds(), st.sampled_from(KINDS), st.sampled_from((1, 3, 5, 11)), st.sampled_from((1, 2, 3, 7, 8)))
def test_every_kind_is_the_reference_in_its_space_alone_and_in_a_batch(world, kind, view, tile):
    space = observer(kind, **world, view=view, tile=tile).space
    batch = seen(kind, world, view=view, tile=tile)
    for state, found in enumerate(batch):
        assert np.array_equal(found, reference(kind, world, state, view, tile))
        assert space.contains(found)
        assert np.array_equal(seen(kind, world, [state], view=view, tile=tile)[0], found)


@settings(deadline=None)
@given(worlds(), st.sampled_from((1, 5, 8)))
def test_frames_put_together_from_tiles_are_those_put_together_from_rows(world, tile):
    expected = seen("pixels", world, tile=tile)
    budget, observers.ROWS_BUDGET = observers.ROWS_BUDGET, 0
    try:
        assert np.array_equal(seen("pixels", world, tile=tile), expected)
    finally:
        observers.ROWS_BUDGET = budget


def test_shapes_types_and_bounds_are_exact():
    world = plain(3, 4)
    for kind, options, shape, dtype, high in (
        ("onehot", {}, (12,), np.float32, 1),
        ("xy", {}, (2,), np.float32, 1),
        ("egocentric", {"view": 7}, (7, 7, len(TILES) + 1), np.uint8, 1),
        ("pixels", {"tile": 5}, (15, 20, 3), np.uint8, 255),
    ):
        assert observer(kind, **world, **options).space == spaces.Box(0, high, shape, dtype)


def test_in_a_corner_all_but_a_quarter_of_the_view_is_outside():
    view = seen("egocentric", plain(6, 6), [0, 5, 30, 35], view=5)
    for corner, (rows, columns) in zip(
        view,
        [
            (slice(2, 5), slice(2, 5)),
            (slice(2, 5), slice(0, 3)),
            (slice(0, 3), slice(2, 5)),
            (slice(0, 3), slice(0, 3)),
        ],
        strict=True,
    ):
        inside = np.zeros((5, 5), np.uint8)
        inside[rows, columns] = 1
        assert np.array_equal(corner[..., CHANNELS.index("floor")], inside)
        assert np.array_equal(corner[..., CHANNELS.index("outside")], 1 - inside)


def test_xy_runs_from_the_top_left_to_the_bottom_right():
    assert seen("xy", plain(3, 5), [0, 4, 10, 14, 7]).tolist() == [[0, 0], [1, 0], [0, 1], [1, 1], [0.5, 0.5]]


def test_no_states_and_views_into_larger_arrays_are_observed():
    for kind in KINDS:
        eye = observer(kind, **plain(2, 3))
        eye.observe(np.array([], dtype=np.int64), np.empty((0, *eye.space.shape), eye.space.dtype))
        wide = np.zeros((6, 2, *eye.space.shape), eye.space.dtype)
        eye.observe(np.arange(12)[::2][:3] % 6, wide[:3, 1])
        assert np.array_equal(wide[:3, 1], seen(kind, plain(2, 3), [0, 2, 4]))
        assert not wide[:, 0].any()
        for states, out in (
            ([6], wide[:1, 0]),
            ([-1], wide[:1, 0]),
            ([0], wide[:2, 0]),
            ([0.5], wide[:1, 0]),
        ):
            with pytest.raises(ValueError, match=r"states|out is"):
                eye.observe(states, out)


def ring():
    """Six cells, left and right around."""
    cell = np.arange(6)
    return TransitionModel(
        num_states=6,
        num_actions=2,
        indptr=np.arange(13),
        successor=np.stack([(cell + 1) % 6, (cell - 1) % 6], axis=1).ravel(),
        probability=np.ones(12),
        reward=np.zeros(12),
        terminated=np.zeros(12, dtype=bool),
        initial=np.full(6, 1 / 6),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_gymnasium_has_nothing_to_say(kind):
    check_env(TableEnv(ring(), observer=observer(kind, **plain(2, 3))), skip_render_check=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_lane_looks_like_the_single_environment(kind):
    model = ring()
    world = plain(2, 3)
    vector = TableVectorEnv(model, 3, max_episode_steps=4, observer=observer(kind, **world))
    single = TableEnv(model, observer=observer(kind, **world))
    vector.begin([4, 5, 6])
    observation, _ = single.reset(seed=5)
    for step in range(9):
        assert np.array_equal(observation, vector.observation[1])
        assert np.array_equal(observation, reference(kind, world, single.state_index))
        vector.advance(np.array([0, step % 2, 1]))
        observation = single.step(step % 2)[0]
        assert np.array_equal(observation, vector.successors()[1])
        if vector.truncated[1]:
            observation, _ = single.reset()


@settings(deadline=None)
@given(worlds(), st.sampled_from((1, 3)))
def test_semantic_labels_are_tiles_and_walker(world, tile):
    give = labels(["semantic"], **world, tile=tile)
    found = give(np.arange(len(world["position"])))
    assert set(found) == {"semantic"}
    for state, label in enumerate(found["semantic"]):
        expected = world["layouts"][world["layout"][state]].copy()
        expected.flat[world["position"][state]] = CLASSES.index("walker")
        assert np.array_equal(label, np.kron(expected, np.ones((tile, tile), np.uint8)))
        assert give.spaces["semantic"].contains(label)


@settings(deadline=None)
@given(worlds())
def test_state_labels_are_the_place_and_tell_layouts_apart(world):
    give = labels(["state", "semantic"], **world)
    found = give(np.arange(len(world["position"])))["state"]
    assert np.array_equal(found[:, :2], seen("xy", world))
    assert all(give.spaces["state"].contains(label) for label in found)
    looks = world["layouts"][world["layout"]]
    for i in range(len(found)):
        for j in range(i):
            assert np.array_equal(looks[i], looks[j]) == np.array_equal(found[i, 2:], found[j, 2:])


def test_a_key_with_its_door_and_a_blinking_tile_are_a_number_each():
    floor, wall, lava, goal = 0, 1, 5, 3
    layouts = [[[floor, lava, goal]], [[wall, floor, goal]], [[floor, lava, floor]], [[wall, floor, lava]]]
    world = {**plain(1, 3), "layouts": np.array(layouts, np.uint8)}
    world |= {"position": np.zeros(4, np.int32), "layout": np.arange(4, dtype=np.int32)}
    state = labels(["state"], **world)([0, 1, 2, 3])["state"]
    assert state.dtype == np.float32
    assert state.tolist() == [[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0.5], [0, 0, 1, 1]]


def test_what_cannot_be_is_said_with_the_remedy():
    world, large = plain(3, 3), plain(1000, 1000)
    for make, message in (
        (
            lambda: observer("egocentrik", **world),
            "no observation is called 'egocentrik'; did you mean 'egocentric'",
        ),
        (lambda: labels(["semantics"], **world), "no label is called 'semantics'; did you mean 'semantic'"),
        (
            lambda: observer("egocentric", **world, view=4),
            "view_size is 4, which is even.*odd number of cells, such as 3 or 5",
        ),
        (
            lambda: observer("egocentric", **world, view=0),
            "view_size is 0, which is not a whole number from 1",
        ),
        (
            lambda: observer("egocentric", **world, view=10_001),
            "10,001 × 10,001 × .* MiB, over the limit of 64; give a smaller view_size",
        ),
        (lambda: observer("pixels", **world, tile=0), "tile_size is 0, which is not a whole number from 1"),
        (
            lambda: observer("pixels", **large, tile=8),
            "8,000 × 8,000 × 3 values has 183 MiB, .*; give a smaller tile_size",
        ),
        (lambda: labels(["semantic"], **world, tile=0), "tile_size is 0"),
    ):
        with pytest.raises(ArenaError, match=message):
            make()
    many = {**plain(1, 1), **dict.fromkeys(("position", "layout"), np.zeros(2**25, np.int32))}
    with pytest.raises(ArenaError, match="128 MiB, .*; choose observation xy"):
        observer("onehot", **many)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": 2},
        {"position": np.array([9], np.int32)},
        {"layout": np.full(9, 1, np.int32)},
        {"layouts": np.full((1, 3, 3), len(TILES), np.uint8)},
    ],
)
def test_arrays_that_do_not_fit_are_refused(wrong):
    with pytest.raises(ValueError, match=r"shape|outside"):
        observer("xy", **{**plain(3, 3), **wrong})


def test_names_are_complete():
    assert len(CHANNELS) == len(TILES) + 1 == len(CLASSES)
    assert set(StateLabeler.KNOWN) == {"semantic", "state"}


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"observation": "pixels", "tile_size": 3}, (39, 39)),
        ({"observation": "pixels"}, (104, 104)),
        ({"observation": "xy", "tile_size": 3}, (13, 13)),
        ({}, (13, 13)),
    ],
)
def test_a_semantic_label_has_a_place_for_every_pixel_or_cell(options, shape):
    options = {**options, "labels": ("state", "semantic")}
    single = gym.make("arena/FourRooms-v0", **options).unwrapped
    vector = gym.make_vec("arena/FourRooms-v0", 2, **options).unwrapped
    told = single.label_spaces
    assert list(told) == ["state", "semantic"]
    assert vector.label_spaces == told
    assert told["semantic"].shape == shape
    if options.get("observation") == "pixels":
        assert single.observation_space.shape[:2] == shape
    _, info = single.reset(seed=0)
    _, infos = vector.reset(seed=0)
    for name, space in told.items():
        assert info[name] in space
        assert np.array_equal(infos[name][0], info[name])
    walker = info["semantic"] == CLASSES.index("walker")
    assert walker.sum() == (shape[0] // 13) ** 2
    cell = np.argwhere(walker)[0] // (shape[0] // 13)
    assert np.allclose(info["state"], cell[::-1] / 12)


def test_label_spaces_are_the_receiver_s_own_and_empty_without_labels():
    env = gym.make("arena/FourRooms-v0", labels=("state",)).unwrapped
    env.label_spaces.clear()
    assert list(env.label_spaces) == ["state"]
    assert gym.make("arena/FourRooms-v0").unwrapped.label_spaces == {}
    assert gym.make("arena/GamblersProblem-v0").unwrapped.label_spaces == {}
    assert gym.make_vec("arena/FourRooms-v0", 2).unwrapped.label_spaces == {}
