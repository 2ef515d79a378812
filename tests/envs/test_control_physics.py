"""The equations of motion against scipy's integrator and other derivations, energy, and orders of convergence."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import arena_control as ac
from arena_control.links import derivative
from arena_control.trigonometry import sincos, wrapped

#: Where each sets out from.
STARTS = {
    "Pendulum": [2.0, 1.0],
    "CartPole": [0.1, 0.3, 0.2, -0.4],
    "CartPoleSwingUp": [0.1, 2.3, 0.2, 1.4],
    "Acrobot": [0.4, -0.3, 0.5, 0.2],
    "DoublePendulum": [1.4, -0.3, 0.5, 0.2],
    "Reacher": [0.4, -0.9, 1.2, 1.5, -0.8, 0.4],
    "Quadrotor": [0.1, 0.2, 0.3, 0.5, -0.4, 0.6],
    "PointMass": [0.1, 0.2, 0.3, 0.5],
}
OPTIONS = {"Reacher": {"links": 3}}


SMOOTH = tuple(STARTS)


def moved(name, start, seconds, *, dt, action=0.0, integrator="rk4", **options):
    """The state after so many seconds under a constant action, without limits, rewards or ends."""
    vector = getattr(ac, f"{name}Vector")(1, dt=dt, integrator=integrator, **options)
    vector.reset(seed=0)
    setup = vector._settings._replace(
        limits_and_noise=np.full_like(vector._settings.limits_and_noise, np.inf)
    )
    state = np.array(start, dtype=np.float64)[:, None]
    force = np.full_like(vector._force, action)
    for _ in range(round(seconds / dt)):
        before = state.copy()
        vector.system.kernels.integrate(
            setup, before, state, np.zeros((4, *state.shape)), vector.parameters, force
        )
    return state[:, 0]


def by_energy(kinetic, potential, n, q, v, push):
    """Accelerations from Lagrange's equations, every derivative taken by differences.

    T ``kinetic(q, v)`` and V ``potential(q)`` are all that is known: M = ∂²T/∂v² and
    M a = push − ∂V/∂q + ∂T/∂q − (∂M v/∂q) v.
    """
    h = 1e-5
    unit, near = np.eye(n), h * np.eye(n)

    def momentum(q, v):  # T is quadratic in v: its differences are exact
        return np.array([(kinetic(q, v + d) - kinetic(q, v - d)) / 2 for d in unit])

    mass = np.array([momentum(q, v + d) - momentum(q, v - d) for d in unit]).T / 2
    drift = sum((momentum(q + d, v) - momentum(q - d, v)) / (2 * h) * v[k] for k, d in enumerate(near))
    slope = [kinetic(q + d, v) - potential(q + d) - kinetic(q - d, v) + potential(q - d) for d in near]
    return np.linalg.solve(mass, push + np.array(slope) / (2 * h) - drift)


def rods(masses, lengths, moments, gravity, absolute):
    """Kinetic and potential energy of a chain of rods, from the velocities of their middles."""

    def energies(q, v):
        angles, speeds = (q, v) if absolute else (np.cumsum(q), np.cumsum(v))
        place, velocity = np.zeros(2), np.zeros(2)
        kinetic = potential = 0.0
        for m, length, moment, angle, speed in zip(masses, lengths, moments, angles, speeds, strict=True):
            along = length * np.array([math.sin(angle), -math.cos(angle)])
            turning = length * speed * np.array([math.cos(angle), math.sin(angle)])
            middle = velocity + turning / 2
            kinetic += 0.5 * m * middle @ middle + 0.5 * moment * speed**2
            potential += m * gravity * (place + along / 2)[1]
            place, velocity = place + along, velocity + turning
        return kinetic, potential

    return (lambda q, v: energies(q, v)[0]), (lambda q: energies(q, np.zeros(len(masses)))[1])


def accelerations(name, q, v, action):
    """Of each system, derived here, not as the kernels do."""
    n = len(q)
    if name == "Pendulum":
        energies = rods([1.0], [1.0], [1 / 12], -10.0, True)  # upright is 0: down is up
        return by_energy(*energies, 1, q, v, np.array([2.0 * action]))
    if name.startswith("CartPole"):

        def kinetic(q, v):
            x = v[0] + 0.5 * v[1] * math.cos(q[1])
            y = -0.5 * v[1] * math.sin(q[1])
            return 0.5 * v[0] ** 2 + 0.05 * (x * x + y * y) + 0.5 * (0.1 / 12) * v[1] ** 2

        force = 10.0 * (-1 if name == "CartPole" and action < 0 else action)
        return by_energy(kinetic, lambda q: 0.1 * 9.8 * 0.5 * math.cos(q[1]), 2, q, v, np.array([force, 0.0]))
    if name == "Acrobot":
        return by_energy(*rods([1, 1], [1, 1], [1, 1], 9.8, False), 2, q, v, np.array([0.0, action]))
    if name in ("DoublePendulum", "Reacher"):
        length, gravity, full, damping = (
            (1.0, 9.81, 5.0, 0.0) if name == "DoublePendulum" else (0.5, 0.0, 1.0, 0.1)
        )
        joint = full * action - damping * np.diff(v, prepend=0.0)
        push = joint - np.append(joint[1:], 0.0)
        return by_energy(*rods([1] * n, [length] * n, [length**2 / 12] * n, gravity, True), n, q, v, push)
    if name == "Quadrotor":
        up = 4.905 * (1 + action)
        turn = np.array([[math.cos(q[2]), -math.sin(q[2])], [math.sin(q[2]), math.cos(q[2])]])
        linear = turn @ [0.0, up] - 0.05 * v[:2] + [0.0, -0.5 * 9.81]
        return np.append(linear / 0.5, 0.0)
    return action - 0.5 * v


@pytest.mark.parametrize("name", SMOOTH)
def test_motion_is_what_scipy_integrates(name):
    action = 0.3
    n = len(STARTS[name]) // 2

    def flow(_, y):
        return np.concatenate([y[n:], accelerations(name, y[:n], y[n:], action)])

    expected = solve_ivp(flow, (0, 0.5), STARTS[name], rtol=1e-9, atol=1e-9).y[:, -1]
    ours = moved(name, STARTS[name], 0.5, dt=0.005, action=action, **OPTIONS.get(name, {}))
    np.testing.assert_allclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize("links", [1, 2, 5])
@pytest.mark.parametrize("gravity", [0.0, 9.81])
def test_a_chain_of_any_length_obeys_lagrange(links, gravity):
    generator = np.random.default_rng(links)
    vector = ac.ReacherVector(1, links=links, gravity=gravity, damping=0.0)
    vector.reset(seed=0)
    energies = rods([1] * links, [0.5] * links, [0.25 / 12] * links, gravity, True)
    for _ in range(5):
        q, v, u = generator.uniform(-3, 3, (3, links))
        rate = np.zeros((2 * links, 1))
        state = np.concatenate([q, v])[:, None]
        derivative(state, vector.parameters, vector.system.constants, u[:, None].copy(), rate)
        expected = by_energy(*energies, links, q, v, u - np.append(u[1:], 0.0))
        np.testing.assert_allclose(rate[links:, 0], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["Pendulum", "Acrobot", "DoublePendulum", "Reacher", "CartPoleSwingUp"])
def test_energy_is_conserved_without_friction_and_force(name):
    options = {"damping": 0.0, "links": 3} if name == "Reacher" else {}
    n = len(STARTS[name]) // 2

    def energy(state):
        q, v = state[:n], state[n:]
        if name == "Pendulum":
            kinetic, potential = rods([1.0], [1.0], [1 / 12], -10.0, True)
        elif name == "Acrobot":
            kinetic, potential = rods([1, 1], [1, 1], [1, 1], 9.8, False)
        elif name == "CartPoleSwingUp":
            x, y = v[0] + 0.5 * v[1] * math.cos(q[1]), -0.5 * v[1] * math.sin(q[1])
            turning = 0.5 * (0.1 / 12) * v[1] ** 2
            return 0.5 * v[0] ** 2 + 0.05 * (x * x + y * y) + turning + 0.1 * 9.8 * 0.5 * math.cos(q[1])
        else:
            length, gravity = (1.0, 9.81) if name == "DoublePendulum" else (0.5, 0.0)
            kinetic, potential = rods([1] * n, [length] * n, [length**2 / 12] * n, gravity, True)
        return kinetic(q, v) + potential(q)

    first = energy(np.array(STARTS[name]))
    drifts = [
        abs(energy(moved(name, STARTS[name], 10.0, dt=dt, **options)) - first) for dt in (0.005, 0.0025)
    ]
    assert drifts[0] < 5e-5
    assert drifts[1] < drifts[0] / 8 or drifts[1] < 1e-9  # fifth order, in the long run


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize(("integrator", "order"), [("euler", 1), ("semi-implicit", 1), ("rk4", 4)])
def test_integrators_converge_at_their_order(name, integrator, order):
    # Small enough to be in the asymptotic range, large enough to be above rounding.
    step = {1: 0.001, 4: 0.004 if name == "DoublePendulum" else 0.0125}[order]
    results = [
        moved(
            name, STARTS[name], 0.5, dt=step / k, action=0.3, integrator=integrator, **OPTIONS.get(name, {})
        )
        for k in (1, 2, 4)
    ]
    coarse, fine = np.linalg.norm(results[0] - results[1]), np.linalg.norm(results[1] - results[2])
    assert math.log2(coarse / fine) == pytest.approx(order, abs=0.25)


def test_semi_implicit_euler_keeps_a_pendulum_s_energy_bounded_where_explicit_euler_does_not():
    def energy(state):
        return state[1] ** 2 / 6 + 5.0 * math.cos(state[0])

    start = [2.0, 0.0]
    kept, lost = (
        abs(energy(moved("Pendulum", start, 100.0, dt=0.01, integrator=integrator)) - energy(start))
        for integrator in ("semi-implicit", "euler")
    )
    assert kept < 0.15 < 2.0 < lost


@pytest.mark.parametrize("reach", [1.0, 100.0, 1e6])
def test_sine_and_cosine_are_right_to_the_last_bit_but_one(reach):
    angles = np.random.default_rng(0).uniform(-reach, reach, 20_000)
    angles = np.concatenate([angles, np.arange(-64, 65) * math.pi / 4, [0.0, -0.0]])
    for angle in angles.tolist():
        for mine, true in zip(sincos(angle), (math.sin(angle), math.cos(angle)), strict=True):
            # Next to a zero, π's own 86 bits show.
            assert abs(mine - true) <= max(math.ulp(true), 1e-25 * abs(angle))
        assert -math.pi <= wrapped(angle) <= math.pi
        assert math.sin(wrapped(angle)) == pytest.approx(math.sin(angle), abs=1e-9)


def test_dead_weight_falls_and_a_hovering_quadrotor_stays():
    rest = [0.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    np.testing.assert_allclose(moved("Quadrotor", rest, 1.0, dt=0.01), rest, atol=1e-12)
    fallen = moved("Quadrotor", rest, 1.0, dt=0.01, action=-1.0, drag=0.0)
    np.testing.assert_allclose(fallen[[1, 4]], [1 - 0.5 * 9.81, -9.81], rtol=1e-9)
