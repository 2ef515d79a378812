"""Viewer: frames per second of painters, compared with Gymnasium's renderer, and the cost of watching a training.

* Painters draw a 20 × 20 map at 800 × 800 pixels, with the walker in another cell in each frame; "gliding" is between
  two cells. Gymnasium's FrozenLake draws a random 20 × 20 lake in a window of the same size.
* Redrawing of the window includes everything but the copy to the screen: world, overlays and panel, on a surface.
* Training is `arena train` in a separate process, alternately watched by another process and not. The window has SDL's
  dummy display. The training is measured, which shares memory and, with few cores, the cores with the window.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from benchmarks.measure import Row, Seconds, interleaved, row

REPEATS = 7
SIDE, PIXELS = 20, 800
FRAMES = 200

#: What is trained, and for how long: some seconds each.
TRAINED = (
    ("q-learning", "arena/CliffWalk-v0", 200_000_000),
    ("dqn", "CartPole-v1", 30_000),
    ("ppo", "arena/Pendulum-v0", 40_000),
)
LIVE_REPEATS = 5


def measure() -> list[Row]:
    """Every row of the suite."""
    return [*painting(), *redrawing(), *watching()]


def painting() -> list[Row]:
    """A world's picture."""
    from gymnasium.envs.toy_text.frozen_lake import generate_random_map

    import arena_control as ac
    import arena_gridworld as ag

    lines = ["S" + "." * (SIDE - 1), *["." * SIDE] * (SIDE - 2), "." * (SIDE - 1) + "G"]
    grid = ag.Grid(map="\n".join(lines))
    lake = gym.make(
        "FrozenLake-v1", desc=generate_random_map(SIDE, seed=0), render_mode="rgb_array"
    ).unwrapped
    lake.window_size, lake.cell_size = (PIXELS, PIXELS), (PIXELS // SIDE, PIXELS // SIDE)
    pendulum = ac.Pendulum()
    for env in (grid, lake, pendulum):
        env.reset(seed=0)
    assert lake.render().shape == grid.painter.paint(0, PIXELS, PIXELS).shape
    sides: dict[str, Callable[[], float]] = {
        "gridworld": partial(rate, lambda i: grid.painter.paint(i % 399, PIXELS, PIXELS)),
        "gridworld, gliding": partial(
            rate, lambda i: grid.painter.paint(i % 399 + 1, PIXELS, PIXELS, before=i % 399, share=0.4)
        ),
        "pendulum": partial(rate, lambda i: pendulum.painter.paint(pendulum.scene(), PIXELS, PIXELS)),
        "Gymnasium's FrozenLake": partial(rate, partial(stand, lake)),
    }
    found = interleaved(sides, REPEATS)
    what = f"{SIDE} × {SIDE} at {PIXELS} × {PIXELS}"
    rows = [
        row(f"{what}: {name}", values, "frames/s", 300 if "gridworld" in name else None)
        for name, values in found.items()
    ]
    mine, its = (statistics.median(found[name]) for name in ("gridworld", "Gymnasium's FrozenLake"))
    return [*rows, Row("  gridworld to Gymnasium's", mine / its, "times")]


def redrawing() -> list[Row]:
    """The whole window."""
    import pygame

    from arena_viewer.overlay import load_overlays
    from arena_viewer.playback import Playback
    from arena_viewer.renderer import SIZE, Renderer
    from arena_viewer.roles import make_players, untrained_role

    surface = pygame.Surface(SIZE)
    sides = {}
    for name, agent, env, on in (
        ("FourRooms", "q-learning", "arena/FourRooms-v0", ()),
        ("FourRooms with values, policy, visits", "q-learning", "arena/FourRooms-v0", ("values", "policy", "visits")),
        ("Pendulum", "actor-critic", "arena/Pendulum-v0", ()),
        ("Gymnasium's CartPole", "dqn", "CartPole-v1", ()),
    ):  # fmt: skip
        role = untrained_role(resolve_experiment(agent, env, seeds=1))
        shown = load_overlays()
        for overlay in shown:
            overlay.on = overlay.spec.name in on
        playback = Playback(make_players([role]), overlays=shown, speed=60.0)
        sides[name] = partial(rate, partial(redraw, Renderer(), surface, playback))
    found = interleaved(sides, REPEATS)
    return [row(f"window: {name}", values, "frames/s", 60) for name, values in found.items()]


def watching() -> list[Row]:
    """Training with somebody watching, and without."""
    rows = []
    for agent, env, steps in TRAINED:
        sides = {
            name: partial(trained, agent, env, steps, watched)
            for name, watched in (("alone", False), ("watched", True))
        }
        found = interleaved(sides, LIVE_REPEATS)
        what = f"{agent} on {env}"
        rows += [row(f"{what}: {name}", values, "steps/s") for name, values in found.items()]
        ratio = statistics.median(found["watched"]) / statistics.median(found["alone"])
        rows.append(Row("  watched to alone", ratio, "times", 0.95))
    return rows


def rate(draw: Callable[[int], Any]) -> float:
    """Frames a second of CPU time."""
    draw(0)
    before = Seconds.now()
    for frame in range(FRAMES):
        draw(frame)
    return FRAMES / before.passed().cpu


def stand(lake: Any, place: int) -> Any:
    """A frame of Gymnasium's with the walker somewhere."""
    lake.s = place % (SIDE * SIDE)
    return lake.render()


def redraw(renderer: Any, surface: Any, playback: Any, frame: int) -> None:
    """What the window does sixty times a second."""
    playback.tick(1 / 60)
    renderer.draw(surface, playback)


def trained(agent: str, env: str, steps: int, watched: bool) -> float:
    """Steps a second of a training from nothing, by its own clock."""
    environment = {**os.environ, "SDL_VIDEODRIVER": "dummy"}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        experiment = resolve_experiment(agent, env, steps=steps, seeds=[0], trackers=[])
        run = Run.prepare(experiment, 0, Path(folder)).folder
        if watched:
            command = [sys.executable, "-m", "arena", "watch", str(run), "--follow"]
            window = stack.enter_context(subprocess.Popen(command, env=environment))
            stack.callback(window.kill)
        command = [sys.executable, "-m", "arena", "train", agent, env, "--steps", str(steps), "--seed", "0"]
        command += ["--track", "none", "--out", folder, "--json"]
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
        result = json.loads(done.stdout)["runs"][0]
        assert (run / "live" / "agent").exists() == watched, "nobody looked, or somebody did"
        return float(np.divide(result["steps"], result["seconds"]))
