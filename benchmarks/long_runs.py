"""Long runs and many runs: the first picture of `arena watch`, a film's memory, and 10,000 runs listed and reported.

The runs are synthetic: copies of one short run with other options, seeds and logs, so that they are made in seconds.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from arena.storage.manifest import CHECK, sealed
from benchmarks.measure import ARENA, Row, interleaved, row, seconds_of

REPEATS = 3
LINES = 1_000_000
RUNS = 10_000

#: Numbers of steps of the two films whose memory is compared; the steps that pass between two frames.
FILMS, STRIDE = (10_000, 1_000_000), 500

#: The grid of 10,000 runs: 125 algorithms in 4 environments with 20 seeds.
AGENTS = ("q-learning", "sarsa", "expected-sarsa", "double-q-learning", "dyna-q")
ENVS = ("arena/CliffWalk-v0", "arena/FourRooms-v0", "arena/WindyGrid-v0", "arena/Maze-v0")
EPSILONS = [round(0.01 + 0.02 * i, 2) for i in range(25)]

#: Lines of a run's log, and lines between two evaluations.
LOGGED, BETWEEN = 40, 4

#: A window that ends with its first picture.
FIRST_PICTURE = """
import sys, pygame
from arena.cli import main
from arena_viewer import window
draw = window.Window._draw
def once(self):
    draw(self)
    self.open = False
window.Window._draw = once
sys.exit(main(sys.argv[1:]))
"""

#: A film; then the peak memory of this process and of ffmpeg, in MiB.
FILM = """
import resource, sys
from arena.cli import main
status = main(sys.argv[1:])
for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
    print(resource.getrusage(who).ru_maxrss / 1024, file=sys.stderr)
