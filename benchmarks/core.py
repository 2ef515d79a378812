"""Core: the compiled learner, start-up times, numba's cache, and the cost of a checkpoint."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import gymnasium as gym
import numpy as np

from benchmarks.measure import ARENA, Row, interleaved, row, seconds_of

STEPS = 20_000_000
LOOP_STEPS = 20_000


def measure() -> list[Row]:
    """Every row of the suite."""
    return [*learning(), *starting(), *caching(), *checkpointing()]


def learning() -> list[Row]:
    """Q-learning with its environment through the runner, against a Gymnasium loop with the same update."""
    with tempfile.TemporaryDirectory() as folder:
        sides = {"arena": lambda: arena_rate(Path(folder)), "loop": loop_rate}
        found = interleaved(sides, repeats=5)
    ratio = statistics.median(found["arena"]) / statistics.median(found["loop"])
    return [
        row(
            "Q-learning on arena/CliffWalk-v0, each episode reseeded",
            [r / 1e6 for r in found["arena"]],
            "M steps/s",
            25,
        ),
        row(
            "the same update in a Gymnasium CliffWalking-v1 loop",
            [r / 1e6 for r in found["loop"]],
            "M steps/s",
        ),
        Row("ratio of the two", ratio, "times", 200),
    ]


def starting() -> list[Row]:
    """Start-up of whole processes, beside that of Python itself."""
    sides = {
        "python": lambda: seconds_of(sys.executable, "-c", "pass"),
        "help": lambda: seconds_of(*ARENA, "--help"),
        "list": lambda: seconds_of(*ARENA, "list"),
    }
    found = interleaved(sides, repeats=9)
    return [
        row("python -c pass", found["python"], "s"),
        row("arena --help", found["help"], "s", 0.2, at_least=False),
        row("arena list", found["list"], "s", 0.6, at_least=False),
    ]


def caching() -> list[Row]:
    """The first and the second process of a fresh numba cache, and the second one's cache misses."""
    script = (
        "import sys, json, arena\n"
        "arena.train('q-learning', 'arena/CliffWalk-v0', steps=1000, seeds=1, out=sys.argv[1], progress=False)\n"
        "from numba.core.registry import CPUDispatcher\n"
        "import gc\n"
        "stats = [d.stats for d in gc.get_objects() if isinstance(d, CPUDispatcher)]\n"
        "print(json.dumps([sum(sum(s.cache_hits.values()) for s in stats),"
        " sum(sum(s.cache_misses.values()) for s in stats)]))\n"
    )
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for which in ("first", "second"):
            environment = {"NUMBA_CACHE_DIR": f"{folder}/numba"}
            before = time.perf_counter()
            output = _output(script, f"{folder}/{which}", **environment)
            seconds = time.perf_counter() - before
            _, misses = json.loads(output.splitlines()[-1])
            target = 0.0 if which == "second" else None
            rows.append(Row(f"train 1,000 steps, {which} process of a fresh cache", seconds, "s"))
            rows.append(
                Row(f"  functions it compiled ({which} process)", misses, "functions", target, at_least=False)
            )
    return rows


def checkpointing() -> list[Row]:
    """What a checkpoint every 5 s costs: the time of one, as a share of 5 s."""
    from arena.runs.listener import Listener
    from arena.runs.resolve import resolve_experiment
    from arena.runs.run import Run
    from arena.training.runner import execute
    from arena.training.session import CHECKPOINT_SECONDS

    saves: list[float] = []

    class Timed(Listener):
        def progressed(self, run, progress, evaluation):
            if progress.steps % 10_000 == 0 and len(saves) < 50:
                from arena.storage.checkpoint import Checkpoints

                state = run.checkpoints.load()
                if state is not None:
                    before = time.perf_counter()
                    Checkpoints(run.folder / "timed").save(state.state, state.info)
                    saves.append(time.perf_counter() - before)

    experiment = resolve_experiment(
        "q-learning", "arena/CliffWalk-v0", seeds=1, steps=1_000_000, log_every=10_000
    )
    with tempfile.TemporaryDirectory() as folder:
        run = Run.prepare(experiment, 0, Path(folder))
        execute(run)
        longer = resolve_experiment(
            "q-learning", "arena/CliffWalk-v0", seeds=1, steps=2_000_000, log_every=10_000
        )
        execute(Run.prepare(longer, 0, Path(folder)), Timed())
    share = [100 * seconds / CHECKPOINT_SECONDS for seconds in saves]
    return [row(f"a checkpoint every {CHECKPOINT_SECONDS:g} s", share, "% of the time", 1, at_least=False)]


def arena_rate(folder: Path) -> float:
    from arena.runs.resolve import resolve_experiment
    from arena.runs.run import Run
    from arena.training.runner import execute

    # A run of its own each time: a finished one is free.
    seed = len(list(folder.iterdir()))
    experiment = resolve_experiment("q-learning", "arena/CliffWalk-v0", steps=STEPS, seeds=[seed])
    run = Run.prepare(experiment, seed, folder)
    before = time.perf_counter()
    execute(run)
    return STEPS / (time.perf_counter() - before)


def loop_rate() -> float:
    env = gym.make("CliffWalking-v1")
    table, rng = np.zeros((48, 4)), np.random.default_rng(0)
    state, _ = env.reset(seed=0)
    before = time.perf_counter()
    for _ in range(LOOP_STEPS):
        action = rng.integers(4) if rng.random() < 0.1 else int(table[state].argmax())
        after, reward, terminated, truncated, _ = env.step(action)
        target = reward + (0 if terminated else table[after].max())
        table[state, action] += 0.5 * (target - table[state, action])
        state = env.reset()[0] if terminated or truncated else after
    return LOOP_STEPS / (time.perf_counter() - before)


def _output(script: str, *arguments: str, **environment: str) -> str:
    import os

    result = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    return result.stdout
