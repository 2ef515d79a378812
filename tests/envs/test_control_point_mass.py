"""The puck against a simulator in plain Python, written from the rules, and what obstacles must not let happen."""

import cmath

import numpy as np
import pytest

import arena_control as ac


def simulated(place, speed, force, obstacles, dt=0.05, mass=1.0, damping=0.5, radius=0.05):
    """One step of a puck, its place and velocity complex numbers."""
    speed += dt * (force - damping * speed) / mass
    place += dt * speed
    for x, y, size in obstacles:
        middle = complex(x, y)
        away, direction = cmath.polar(place - middle)
        if away < size + radius:
            place = middle + cmath.rect(size + radius, direction)
            turned = speed * cmath.exp(-1j * direction)  # its real part points away from the obstacle
            speed = complex(max(turned.real, 0.0), turned.imag) * cmath.exp(1j * direction)
    limit = 1 - radius
    if abs(place.real) > limit:
        side = 1 if place.real > 0 else -1
        place, speed = (
            complex(side * limit, place.imag),
            complex(0 if speed.real * side > 0 else speed.real, speed.imag),
        )
    if abs(place.imag) > limit:
        side = 1 if place.imag > 0 else -1
        place, speed = (
            complex(place.real, side * limit),
            complex(speed.real, 0 if speed.imag * side > 0 else speed.imag),
        )
    return place, speed


@pytest.mark.parametrize("obstacles", [(), ac.PointMassOptions().obstacles])
def test_thousands_of_steps_are_the_simulator_s(obstacles):
    lanes = 40
    vector = ac.PointMassVector(lanes, obstacles=obstacles)
    vector.reset(seed=0)
    generator = np.random.default_rng(1)
    touched = 0
    force = generator.uniform(-1, 1, (lanes, 2))
    for step in range(300):
        if step % 15 == 0:
            force = generator.uniform(-1, 1, (lanes, 2)).astype(np.float32)
        before, goals = vector.values.copy(), vector.parameters[3:].copy()
        vector.advance(force)
        for i in range(lanes):
            place, speed = complex(*before[:2, i]), complex(*before[2:, i])
            place, speed = simulated(place, speed, complex(*force[i].tolist()), obstacles)
            free = simulated(
                complex(*before[:2, i]), complex(*before[2:, i]), complex(*force[i].tolist()), ()
            )
            touched += place != free[0]
            away = abs(complex(*goals[:, i]) - place)
            assert vector.terminated[i] == (away < 0.1)
            assert vector.reward[i] == pytest.approx(
                -away - 0.01 * np.sum(force[i].astype(float) ** 2), abs=1e-12
            )
            if not vector.terminated[i]:
                np.testing.assert_allclose(
                    vector.values[:, i], [place.real, place.imag, speed.real, speed.imag], atol=1e-12
                )
    assert touched > 50 or not obstacles


def test_no_puck_is_ever_in_an_obstacle_or_off_the_table():
    vector = ac.PointMassVector(500, force=5.0)
    vector.reset(seed=3)
    vector.action_space.seed(0)
    circles = np.array(vector.options.obstacles)
    for _ in range(100):
        vector.step(vector.action_space.sample())
        away = np.hypot(vector.values[0] - circles[:, :1], vector.values[1] - circles[:, 1:2])
        assert np.all(away > circles[:, 2:] + 0.05 - 1e-9)
        assert np.all(np.abs(vector.values[:2]) <= 0.95)


def test_a_collision_never_adds_energy():
    vector = ac.PointMassVector(500, damping=0.0)
    vector.reset(seed=3)
    state = vector.state()
    state["values"][2:] = np.random.default_rng(0).uniform(-2, 2, (2, 500))
    vector.restore(state)
    energy = np.sum(vector.values[2:] ** 2, axis=0)
    for _ in range(60):
        vector.advance(np.zeros((500, 2)))
        now = np.sum(vector.values[2:] ** 2, axis=0)
        assert np.all((now <= energy + 1e-12) | vector.terminated)
        energy = now


def test_a_puck_driven_around_the_obstacles_arrives():
    env = ac.PointMass(obstacles=())
    observation, _ = env.reset(seed=5)
    for _ in range(150):
        observation, _, terminated, *_ = env.step(
            np.clip(2 * observation[4:] - 1.5 * observation[2:4], -1, 1)
        )
        if terminated:
            break
    assert terminated
