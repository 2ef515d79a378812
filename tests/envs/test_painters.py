"""What people see and press: every painter keeps its contract, and every key does what it says."""

import copy
import dataclasses
import itertools
import pickle

import gymnasium as gym
import numpy as np
import pytest

import arena_control as ac
import arena_gridworld as ag
from arena.environments.factory import EnvironmentFactory
from arena.environments.rendering import CellPainter, Controls, Painter
from arena.plugins.discovery import get_plugins
from arena_control.painter import ControlPainter, controls_for_system
from arena_gridworld.observation.styles import WALKER
from arena_gridworld.painter import MOST_STARTS, GridPainter, controls_for_moves
from arena_gridworld.tiles import CODES


def made(name, **options):
    return EnvironmentFactory.resolve(name, options).make().unwrapped


def has(name, what):
    return hasattr(type(made(name)), what)


OURS = sorted(name for name in get_plugins().environments if name.startswith("arena/"))
PAINTED = [name for name in OURS if has(name, "painter")]
GRIDS = [name for name in PAINTED if has(name, "grid")]
SYSTEMS = [name for name in PAINTED if has(name, "system")]
KINDS = ("index", "onehot", "xy", "egocentric", "pixels")
ROOMS = ((1, 1), (31, 500), (403, 297))
OPEN = "S....\n.....\n..S..\n.....\n....G"


def walked(env, steps, seed=0):
    """The environment after some random steps, reset where an episode ends."""
    env.reset(seed=seed)
    env.action_space.seed(seed)
    for _ in range(steps):
        if env.step(env.action_space.sample())[2]:
            env.reset()
    return env


def blue(frame):
    """Rows and columns of the pixels that are all walker."""
    return np.argwhere((frame == WALKER).all(-1))


def test_all_that_have_a_picture_have_a_painter():
    assert GRIDS and SYSTEMS and set(GRIDS) | set(SYSTEMS) == set(PAINTED)
    assert set(PAINTED) == {name for name in OURS if "rgb_array" in type(made(name)).metadata["render_modes"]}


@pytest.mark.parametrize("name", PAINTED)
def test_a_painter_keeps_the_contract(name):
    env = walked(made(name), 3)
    painter, scene = env.painter, env.scene()
    assert isinstance(painter, Painter)
    assert isinstance(painter, CellPainter) == (name in GRIDS)
    assert painter is env.painter
    for room in ROOMS:
        width, height = painter.fit(*room)
        frame = painter.paint(scene, width, height)
        assert frame.shape == (height, width, 3) and frame.dtype == np.uint8 and frame.flags.c_contiguous
        columns, rows = (painter.columns, painter.rows) if name in GRIDS else (1, 1)
        unit = width // columns
        assert (width, height) == (columns * unit, rows * unit)
        if unit > 1:
            assert width <= room[0] and height <= room[1]
        assert (unit + 1) * columns > room[0] or (unit + 1) * rows > room[1]


@pytest.mark.parametrize("name", PAINTED)
def test_a_scene_is_a_snapshot(name):
    env = walked(made(name), 2)
    size = env.painter.fit(150, 150)
    scenes, pictures = [], []
    for _ in range(6):
        scenes.append(env.scene())
        pictures.append(env.painter.paint(scenes[-1], *size).copy())
        env.step(env.action_space.sample())
    for before, scene, picture in zip(scenes[:1] + scenes, scenes, pictures, strict=False):
        assert np.array_equal(env.painter.paint(scene, *size), picture)
        assert np.array_equal(env.painter.paint(scene, *size, before=before, share=1.0), picture)


@pytest.mark.parametrize("name", PAINTED)
def test_what_was_painted_does_not_travel(name):
    env = walked(made(name), 3)
    size = env.painter.fit(200, 200)
    picture = env.painter.paint(env.scene(), *size)
    for twin in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        assert np.array_equal(twin.painter.paint(twin.scene(), *size), picture)
        twin.step(twin.action_space.sample())


@pytest.mark.parametrize("name", PAINTED)
def test_controls_are_actions(name):
    env = made(name)
    controls = env.controls
    assert isinstance(controls, Controls)
    for action in controls.keys.values():
        assert env.action_space.contains(action)
    assert controls.idle is None or env.action_space.contains(controls.idle)
    if isinstance(env.action_space, gym.spaces.Discrete):
        assert len(controls.names) == env.action_space.n
        assert {"left", "right"} <= set(controls.keys)


