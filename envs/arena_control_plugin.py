"""What `arena_control` contributes; the entry point names this module, because it imports nothing heavy.

The package registers the same list with Gymnasium: an environment's class is called as its options without
``Options``, and its vector with ``Vector`` in their place.
"""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import EnvironmentSpec

__all__ = ["ENVIRONMENTS", "arena_environments"]


def _spec(name: str, module: str, summary: str, reference: str, horizon: int) -> EnvironmentSpec:
    return EnvironmentSpec(
        name=f"arena/{name}-v0",
        summary=summary,
        reference=reference,
        target=f"arena_control.{module}:{name}Options",
        package="arena_control",
        horizon=horizon,
    )


#: The environments, each once.
ENVIRONMENTS = (
    _spec(
        "Pendulum",
        "pendulum",
        "Swing a rod up with too weak a motor, and hold it: Gymnasium's",
        "Gymnasium, Pendulum-v1",
        200,
    ),
    _spec(
        "CartPole",
        "cartpole",
        "Balance a pole on a cart: Gymnasium's",
        "Barto, Sutton & Anderson, Neuronlike adaptive elements (1983); Gymnasium, CartPole-v1",
        500,
    ),
    _spec(
        "CartPoleSwingUp",
        "cartpole",
        "Swing a pole up from below its cart, and balance it",
        "Florian, Correct equations for the dynamics of the cart-pole system (2007)",
        500,
    ),
    _spec(
        "Acrobot",
        "acrobot",
        "Swing two links up by torque at the elbow: Gymnasium's",
        "Sutton, Generalization in reinforcement learning (1996); Gymnasium, Acrobot-v1",
        500,
    ),
    _spec(
        "MountainCar",
        "mountaincar",
        "Drive a weak car out of a valley: Gymnasium's",
        "Moore, Efficient memory-based learning for robot control (1990); Gymnasium, MountainCar-v0",
        200,
    ),
    _spec(
        "MountainCarContinuous",
        "mountaincar",
        "Drive a weak car out of a valley, with any force: Gymnasium's",
        "Moore, Efficient memory-based learning for robot control (1990); Gymnasium, MountainCarContinuous-v0",
        999,
    ),
    _spec(
        "DoublePendulum",
        "links",
        "Swing two rods up with two motors, and hold them",
        "Spong, Hutchinson & Vidyasagar, Robot modeling and control (2006), chapter 7",
        500,
    ),
    _spec(
        "PointMass",
        "pointmass",
        "Push a puck around obstacles to a goal",
        "Newton's second law with viscous friction",
        200,
    ),
    _spec(
        "Reacher",
        "links",
        "Bring the tip of an arm of any number of links to a target",
        "Spong, Hutchinson & Vidyasagar, Robot modeling and control (2006), chapter 7",
        200,
    ),
    _spec(
        "Quadrotor",
        "quadrotor",
        "Fly two rotors to a point and hover there",
        "Tedrake, Underactuated robotics (2024), section 3.3.1",
        300,
    ),
    _spec(
        "LQR",
        "lqr",
        "A linear system of any size with quadratic costs, and its exact optimum",
        "Bertsekas, Dynamic programming and optimal control I (2017), section 3.1",
        100,
    ),
)


@hookimpl
def arena_environments() -> Iterable[EnvironmentSpec]:
    """Classic control and more."""
    return ENVIRONMENTS
