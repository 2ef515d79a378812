"""Frames: the painter against counting samples, and the shapes where the physics puts them."""

import math

import numpy as np
import pytest

import arena_control as ac
import arena_control_plugin
from arena.errors import ArenaError
from arena_control.drawing import PALETTE, Drawing, Rasterizer, Viewport

NAMES = tuple(
    spec.name.removeprefix("arena/").removesuffix("-v0") for spec in arena_control_plugin.ENVIRONMENTS
)
VIEW = Viewport(0.3, -0.2, 1.5)
SIZE, SAMPLES = 40, 16


def painted(drawing, size=SIZE):
    return (
        Rasterizer(size, VIEW, Drawing(1))
        .paint(drawing, np.empty((1, size, size, 3), np.uint8))[0]
        .astype(float)
    )


def counted(inside):
    """The same frame by asking 256 points a pixel whether they are inside."""
    axis = (np.arange(SIZE * SAMPLES) + 0.5) / (SIZE * SAMPLES) * 2 - 1
    x, y = np.meshgrid(VIEW.x + VIEW.half_width * axis, VIEW.y - VIEW.half_width * axis)
    cover = inside(x, y).reshape(SIZE, SAMPLES, SIZE, SAMPLES).mean((1, 3))[..., None]
    return (1 - cover) * PALETTE["paper"] + cover * np.array(PALETTE["blue"])


def segment(x, y, x0, y0, x1, y1):
    along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2), 0, 1)
    return np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0))


SHAPES = {
    "disc": (lambda s: s.disc(0.1, 0.3, 0.6, "blue"), lambda x, y: np.hypot(x - 0.1, y - 0.3) < 0.6),
    "ring": (
        lambda s: s.ring(0.5, -0.3, 0.7, 0.2, "blue"),
        lambda x, y: np.abs(np.hypot(x - 0.5, y + 0.3) - 0.7) < 0.1,
    ),
    "line": (
        lambda s: s.line(-0.5, 0.4, 0.9, -0.7, 0.3, "blue"),
        lambda x, y: segment(x, y, -0.5, 0.4, 0.9, -0.7) < 0.15,
    ),
    "box": (
        lambda s: s.box(-0.51, -0.92, 0.83, 0.37, "blue"),
        lambda x, y: (x > -0.51) & (x < 0.83) & (y > -0.92) & (y < 0.37),
    ),
    "quad": (
        lambda s: s.quad((-0.5, 0.7, 1.0, -0.2), (-1.0, -0.8, 0.2, 0.9), "blue"),
        lambda x, y: np.all(
            [
                (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0
                for (x0, y0), (x1, y1) in (
                    ((-0.5, -1.0), (0.7, -0.8)),
                    ((0.7, -0.8), (1.0, 0.2)),
                    ((1.0, 0.2), (-0.2, 0.9)),
                    ((-0.2, 0.9), (-0.5, -1.0)),
                )
            ],
            axis=0,
        ),
    ),
    "off the frame": (
        lambda s: s.disc(-1.3, 1.2, 0.5, "blue"),
        lambda x, y: np.hypot(x + 1.3, y - 1.2) < 0.5,
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_pixel_is_covered_by_as_much_as_lies_inside(name):
    drawn, inside = SHAPES[name]
    drawing = Drawing(1)
    drawn(drawing)
    mine, true = painted(drawing), counted(inside)
    far = np.abs(np.array(PALETTE["blue"]) - PALETTE["paper"])
    error = np.abs(mine - true) / far
    assert error.max() < 0.3  # at a corner, where half a square counts as a half-plane
    assert error.mean() < 0.004
    assert mine.std() > 20


def test_thin_lines_stay_visible_and_later_shapes_lie_above():
    drawing = Drawing(1)
    drawing.line(-1.0, 0.0, 1.0, 0.0, 1e-6, "blue")
    assert painted(drawing).min() < 130
    drawing.box(-5, -5, 5, 5, "green")
    assert np.all(painted(drawing) == PALETTE["green"])


def test_every_lane_has_its_own_shapes():
    drawing = Drawing(3)
    drawing.disc(np.array([-0.5, 0.0, 0.5]), 0.0, 0.2, "blue")
    frames = Rasterizer(SIZE, VIEW, Drawing(1)).paint(drawing, np.empty((3, SIZE, SIZE, 3), np.uint8))
    columns = [np.argwhere(np.all(frame == PALETTE["blue"], axis=-1)).mean(axis=0)[1] for frame in frames]
    assert np.diff(columns) == pytest.approx([SIZE / 6] * 2, abs=0.5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [16, 64, 84])
def test_frames_are_of_the_size_and_show_the_position(name, size):
    env = getattr(ac, name)(observation="pixels", image_size=size, render_mode="rgb_array")
    first, _ = env.reset(seed=1)
    assert (
        first.shape == (size, size, 3) and first.dtype == np.uint8 and env.observation_space.contains(first)
    )
    assert env.render().shape == (400, 400, 3)
    state = env.state()
    positions = 1 if name.startswith("MountainCar") else len(state["values"]) // 2
    for j in range(positions):
        changed = state["values"].copy()
        changed[j] += 0.4
        env.restore({**state, "values": changed})
        assert np.abs(env._lane.observation[0].astype(int) - first).max() > 30
    env.restore(state)
    assert np.array_equal(env._lane.observation[0], first)


def test_a_pendulum_s_bob_is_where_its_angle_says():
    env = ac.Pendulum(render_mode="rgb_array")
    env.reset(seed=0)
    for angle in (0.3, 2.0, -1.5):
        env.restore({**env.state(), "values": np.array([[angle], [0.0]])})
        row, column = (1 - math.cos(angle) / 1.4) * 200, (1 + math.sin(angle) / 1.4) * 200
        assert np.array_equal(env.render()[int(row), int(column)], PALETTE["blue"])


def test_randomised_lengths_are_drawn():
    env = ac.Pendulum(observation="pixels", randomize=0.5)
    env.reset(seed=0)
    state = env.state()
    short, long = ({**state, "parameters": state["parameters"] * scale} for scale in (1.0, 1.5))
    frames = []
    for one in (short, long):
        env.restore(one)
        frames.append(env._lane.observation[0].copy())
    assert not np.array_equal(*frames)


def test_rendering_without_a_mode_warns_and_before_a_reset_is_an_error():
    env = ac.Pendulum()
    env.reset(seed=0)
    with pytest.warns(UserWarning, match="needs a render_mode"):
        assert env.render() is None
    with pytest.raises(ArenaError, match="no state to render yet; reset"):
        ac.Pendulum(render_mode="rgb_array").render()
    many = ac.PendulumVector(2, render_mode="rgb_array")
    many.reset(seed=0)
    assert [frame.shape for frame in many.render()] == [(400, 400, 3)] * 2


@pytest.mark.parametrize("size", [64, 84])
def test_the_hill_has_no_seams(size):
    env = ac.MountainCar(observation="pixels", image_size=size)
    below = env.reset(seed=0)[0][-size // 8 :]
    assert np.all(below == PALETTE["line"])