@pytest.mark.parametrize("name", GRIDS)
def test_a_grids_picture_is_the_rendered_one(name):
    env = walked(made(name), 5)
    size = env.world.columns * 32, env.world.rows * 32
    frame = env.painter.paint(env.scene(), *size)
    world, starts = env.world, env.world.layouts == CODES["start"]
    if np.count_nonzero(starts[0]) > MOST_STARTS:  # then none is marked
        world = dataclasses.replace(world, layouts=np.where(starts, np.uint8(CODES["floor"]), world.layouts))
    arrows = {1: CODES["wind up"], -1: CODES["wind down"], 0: CODES["floor"]}
    blown = np.array([arrows[int(np.sign(strength))] for strength in world.wind], np.uint8)
    if len(blown):  # its columns' wind lies on the floor
        layouts = np.where(world.layouts == CODES["floor"], blown, world.layouts)
        world = dataclasses.replace(world, layouts=layouts)
    plain = world.frames(np.array([env.scene()]))[0]
    assert np.array_equal(frame, plain)


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("tile", [1, 4, 7, 20, 61])
def test_the_walker_is_in_its_cell(name, tile):
    env = walked(made(name), 4)
    painter = env.painter
    frame = painter.paint(env.scene(), painter.columns * tile, painter.rows * tile)
    cells = blue(frame) // tile @ (painter.columns, 1)
    assert set(cells.tolist()) == {painter.cell(env.scene())}
    assert painter.cell(env.scene()) == env.world.position[env.scene()]


@pytest.mark.parametrize("tile", [3, 8, 33, 40])
@pytest.mark.parametrize(("before", "scene"), [(0, 1), (12, 6), (6, 16), (23, 24), (24, 19)])
def test_a_walker_glides_between_cells(before, scene, tile):
    painter = ag.Grid(map=OPEN, num_actions=8).painter
    size = painter.fit(5 * tile, 5 * tile)
    start, middle, end = (
        blue(painter.paint(scene, *size, before=before, share=share)).mean(0) for share in (0.0, 0.5, 1.0)
    )
    assert np.allclose(middle, (start + end) / 2, atol=0.5)
    assert np.allclose(start, blue(painter.paint(before, *size)).mean(0), atol=0.05 * tile)
    # Nothing but the walker differs from the picture before: the cells that it does not touch are as they were.
    frame, plain = painter.paint(scene, *size, before=before, share=0.5), painter.paint(before, *size)
    changed = np.argwhere((frame != plain).any(-1)) // tile
    rows, columns = np.divmod((before, scene), 5)
    assert (changed.min(0) >= (rows.min(), columns.min())).all()
    assert (changed.max(0) <= (rows.max(), columns.max())).all()


def test_a_glide_of_no_way_is_the_picture():
    painter = ag.Grid(map=OPEN).painter
    frame = painter.paint(7, 200, 200, before=6, share=0.0).astype(int)
    # Opacity is kept in 256 steps, and edges are mixed a pixel at a time instead of a sixteenth of one.
    assert np.abs(frame - painter.paint(6, 200, 200)).max() <= 2


def test_a_leap_is_no_glide():
    painter = ag.Grid(map=OPEN).painter
    assert np.array_equal(painter.paint(3, 200, 200, before=0, share=0.5), painter.paint(3, 200, 200))
    assert np.array_equal(painter.paint(15, 200, 200, before=0, share=0.5), painter.paint(15, 200, 200))


def test_what_is_decided_shows_at_the_end_of_a_step():
    painter = ag.Grid(map="SaAG").painter
    seen = [painter.paint(5, 160, 40, before=0, share=share) for share in (0.5, 1.0)]
    door = np.s_[:, 80:120]
    assert np.array_equal(seen[0][door], painter.paint(0, 160, 40)[door])
    assert not np.array_equal(seen[0][door], seen[1][door])
    # And who stays where he is stays in the map as it was.
    assert np.array_equal(painter.paint(5, 160, 40, before=1, share=0.5), painter.paint(1, 160, 40))


def test_a_huge_map_gets_small_tiles():
    painter = ag.Maze(height=300, width=300).painter
    width, height = painter.fit(10_000, 10_000)
    assert width * height * 3 <= 1 << 26 < (width + 601) * (height + 601) * 3


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("kind", KINDS)
def test_states_look_as_the_environment_shows_them(name, kind):
    env = made(name, observation=kind)
    painter = env.painter
    observation, _ = env.reset(seed=1)
    for _ in range(30):
        state = painter.states(env.scene())[painter.cell(env.scene())]
        assert state == env.scene()
        seen = painter.observe(np.array([state, state]))
        assert seen.shape == (2, *env.observation_space.shape) and seen.dtype == env.observation_space.dtype
        assert np.array_equal(seen[1], observation)
        observation, _, ended, *_ = env.step(env.action_space.sample())
        if ended:
            observation, _ = env.reset()


def test_phases_look_alike():
    env = ag.DynaMaze(change_after=3)
    env.reset(seed=0)
    before = env.painter.states(env.scene())
    for _ in range(4):
        observation = env.step(0)[0]
    after = env.painter.states(env.scene())
    assert not set(before) & set(after) - {-1}
    cell = env.painter.cell(env.scene())
    assert env.painter.observe(after[[cell]])[0] == observation == cell


