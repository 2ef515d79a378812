"""Picture of all control environments: ``python -m docs.control_pictures`` draws docs/pictures/control.png.

matplotlib comes with the extra ``docs``.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

import arena_control
from arena_control import ControlEnv
from arena_control_plugin import ENVIRONMENTS

mpl.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent / "pictures"

#: State of each environment in the picture.
POSES = {
    "Pendulum": (0.7, 1.0),
    "CartPole": (0.5, 0.12, 0.0, 0.0),
    "CartPoleSwingUp": (-0.6, 2.2, 0.0, 0.0),
    "Acrobot": (2.0, 0.7, 0.0, 0.0),
    "MountainCar": (0.18, 0.03),
    "MountainCarContinuous": (-1.02, 0.0),
    "DoublePendulum": (2.2, 3.4, 0.0, 0.0),
    "PointMass": (-0.15, 0.08, 0.0, 0.0),
    "Reacher": (0.4, 1.5, 2.9, 0.0, 0.0, 0.0),
    "Quadrotor": (0.9, 1.1, -0.35, 0.0, 0.0, 0.0),
    "LQR": (0.9, -0.45, 0.3, -0.7, 0.5, -0.2),
}

#: Options that differ from the defaults.
OPTIONS = {"Reacher": {"links": 3}, "LQR": {"state_size": 6, "action_size": 3}}


def posed(name: str, **options: object) -> ControlEnv:
    """Environment in its state of the picture."""
    env = getattr(arena_control, name)(**OPTIONS.get(name, {}), **options)
    env.reset(seed=3)
    env.restore({**env.state(), "values": np.array(POSES[name])[:, None]})
    return env


def observed(name: str) -> np.ndarray:
    """Image observation of an environment; its step is so short that nothing moves."""
    env = posed(name, observation="pixels", dt=1e-9)
    return env.step(np.zeros(env.action_space.shape, np.float32))[0]


def main() -> None:
    """Draw the pictures in a grid; the last one is an image observation, 64 pixels wide."""
    names = [spec.name.removeprefix("arena/").removesuffix("-v0") for spec in ENVIRONMENTS]
    figure, axes = plt.subplots(3, 4, figsize=(10, 8.1), dpi=150, layout="constrained")
    pictures = [
        *((name, posed(name, render_mode="rgb_array").render()) for name in names),
        ("64 × 64 pixels, as observed", observed("PointMass")),
    ]
    for axis, (title, picture) in zip(axes.flat, pictures, strict=True):
        axis.imshow(picture, interpolation="nearest" if len(picture) == 64 else "antialiased")
        axis.set_title(title, fontsize=9, color="#626a79")
        axis.set_xticks([])
        axis.set_yticks([])
        for spine in axis.spines.values():
            spine.set_color("#e4e0d6")
    figure.savefig(HERE / "control.png")


if __name__ == "__main__":
    main()
