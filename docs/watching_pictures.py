"""Pictures of docs/watching.md: ``python -m docs.watching_pictures [NAME …]`` trains agents and draws windows.

The script takes one or two minutes, half of it for the picture of an encoder. No display is needed: the content of a
window is drawn on a surface.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pygame

import arena
from arena.api import train_experiment
from arena.frames.fits import resolve_fit
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena_viewer.follower import RunFollower
from arena_viewer.frames import png_bytes
from arena_viewer.human_player import HumanActor, HumanController
from arena_viewer.keys import TAKEN, sheet
from arena_viewer.overlay import load_overlays
from arena_viewer.playback import Playback
from arena_viewer.player import Player
from arena_viewer.renderer import SIZE, Renderer
from arena_viewer.roles import (
    Snapshots,
    make_players,
    role_from_run,
    role_in_training,
    roles_through_training,
    untrained_role,
)

HERE = Path(__file__).resolve().parent / "pictures"

#: Pixels per point.
SCALE = 1.5


def main() -> None:
    """Draw all pictures, or those named on the command line."""
    names = sys.argv[1:] or list(PICTURES)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):  # runs and frames go with it
        for name in names:
            print(f"{name} …", file=sys.stderr)
            PICTURES[name](name)


def grid(name: str) -> None:
    """Tabular agent with its values and its policy."""
    run = trained("q-learning", "arena/FourRooms-v0")
    draw(name, alone(role_from_run(run), "values", "policy"), 4, episode=1)


def hover(name: str) -> None:
    """Action values of the cell under the mouse, and visits."""
    playback = alone(role_from_run(trained("dyna-q", "arena/Maze-v0", steps=1_500)), "visits", "q-values")
    playback.forward()
    draw(name, playback, 20, Renderer(mouse=(365.0, 343.0)))


def control(name: str) -> None:
    """Control environment."""
    draw(name, alone(role_from_run(trained("ppo", "arena/Reacher-v0", steps=60_000))), 20)


def frames(name: str) -> None:
    """Environment of Gymnasium, shown by its rendered frames."""
    draw(
        name, alone(role_from_run(trained("q-learning", "Taxi-v4", steps=400_000)), "action-probabilities"), 3
    )


def many(name: str) -> None:
    """Sixteen episodes at once."""
    role = role_from_run(trained("q-learning", "arena/FourRooms-v0"))
    playback = Playback(
        make_players([role], count=16), title=f"{role.name} · {role.factory.id}", overlays=shown("visits")
    )
    draw(name, playback, 9, Renderer(columns=4))


def versus(name: str) -> None:
    """Two agents in the same episode."""
    runs = [trained(agent, "arena/CliffWalk-v0") for agent in ("q-learning", "sarsa")]
    playback = Playback(
        make_players([role_from_run(run) for run in runs]),
        title="q-learning and sarsa · arena/CliffWalk-v0",
        overlays=shown("policy"),
    )
    draw(name, playback, 13)


def checkpoints(name: str) -> None:
    """One episode through training."""
    run = trained("dyna-q", "arena/Maze-v0", steps=4_000, evaluate_every=500)
    playback = Playback(
        make_players(roles_through_training(run, 8)),
        title="dyna-q · arena/Maze-v0",
        overlays=shown("values", "policy"),
    )
    draw(name, playback, 30)


def encoder(name: str) -> None:
    """Reconstruction and codes of the encoder of an agent."""
    options = {"observation": "pixels", "tile_size": 4}
    fit = resolve_fit("vae", "arena/FourRooms-v0", env_options=options, steps=3000, trackers=())
    eye = train_experiment(fit, progress=False).runs[0]["path"]
    run = trained("dqn", "arena/FourRooms-v0", steps=30_000, env_options=options, encoder=eye)
    draw(name, alone(role_from_run(run), "values", "reconstruction", "latent"), 6, episode=2, height=920)


def live(name: str) -> None:
    """Window that follows a training process."""
    experiment = resolve_experiment("dqn", "CartPole-v1", steps=60_000, seeds=[0], trackers=[])
    run = Run.prepare(experiment, 0, Path("runs"))
    role = role_in_training(run)
    cast = make_players([role])
    follower = RunFollower(role, [player.actor for player in cast])
    playback = Playback(cast, title="dqn · CartPole-v1", overlays=shown(), follower=follower, speed=60.0)
    command = [
        sys.executable,
        "-m",
        "arena",
        "train",
        "dqn",
        "CartPole-v1",
        "--steps",
        "60000",
        "--seed",
        "0",
    ]
    with subprocess.Popen([*command, "--track", "none", "--quiet"], stdout=subprocess.DEVNULL) as training:
        for _ in range(60 * 600):
            follower.pulse()
            playback.tick(1 / 60)
            time.sleep(1 / 600)
            if role.curve is not None and len(role.curve.steps) > 12 and 60 < playback.position < 200:
                break
        draw(name, playback, 0)
        training.terminate()
    playback.close()


def playing(name: str) -> None:
    """Person playing beside an agent."""
    role = role_from_run(trained("q-learning", "arena/WindyGrid-v0", steps=100_000))
    you = Player(role.factory, HumanActor(), seed=0, horizon=200, name="you")
    playback = Playback(
        [you, *make_players([role], seed=0)], title="you against q-learning · arena/WindyGrid-v0"
    )
    controller = HumanController(playback)
    for key in ("right", "right", "right", "down", "right", "right", "right"):
        controller.pressed(key)
        controller.released(key)
    playback.position = playback.newest
    draw(name, playback, 0)


def keys(name: str) -> None:
    """List of keys."""
    playback = alone(untrained_role(resolve_experiment("q-learning", "arena/FourRooms-v0", seeds=1)))
    draw(name, playback, 3, Renderer(sheet=sheet(playback.overlays)))


def trained(agent: str, env: str, **settings: Any) -> str:
    """Train an agent, and return the folder of its run."""
    results = arena.train(agent, env, seeds=1, progress=False, trackers=(), **settings)
    return str(results.runs[0]["path"])


def shown(*names: str) -> list[Any]:
    """Load all overlays, and switch on those that are named."""
    found = load_overlays(TAKEN)
    for overlay in found:
        overlay.on = overlay.spec.name in names
    return found


def alone(role: Any, *names: str) -> Playback:
    """Playback of one player, with some overlays."""
    cast = make_players([role])
    points = Snapshots(role, [player.actor for player in cast]) if role.run is not None else None
    title = f"{role.name} · {role.factory.id}"
    speed = float(cast[0].env.metadata.get("render_fps") or 8)
    return Playback(cast, title=title, overlays=shown(*names), checkpoints=points, speed=speed)


def draw(
    name: str,
    playback: Playback,
    steps: int,
    renderer: Renderer | None = None,
    episode: int = 0,
    height: int = SIZE[1],
) -> None:
    """Play a number of steps, and save the content of the window."""
    if episode:
        playback.go_to(episode)
    for _ in range(steps):
        playback.forward()
    playback.paused, playback.notice = False, ""
    surface = pygame.Surface([round(side * SCALE) for side in (SIZE[0], height)])
    (renderer or Renderer()).draw(surface, playback, SCALE)
    (HERE / f"watch-{name}.png").write_bytes(png_bytes(surface))


PICTURES: dict[str, Callable[[str], None]] = {
    "grid": grid,
    "hover": hover,
    "control": control,
    "frames": frames,
    "many": many,
    "versus": versus,
    "checkpoints": checkpoints,
    "encoder": encoder,
    "live": live,
    "playing": playing,
    "keys": keys,
}


if __name__ == "__main__":
    main()
