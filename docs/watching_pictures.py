"""The pictures of docs/watching.md: ``python -m docs.watching_pictures`` trains for a minute or two, and draws them.

It needs no display: what a window shows is drawn on a surface. An encoder's picture takes half of the time.
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
from arena.experiment import Experiment
from arena.fit import Fit
from arena.run import Run
from arena.viewer.cast import Snapshots, beginning, players, role_of, through_training, untrained
from arena.viewer.following import Following
from arena.viewer.frames import png_of
from arena.viewer.keys import TAKEN, sheet
from arena.viewer.overlay import overlays
from arena.viewer.pilot import Hands, Person
from arena.viewer.player import Player
from arena.viewer.show import Show
from arena.viewer.stage import SIZE, Stage

HERE = Path(__file__).resolve().parent / "pictures"

#: Pixels a point.
SCALE = 1.5


def main() -> None:
    """Draws all of them."""
    names = sys.argv[1:] or list(PICTURES)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):  # runs and frames go with it
        for name in names:
            print(f"{name} …", file=sys.stderr)
            PICTURES[name](name)


def grid(name: str) -> None:
    """A tabular agent, its values and its policy."""
    run = trained("q-learning", "arena/FourRooms-v0")
    draw(name, alone(role_of(run), "values", "policy"), 4, episode=1)


def hover(name: str) -> None:
    """The mouse over a cell, and where training has been."""
    show = alone(role_of(trained("dyna-q", "arena/Maze-v0", steps=1_500)), "visits", "q-values")
    show.forward()
    draw(name, show, 20, Stage(mouse=(365.0, 343.0)))


def control(name: str) -> None:
    """Bodies."""
    draw(name, alone(role_of(trained("ppo", "arena/Reacher-v0", steps=60_000))), 20)


def frames(name: str) -> None:
    """Somebody else's environment, through its frames."""
    draw(name, alone(role_of(trained("q-learning", "Taxi-v4", steps=400_000)), "action-probabilities"), 3)


def many(name: str) -> None:
    """Sixteen episodes at once."""
    role = role_of(trained("q-learning", "arena/FourRooms-v0"))
    show = Show(players([role], count=16), title=f"{role.name} · {role.factory.id}", overlays=shown("visits"))
    draw(name, show, 9, Stage(columns=4))


def versus(name: str) -> None:
    """Two agents meet the same episode."""
    runs = [trained(agent, "arena/CliffWalk-v0") for agent in ("q-learning", "sarsa")]
    show = Show(
        players([role_of(run) for run in runs]),
        title="q-learning and sarsa · arena/CliffWalk-v0",
        overlays=shown("policy"),
    )
    draw(name, show, 13)


def checkpoints(name: str) -> None:
    """One episode through training."""
    run = trained("dyna-q", "arena/Maze-v0", steps=4_000, evaluate_every=500)
    show = Show(
        players(through_training(run, 8)), title="dyna-q · arena/Maze-v0", overlays=shown("values", "policy")
    )
    draw(name, show, 30)


def encoder(name: str) -> None:
    """What an encoder makes of what the agent sees."""
    options = {"observation": "pixels", "tile_size": 4}
    fit = Fit.create("vae", "arena/FourRooms-v0", env_options=options, steps=3000, trackers=())
    eye = train_experiment(fit, progress=False).runs[0]["path"]
    run = trained("dqn", "arena/FourRooms-v0", steps=30_000, env_options=options, encoder=eye)
    draw(name, alone(role_of(run), "values", "reconstruction", "latent"), 6, episode=2, height=920)


def live(name: str) -> None:
    """Training that goes on meanwhile."""
    experiment = Experiment.create("dqn", "CartPole-v1", steps=60_000, seeds=[0], trackers=[])
    run = Run.prepare(experiment, 0, Path("runs"))
    role = beginning(run)
    cast = players([role])
    following = Following(role, [player.mind for player in cast])
    show = Show(cast, title="dqn · CartPole-v1", overlays=shown(), following=following, speed=60.0)
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
            following.pulse()
            show.tick(1 / 60)
            time.sleep(1 / 600)
            if role.curve is not None and len(role.curve.steps) > 12 and 60 < show.position < 200:
                break
        draw(name, show, 0)
        training.terminate()
    show.close()


def playing(name: str) -> None:
    """A person against an agent."""
    role = role_of(trained("q-learning", "arena/WindyGrid-v0", steps=100_000))
    you = Player(role.factory, Person(), seed=0, horizon=200, name="you")
    show = Show([you, *players([role], seed=0)], title="you against q-learning · arena/WindyGrid-v0")
    hands = Hands(show)
    for key in ("right", "right", "right", "down", "right", "right", "right"):
        hands.pressed(key)
        hands.released(key)
    show.position = show.newest
    draw(name, show, 0)


def keys(name: str) -> None:
    """The list of keys."""
    show = alone(untrained(Experiment.create("q-learning", "arena/FourRooms-v0", seeds=1)))
    draw(name, show, 3, Stage(sheet=sheet(show.overlays)))


def trained(agent: str, env: str, **settings: Any) -> str:
    """The run of an agent."""
    results = arena.train(agent, env, seeds=1, progress=False, trackers=(), **settings)
    return str(results.runs[0]["path"])


def shown(*names: str) -> list[Any]:
    """All overlays, some of them on."""
    found = overlays(TAKEN)
    for overlay in found:
        overlay.on = overlay.spec.name in names
    return found


def alone(role: Any, *names: str) -> Show:
    """A show of one player, with some overlays."""
    cast = players([role])
    points = Snapshots(role, [player.mind for player in cast]) if role.run is not None else None
    title = f"{role.name} · {role.factory.id}"
    speed = float(cast[0].env.metadata.get("render_fps") or 8)
    return Show(cast, title=title, overlays=shown(*names), checkpoints=points, speed=speed)


def draw(
    name: str,
    show: Show,
    steps: int,
    stage: Stage | None = None,
    episode: int = 0,
    height: int = SIZE[1],
) -> None:
    """Plays so many steps, and saves what a window would show then."""
    if episode:
        show.go_to(episode)
    for _ in range(steps):
        show.forward()
    show.paused, show.notice = False, ""
    surface = pygame.Surface([round(side * SCALE) for side in (SIZE[0], height)])
    (stage or Stage()).draw(surface, show, SCALE)
    (HERE / f"watch-{name}.png").write_bytes(png_of(surface))


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
