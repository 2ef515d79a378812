"""Linear-quadratic regulator (LQR): linear dynamics and quadratic costs of any size, with the exact optimum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from numba import njit

from arena.config.options import Between
from arena.errors import ArenaError
from arena_control.base import ControlEnv, make_vector_class
from arena_control.drawing import Drawing, Viewport
from arena_control.engine import Floats, compile_kernels
from arena_control.options import ControlOptions, NonNegative, PositiveFloat
from arena_control.riccati import LQRProblem, LQRSolution, policy_value, riccati
from arena_control.system import UNBOUNDED, System

__all__ = ["LQR", "LQROptions", "LQRVector"]

Size = Annotated[int, Between(1, 64)]


@njit(cache=True)
def derivative(state, parameters, constants, force, rate):  # type: ignore[no-untyped-def]
    """Derivative Ax + Bu − x: an Euler step of length 1 gives Ax + Bu; ``constants`` is A, B, Q and R, row by row."""
    n, m = len(state), len(force)
    for j in range(n):
        for i in range(state.shape[1]):
            rate[j, i] = -state[j, i]
        for k in range(n):
            a = constants[j * n + k]
            for i in range(state.shape[1]):
                rate[j, i] += a * state[k, i]
        for k in range(m):
            b = constants[n * n + j * m + k]
            for i in range(state.shape[1]):
                rate[j, i] += b * force[k, i]


@njit(cache=True)
def evaluate(before, state, parameters, constants, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """Reward −(xᵀQx + uᵀRu), of the state in which the action was taken."""
    n, m = len(state), len(force)
    q, r = n * n + n * m, 2 * n * n + n * m
    reward[:] = 0.0
    terminated[:] = False
    for j in range(n):
        for k in range(n):
            weight = constants[q + j * n + k]
            for i in range(state.shape[1]):
                reward[i] -= weight * before[j, i] * before[k, i]
    for j in range(m):
        for k in range(m):
            weight = constants[r + j * m + k]
            for i in range(state.shape[1]):
                reward[i] -= weight * force[j, i] * force[k, i]


@njit(cache=True)
def observe(state, parameters, constants, observation):  # type: ignore[no-untyped-def]
    """Observation: the state x."""
    for i in range(state.shape[1]):
        for j in range(len(state)):
            observation[i, j] = state[j, i]


KERNELS = compile_kernels("LQR", __file__, derivative=derivative, evaluate=evaluate, observe=observe)


def draw(drawing: Drawing, state: Floats, parameters: Floats, constants: Floats) -> None:
    """Draw a bar for each component of the state, of height 1 at the largest value of a first state."""
    n = len(state)
    for j, value in enumerate(state):
        middle = (2 * j + 1 - n) / n
        width = min(0.6 / n, 0.14)
        tip = np.clip(value / constants[-1], -1.3, 1.3)
        colour = "blue" if j < (n + 1) // 2 else "orange"
        drawing.line(middle, 0.0, middle, tip, width, colour)


def draw_background(drawing: Drawing, constants: Floats) -> None:
    """Draw the zero line, and lines at −1 and 1."""
    drawing.line(-1.15, 0.0, 1.15, 0.0, 0.02, "faint")
    for level in (-1.0, 1.0):
        drawing.line(-1.15, level, 1.15, level, 0.012, "line")


@dataclass(frozen=True, kw_only=True)
class LQROptions(ControlOptions):
    """Options of the LQR: the linear system, its costs and its noise."""

    system: Literal["double-integrator", "random"] = "double-integrator"
    """Kind of system: double integrators (points on a line, each with its own force), or a random linear system."""

    state_size: Size = 2
    """Dimension n of the state; twice that of the action for double integrators (positions, then velocities)."""

    action_size: Size = 1
    """Dimension m of the action."""

    system_seed: Annotated[int, Between(0, 2**31 - 1)] = 0
    """Seed from which the random system is drawn."""

    spectral_radius: Annotated[float, Between(0, 2, open_low=True)] = 0.95
    """Spectral radius of the random system, in (0, 2]; above 1 it is unstable."""

    dt: PositiveFloat = 0.1
    """Duration of a step of the double integrators, in seconds."""

    process_noise: NonNegative = 0.05
    """Standard deviation of the Gaussian noise added to every component of the next state."""

    action_cost: PositiveFloat = 0.1
    """Cost of the squared force, uᵀu, where u is the action times `action_scale`; the cost of xᵀx is 1."""

    action_scale: PositiveFloat = 10.0
    """Force of an action of 1; the default keeps the optimal actions within [−1, 1]."""

    initial_range: PositiveFloat = 1.0
    """Largest magnitude of each component of the first state, which is uniformly distributed around 0."""

    def matrices(self) -> tuple[Floats, Floats]:
        """Matrices A, shape (n, n), and B, shape (n, m), for actions in [−1, 1]."""
        n, m = self.state_size, self.action_size
        if self.system == "random":
            generator = np.random.default_rng(self.system_seed)
            A = generator.standard_normal((n, n))
            B = generator.standard_normal((n, m)) / np.sqrt(n)
            return A * (self.spectral_radius / np.abs(np.linalg.eigvals(A)).max()), self.action_scale * B
        if n != 2 * m:
            raise ArenaError(
                f"a double integrator has twice as many states as actions, not {n} and {m}",
                f"give state_size={2 * m}, or system='random'",
            )
        one, none = np.eye(m), np.zeros((m, m))
        A = np.block([[one, self.dt * one], [none, one]])
        return A, self.action_scale * np.concatenate([0.5 * self.dt**2 * one, self.dt * one])

    def problem(self) -> LQRProblem:
        """The control problem that the optimal policy solves."""
        n = self.state_size
        A, B = self.matrices()
        return LQRProblem(
            A,
            B,
            np.eye(n),
            self.action_cost * self.action_scale**2 * np.eye(self.action_size),
            self.process_noise**2 * np.eye(n),
            np.zeros(n),
            self.initial_range**2 / 3 * np.eye(n),
        )

    def build(self) -> System:
        """System described by these options."""
        A, B, Q, R = self.problem()[:4]
        return System(
            kernels=KERNELS,
            initial_state={
                f"x_{j}": (-self.initial_range, self.initial_range) for j in range(1, self.state_size + 1)
            },
            action_size=self.action_size,
            clip_actions=False,
            observation_bounds=[UNBOUNDED] * self.state_size,
            velocity_columns=range(self.action_size, self.state_size)
            if self.system == "double-integrator"
            else (),
            process_noise=[self.process_noise] * self.state_size,
            constants=np.concatenate([A.ravel(), B.ravel(), Q.ravel(), R.ravel(), [self.initial_range]]),
            draw=draw,
            draw_background=draw_background,
            viewport=Viewport(0.0, 0.0, 1.4),
        )


class LQR(ControlEnv):
    """Regulate a linear system to zero: x' = Ax + Bu + w, reward −(xᵀQx + uᵀRu).

    The action space is [−1, 1]ᵐ, but actions are not clipped: without limits on the action, the optimal policy is
    linear and its value is exact.

    Attributes:
        problem: A, B, Q, R, and the distributions of the noise and the first state.
    """

    Options = LQROptions

    @property
    def problem(self) -> LQRProblem:
        problem: LQRProblem = self.options.problem()
        return problem

    def riccati(self, horizon: int) -> LQRSolution:
        """Optimal gains and costs over a horizon."""
        return riccati(self.problem, horizon)

    def optimum(self, horizon: int) -> float | None:
        """Exact expected return of the optimal policy; None where noise, images or repeated actions make it inexact."""
        options = self.options
        blurred = options.observation != "state" or options.observation_noise or options.action_noise
        if blurred or options.action_repeat > 1:
            return None
        horizon = min(horizon, options.max_steps or horizon)
        solution = self.riccati(horizon)
        return -self.problem.expected_cost(solution.costs[0], solution.constants[0])

    def policy_value(self, gains: npt.ArrayLike, horizon: int) -> float:
        """Exact expected return of the policy ``u = −K x``: K of shape (m, n), or one for each step."""
        return policy_value(self.problem, np.asarray(gains, dtype=np.float64), horizon)


LQRVector = make_vector_class(LQR)
