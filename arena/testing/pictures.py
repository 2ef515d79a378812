"""Laws of rendering: painters, scenes and keyboard controls of environments."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import gymnasium as gym
import numpy as np

from arena.environments.factory import EnvironmentFactory
from arena.environments.rendering import CellPainter, Controls, Painter
from arena.testing.cases import environment_law
from arena.testing.errors import DoesNotApply, require

__all__ = ["controls_give_valid_actions", "painter_paints_scenes"]

#: Widths and heights that a picture is fitted into, in pixels.
ROOMS = ((400, 300), (97, 251), (900, 900))


@environment_law
def painter_paints_scenes(env: str, *, steps: int = 12, seed: int = 3) -> None:
    """Pictures have the right size and dtype, and an earlier scene is painted identically later in the episode.

    For a grid of cells, the walker's cell is one of them, and the painter's observation for the state of that cell is
    the environment's.

    Args:
        env: the environment's id.
        steps: number of environment steps.
        seed: seed of the episode and of the actions.
    """
    made, bare = _made(env)
    painter = getattr(bare, "painter", None)
    if not isinstance(painter, Painter):
        raise DoesNotApply(f"{env} has no painter")
    observation, _ = made.reset(seed=seed)
    made.action_space.seed(seed)
    scenes, pictures = [], []
    for _ in range(steps):
        scene = bare.scene()
        scenes.append(scene)
        for room in ROOMS:
            width, height = painter.fit(*room)
            frame = painter.paint(scene, width, height)
            right = _form(frame) == f"uint8 of shape {(height, width, 3)}"
            problem = f"a picture of {width} × {height} pixels is {_form(frame)}"
            require(right, problem, "return uint8 of shape (height, width, 3)")
            pictures.append(frame.copy())
        if isinstance(painter, CellPainter):
            _check_cells(painter, scene, observation)
        observation, _, terminated, truncated, _ = made.step(made.action_space.sample())
        if terminated or truncated:
            observation, _ = made.reset()
    again = iter(pictures)
    for scene in scenes:
        for room in ROOMS:
            same = np.array_equal(painter.paint(scene, *painter.fit(*room)), next(again))
            remedy = "let `scene()` return copies, and let `paint` change nothing"
            require(same, "a scene is painted differently later", remedy)
    for before, scene in itertools.pairwise(scenes):
        size = painter.fit(*ROOMS[0])
        whole = painter.paint(scene, *size).copy()
        arrived = np.array_equal(painter.paint(scene, *size, before=before, share=1.0), whole)
        require(
            arrived, "with `share` 1 the picture is not the scene's", "draw bodies at their final positions"
        )
    made.close()


@environment_law
def controls_give_valid_actions(env: str) -> None:
    """Every key, and no key, gives an action of the action space; either all actions have names or none has."""
    made, bare = _made(env)
    controls: Any = getattr(bare, "controls", None)
    made.close()
    if controls is None:
        raise DoesNotApply(f"{env} has no keyboard controls")
    remedy = "return an arena.environments.rendering.Controls"
    require(isinstance(controls, Controls), f"controls is {type(controls).__name__}", remedy)
    space, idle, remedy = made.action_space, controls.idle, "use an action of the space"
    for key, action in controls.keys.items():
        require(space.contains(action), f"{key!r} gives {action!r}, which is not in {space}", remedy)
    valid = idle is None or space.contains(idle)
    require(valid, f"idle is {idle!r}, which is not in {space}", remedy)
    if isinstance(space, gym.spaces.Discrete) and controls.names:
        count = len(controls.names)
        require(count == space.n, f"{count} names for {space.n} actions", "name each action, or none")


def _check_cells(painter: CellPainter, scene: Any, observation: Any) -> None:
    cells = painter.rows * painter.columns
    cell, states = painter.cell(scene), np.asarray(painter.states(copy.copy(scene)))
    require(0 <= cell < cells, f"the walker is in cell {cell} of {cells}", "count row * columns + column")
    remedy = f"return one state for each of {cells} cells"
    require(states.shape == (cells,), f"states has the shape {states.shape}", remedy)
    if states[cell] >= 0:  # otherwise no action is taken there
        seen = painter.observe(states[[cell]])[0]
        same = np.array_equal(np.asarray(seen), np.asarray(observation))
        remedy = "let `observe` return the environment's observations"
        require(same, f"in cell {cell} the environment's observation differs", remedy)


def _made(env: str) -> tuple[gym.Env[Any, Any], Any]:
    made = EnvironmentFactory.resolve(env).make()
    return made, made.unwrapped


def _form(frame: Any) -> str:
    return f"{frame.dtype} of shape {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