sys.exit(status)
"""


def measure() -> list[Row]:
    """Every row of the suite."""
    with tempfile.TemporaryDirectory() as folder:
        template = short_run(Path(folder))
        return [*watching(Path(folder), template), *filming(Path(folder)), *many(Path(folder), template)]


def short_run(folder: Path) -> Path:
    """A run of some steps, which the others are copies of."""
    out = folder / "short"
    command = (*ARENA, "train", "q-learning", "arena/CliffWalk-v0", "--steps", "2000", "--seed", "0")
    subprocess.run((*command, "--track", "none", "--quiet", "--out", str(out)), check=True)
    (run,) = out.iterdir()
    return run


def watching(folder: Path, template: Path) -> list[Row]:
    """The first picture of a run with a million lines of metrics, each of which has an evaluation, and its list."""
    write_logs(template, logged(LINES, between=1), LINES)
    runs = str(template.parent)
    first = (sys.executable, "-c", FIRST_PICTURE, "watch", str(template))
    sides = {
        "first picture": lambda: seconds_of(*first, SDL_VIDEODRIVER="dummy"),
        "listed": lambda: seconds_of(*ARENA, "list", "runs", runs),
        "reported": lambda: seconds_of(*ARENA, "report", runs, "--out", f"{folder}/long.html"),
    }
    found = interleaved(sides, REPEATS)
    limits = {"first picture": 5.0, "listed": 2.0, "reported": 10.0}
    return [
        row(f"{LINES:,} lines of metrics: {name}", found[name], "s", limits[name], at_least=False)
        for name in sides
    ]


def filming(folder: Path) -> list[Row]:
    """Peak memory of films of one long episode, and of as many steps in short episodes."""
    rows = []
    for what, horizon in (("one episode", None), ("episodes of 100 steps", 100)):
        peaks = [filmed(folder, steps, horizon) for steps in FILMS]
        for who, (few, many_steps) in zip(("arena", "ffmpeg"), zip(*peaks, strict=True), strict=True):
            name = f"film of {FILMS[1]:,} steps, {what}: peak memory of {who}"
            rows.append(Row(name, many_steps, "MiB"))
            growth = f"  more than with {FILMS[0]:,} steps"
            rows.append(Row(growth, many_steps - few, "MiB", 64, at_least=False))
    return rows


def filmed(folder: Path, steps: int, horizon: int | None) -> list[float]:
    """Peak memory in MiB of the recorder and of ffmpeg, for a film of some steps of an untrained agent."""
    episode = horizon or steps
    flags = ("--horizon", str(episode), "--episodes", str(steps // episode))
    flags += ("--record", f"{folder}/film.mp4", "--speed", str(30 * STRIDE), "--size", "640x400")
    command = (sys.executable, "-c", FILM, "watch", "q-learning", "arena/CliffWalk-v0", *flags)
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(line) for line in done.stderr.split()[-2:]]


def many(folder: Path, template: Path) -> list[Row]:
    """10,000 runs: a grid with seeds, and as many settings of a random search."""
    rows = []
    for name, variants in (("a grid", grid()), ("random settings", search())):
        out, page = folder / name, folder / f"{name}.html"
        copies(template, out, variants)
        sides = {
            "listed": lambda out=out: seconds_of(*ARENA, "list", "runs", str(out)),
            "one listed": lambda out=out: seconds_of(*ARENA, "list", "runs", str(out), "--limit", "1"),
            "reported": lambda out=out, page=page: seconds_of(*ARENA, "report", str(out), "--out", str(page)),
        }
        found = interleaved(sides, REPEATS)
        for side, limit in (("listed", 2.0), ("one listed", None), ("reported", 60.0)):
            rows.append(row(f"{RUNS:,} runs, {name}: {side}", found[side], "s", limit, at_least=False))
        rows.append(Row(f"{RUNS:,} runs, {name}: page", os.path.getsize(page) / 1e6, "MB"))
    return rows


def grid() -> Iterator[dict[str, Any]]:
    """Agent, environment, option and seed of the runs of a grid."""
    for agent in AGENTS:
        for env in ENVS:
            for epsilon in EPSILONS:
                for seed in range(20):
                    yield {"agent": agent, "env": env, "epsilon": epsilon, "seed": seed}


def search() -> Iterator[dict[str, Any]]:
    """The same of a random search: every run has options of its own."""
    draw = random.Random(0)
    for seed in range(RUNS):
        yield {"agent": "q-learning", "env": ENVS[0], "epsilon": draw.random(), "seed": seed % 10}


def copies(template: Path, out: Path, variants: Iterator[Mapping[str, Any]]) -> None:
    """Copies of a run with other options and logs."""
    document = json.loads((template / "run.json").read_text())
    result = json.loads((template / "result.json").read_text())
    experiment = document["experiment"]
    for number, variant in enumerate(variants):
        folder = out / f"{variant['agent']}_{number:05}"
        for name in ("snapshots", "checkpoint"):
            (folder / name).mkdir(parents=True)
        (folder / "lock").touch()
        experiment["agent"]["name"], experiment["env"]["id"] = variant["agent"], variant["env"]
        experiment["agent"]["options"]["epsilon"] = variant["epsilon"]
        experiment["seeds"] = [variant["seed"]]
        document["id"] = f"{number:012x}"
        lines = [*logged(LOGGED, BETWEEN, number)]
        mean = json.loads(lines[-1])["evaluation"]
        result |= {"seed": variant["seed"], "evaluation": {"returns": [mean] * 20, "mean": mean}}
        result["metrics"] = write_logs(folder, lines, LOGGED)
        for name, values in (("run", document), ("result", result)):
            values.pop(CHECK, None)
            (folder / f"{name}.json").write_text(json.dumps(sealed(values), indent=2))


def write_logs(folder: Path, lines: Iterable[bytes], count: int) -> list[Any]:
    """Write the metrics and the times of a run; return what its result notes of the metrics."""
    digest, size = hashlib.sha256(), 0
    with (folder / "metrics.jsonl").open("wb") as metrics, (folder / "timing.jsonl").open("wb") as timing:
        for number, line in enumerate(lines, 1):
            metrics.write(line)
            digest.update(line)
            size += len(line)
            noted = [size, digest.hexdigest()]
            values = {"step": number * 2000 // count, "seconds": number * 0.0123, "time": 1.8e9 + number}
            timing.write(json.dumps(sealed({**values, "metrics": noted})).encode() + b"\n")
    return noted


def logged(lines: int, between: int, seed: int = 0) -> Iterator[bytes]:
    """Lines of ``metrics.jsonl``, the last of which has an evaluation."""
    draw = random.Random(seed)
    every = 2000 / lines if lines < 2000 else 1
    for number in range(1, lines + 1):
        values = {
            "step": round(number * every), "episodes": number, "episode_return": draw.uniform(-200, -13),
            "episode_length": draw.uniform(13, 200), "epsilon": 0.1, "learning_rate": 0.5, "td_error": draw.random(),
        }  # fmt: skip
        if number % between == 0:
            values["evaluation"] = round(draw.uniform(-200, -13), 2)
        yield json.dumps(values).encode() + b"\n"