@pytest.mark.parametrize("name", GRIDS)
def test_nobody_decides_in_walls_or_where_episodes_end(name):
    env = walked(made(name), 0)
    tiles = env.world.layouts[0].ravel()
    states = env.painter.states(env.scene())
    shut = np.isin(tiles, [CODES[tile] for tile in ("wall", "goal", "cliff", "lava", "key a", "door a")])
    assert np.array_equal(states == -1, shut)
    assert np.array_equal(states[~shut], np.flatnonzero(~shut))


@pytest.mark.parametrize("moves", [4, 8, 9])
def test_moves_lead_where_they_say(moves):
    env = ag.Grid(map=OPEN, num_actions=moves)
    painter, controls = env.painter, env.controls
    assert painter.moves.shape == (moves, 2) and painter.moves.dtype == np.int64
    for action, (right, down) in enumerate(painter.moves):
        env.reset(seed=0)
        env.restore({**env.state(), "state": np.array([12])})
        env.step(action)
        assert env.scene() == 12 + 5 * down + right
        words = {(0, -1): "up", (0, 1): "down"}.get((0, down), ""), {-1: "left", 1: "right"}.get(right, "")
        assert controls.names[action] == (" ".join(filter(None, words)) or "stay")
    assert len(controls.keys) == moves
    assert controls.keys["up"] == 0 and controls.idle is None
    for key, side in {"e": "up right", "c": "down right", "z": "down left", "q": "up left"}.items():
        assert moves == 4 or controls.names[controls.keys[key]] == side
    assert moves < 9 or controls.names[controls.keys["s"]] == "stay"


def test_the_lakes_keys_follow_its_own_order():
    env = ag.FrozenLake()
    assert env.painter.moves.tolist() == [[-1, 0], [0, 1], [1, 0], [0, -1]]
    assert env.controls.keys == {"left": 0, "down": 1, "right": 2, "up": 3}
    assert env.controls.names == ("left", "down", "right", "up")


def test_unknown_moves_have_no_keys():
    world = dataclasses.replace(ag.Grid(map=OPEN).world, moves=None)
    assert GridPainter(world).moves is None
    assert controls_for_moves(None) == Controls()
    knight = controls_for_moves(((-2, 1), (0, 1)))
    assert knight.keys == {"right": 1} and knight.names == ()


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_systems_picture_is_the_rendered_one(name):
    env = EnvironmentFactory.resolve(name).make(render_mode="rgb_array").unwrapped
    walked(env, 5)
    assert np.array_equal(env.painter.paint(env.scene(), 400, 400), env.render())


@pytest.mark.parametrize("name", SYSTEMS)
def test_pictures_between_steps_go_on_steadily(name):
    env = walked(made(name), 10)
    before = env.scene()
    env.step(env.action_space.sample())
    painter, scene = env.painter, env.scene()
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    values = [painter._interpolate(before[0], scene[0], share) for share in shares]
    steps = np.diff(values, axis=0)
    assert np.allclose(steps, steps[0], atol=1e-9)
    assert np.allclose(values[0], before[0])
    pictures = [painter.paint(scene, 300, 300, before=before, share=share).astype(int) for share in shares]
    assert np.array_equal(pictures[0], painter.paint((before[0], scene[1]), 300, 300))
    away = [np.abs(picture - pictures[0]).sum() for picture in pictures]
    assert away[-1] > 0 and all(one <= other * 1.05 for one, other in itertools.pairwise(away))


def test_an_angle_that_is_wrapped_goes_the_shorter_way():
    painter = ac.Acrobot().painter
    before, after = (np.array([[angle], [0.3], [9.0], [1.0]]) for angle in (np.pi - 0.1, -np.pi + 0.3))
    middle = painter._interpolate(before, after, 0.5)
    assert middle[0, 0] == pytest.approx(np.pi + 0.1)
    # What is no angle may change by more than a turn.
    middle = ac.LQR().painter._interpolate(np.array([[-9.0], [0.0]]), np.array([[9.0], [1.0]]), 0.75)
    assert middle.ravel().tolist() == [4.5, 0.75]


def test_the_keys_of_systems():
    car, pole, arm = ac.MountainCar().controls, ac.CartPole().controls, ac.Reacher(links=3).controls
    assert (car.keys, car.names, car.idle) == ({"left": 0, "right": 2}, ("left", "none", "right"), 1)
    assert (pole.keys, pole.names, pole.idle) == ({"left": 0, "right": 1}, ("left", "right"), 0)
    assert not arm.keys and not arm.names
    assert arm.idle.dtype == np.float32 and arm.idle.tolist() == [0, 0, 0]
    reverse = dataclasses.replace(
        ac.MountainCar().system, action_levels=np.array([[1.0], [-2.0], [0.0], [-1.0]])
    )
    assert controls_for_system(reverse).keys == {"left": 1, "right": 0}
    assert ControlPainter(reverse).fit(30, 70) == (30, 30)
