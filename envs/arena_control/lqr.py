"""Linear dynamics and quadratic costs, of any size: a control problem whose exact answer is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numba import njit

from arena.config.options import Between
from arena.errors import ArenaError
from arena_control.base import ControlEnv, vector_of
from arena_control.engine import compiled
from arena_control.options import ControlOptions, NotNegative, PositiveFloat
from arena_control.quadratic import Problem, Solution, riccati, value_of
from arena_control.sketch import Sketch, View
from arena_control.system import ANY, System

__all__ = ["LQR", "LQROptions", "LQRVector"]

Size = Annotated[int, Between(1, 64)]


@njit(cache=True)
def derivative(state, parameters, world, force, rate):  # type: ignore[no-untyped-def]
    """Ax + Bu − x, of which an Euler step of length 1 makes Ax + Bu; ``world`` is A, B, Q and R, row by row."""
    n, m = len(state), len(force)
    for j in range(n):
        for i in range(state.shape[1]):
            rate[j, i] = -state[j, i]
        for k in range(n):
            a = world[j * n + k]
            for i in range(state.shape[1]):
                rate[j, i] += a * state[k, i]
        for k in range(m):
            b = world[n * n + j * m + k]
            for i in range(state.shape[1]):
                rate[j, i] += b * force[k, i]


@njit(cache=True)
def judge(before, state, parameters, world, force, sparse, reward, terminated):  # type: ignore[no-untyped-def]
    """−(xᵀQx + uᵀRu), of the state in which the action was taken."""
    n, m = len(state), len(force)
    q, r = n * n + n * m, 2 * n * n + n * m
    reward[:] = 0.0
    terminated[:] = False
    for j in range(n):
        for k in range(n):
            weight = world[q + j * n + k]
            for i in range(state.shape[1]):
                reward[i] -= weight * before[j, i] * before[k, i]
    for j in range(m):
        for k in range(m):
            weight = world[r + j * m + k]
            for i in range(state.shape[1]):
                reward[i] -= weight * force[j, i] * force[k, i]


@njit(cache=True)
def observe(state, parameters, world, seen):  # type: ignore[no-untyped-def]
    """The state itself."""
    for i in range(state.shape[1]):
        for j in range(len(state)):
            seen[i, j] = state[j, i]


KERNELS = compiled("LQR", __file__, derivative=derivative, judge=judge, observe=observe)


def draw(sketch: Sketch, state: np.ndarray, parameters: np.ndarray, world: np.ndarray) -> None:
    """A bar for each component of the state, of height 1 where its value is the start's largest."""
    n = len(state)
    for j, value in enumerate(state):
        middle = (2 * j + 1 - n) / n
        width = min(0.6 / n, 0.14)
        tip = np.clip(value / world[-1], -1.3, 1.3)
        colour = "blue" if j < (n + 1) // 2 else "orange"
        sketch.line(middle, 0.0, middle, tip, width, colour)


def scenery(sketch: Sketch, world: np.ndarray) -> None:
    """Zero, where everything should be."""
    sketch.line(-1.15, 0.0, 1.15, 0.0, 0.02, "faint")
    for level in (-1.0, 1.0):
        sketch.line(-1.15, level, 1.15, level, 0.012, "line")


@dataclass(frozen=True, kw_only=True)
class LQROptions(ControlOptions):
    """A linear system, its costs and its noise."""

    system: Literal["double-integrator", "random"] = "double-integrator"
    """Points on a line each with a force of its own, or a random stable system."""

    states: Size = 2
    """Numbers of a state, n; twice the actions in a double integrator (positions, then velocities)."""

    actions: Size = 1
    """Numbers of an action, m."""

    system_seed: Annotated[int, Between(0, 2**31 - 1)] = 0
    """Which random system."""

    radius: Annotated[float, Between(0, 2, open_low=True)] = 0.95
    """Spectral radius of a random system."""

    dt: PositiveFloat = 0.1
    """Seconds of a double integrator's step."""

    noise: NotNegative = 0.05
    """Standard deviation of the Gaussian noise on every component of the next state."""

    action_cost: PositiveFloat = 0.1
    """What a unit of u squared costs, whatever `force` an action comes to; a unit of x squared costs 1."""

    force: PositiveFloat = 10.0
    """What an action of 1 comes to: so much that the optimal actions stay within ±1, as agents do."""

    spread: PositiveFloat = 1.0
    """Every component of the first state is uniform between minus this and this."""

    def matrices(self) -> tuple[Any, Any]:
        """A, shape (n, n), and B, shape (n, m), of actions of magnitude 1."""
        n, m = self.states, self.actions
        if self.system == "random":
            generator = np.random.default_rng(self.system_seed)
            A = generator.standard_normal((n, n))
            B = generator.standard_normal((n, m)) / np.sqrt(n)
            return A * (self.radius / np.abs(np.linalg.eigvals(A)).max()), self.force * B
        if n != 2 * m:
            raise ArenaError(
                f"a double integrator has twice as many states as actions, not {n} and {m}",
                f"give states={2 * m}, or system='random'",
            )
        one, none = np.eye(m), np.zeros((m, m))
        A = np.block([[one, self.dt * one], [none, one]])
        return A, self.force * np.concatenate([0.5 * self.dt**2 * one, self.dt * one])

    def problem(self) -> Problem:
        """What an optimal policy solves."""
        n = self.states
        A, B = self.matrices()
        return Problem(
            A,
            B,
            np.eye(n),
            self.action_cost * self.force**2 * np.eye(self.actions),
            self.noise**2 * np.eye(n),
            np.zeros(n),
            self.spread**2 / 3 * np.eye(n),
        )

    def build(self) -> System:
        """The system that they describe."""
        A, B, Q, R = self.problem()[:4]
        return System(
            kernels=KERNELS,
            start={f"x_{j}": (-self.spread, self.spread) for j in range(1, self.states + 1)},
            width=self.actions,
            clipped=False,
            seen=[ANY] * self.states,
            velocities=range(self.actions, self.states) if self.system == "double-integrator" else (),
            process=[self.noise] * self.states,
            world=np.concatenate([A.ravel(), B.ravel(), Q.ravel(), R.ravel(), [self.spread]]),
            draw=draw,
            scenery=scenery,
            view=View(0.0, 0.0, 1.4),
        )


class LQR(ControlEnv):
    """Bring a linear system to zero: x' = Ax + Bu + w, reward −(xᵀQx + uᵀRu).

    Its action space is [−1, 1]ᵐ, where random actions come from, but nothing is clipped: without limits on the action,
    the optimal policy is linear and its value exact.

    Attributes:
        problem: A, B, Q, R, and the distributions of noise and first state.
    """

    Options = LQROptions

    @property
    def problem(self) -> Problem:
        return self.options.problem()  # type: ignore[no-any-return]

    def riccati(self, horizon: int) -> Solution:
        """The optimal gains and costs over a horizon."""
        return riccati(self.problem, horizon)

    def optimum(self, horizon: int) -> float | None:
        """The exact expected return of the optimal policy; None where it does not see the state or act as it says."""
        options = self.options
        blurred = options.observation != "state" or options.observation_noise or options.action_noise
        if blurred or options.action_repeat > 1:
            return None
        horizon = min(horizon, options.max_steps or horizon)
        solution = self.riccati(horizon)
        return -self.problem.expected(solution.costs[0], solution.constants[0])

    def value_of(self, gains: Any, horizon: int) -> float:
        """The exact expected return of the policy ``u = −K x``: K of shape (m, n), or one a step."""
        return value_of(self.problem, np.asarray(gains, dtype=np.float64), horizon)


LQRVector = vector_of(LQR)
