"""Plugin of `arena_control`: the specs of its environments, in a module that imports nothing heavy.

The package registers the specs with Gymnasium: the class of an environment is named like its options without
``Options``, and its vector class ends with ``Vector`` instead.
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


#: Specs of all environments.
ENVIRONMENTS = (
    _spec(
        "Pendulum",
        "pendulum",
        "Swing a rod up with a weak motor and hold it, as in Gymnasium",
        "Gymnasium, Pendulum-v1",
        200,
    ),
    _spec(
        "CartPole",
        "cartpole",
        "Balance a pole on a cart, as in Gymnasium",
        "Barto, Sutton & Anderson, Neuronlike adaptive elements (1983); Gymnasium, CartPole-v1",
        500,
    ),
    _spec(
        "CartPoleSwingUp",
        "cartpole",
        "Swing a pole up from below its cart and balance it",
        "Florian, Correct equations for the dynamics of the cart-pole system (2007)",
        500,
    ),
    _spec(
        "Acrobot",
        "acrobot",
        "Swing two links up by a torque at the elbow, as in Gymnasium",
        "Sutton, Generalization in reinforcement learning (1996); Gymnasium, Acrobot-v1",
        500,
    ),
    _spec(
        "MountainCar",
        "mountaincar",
        "Drive a weak car out of a valley, as in Gymnasium",
        "Moore, Efficient memory-based learning for robot control (1990); Gymnasium, MountainCar-v0",
        200,
    ),
    _spec(
        "MountainCarContinuous",
        "mountaincar",
        "Drive a weak car out of a valley with real-valued force, as in Gymnasium",
        "Moore, Efficient memory-based learning for robot control (1990); Gymnasium, MountainCarContinuous-v0",
        999,
    ),
    _spec(
        "DoublePendulum",
        "links",
        "Swing two rods up with two motors and hold them",
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
        "Bring the tip of an arm with any number of links to a target",
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
        "Linear-quadratic regulator of any size, with its exact optimum",
        "Bertsekas, Dynamic programming and optimal control I (2017), section 3.1",
        100,
    ),
)


@hookimpl
def arena_environments() -> Iterable[EnvironmentSpec]:
    """Classic control environments, and more."""
    return ENVIRONMENTS
