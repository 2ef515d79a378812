"""Sweeps: two workers compared with one, listing and reporting a thousand runs, and Ray's overhead."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
from pathlib import Path

from benchmarks.measure import ARENA, Row, interleaved, row, seconds_of

#: About a second each: an environment that Python steps, as most are.
SHORT = """
steps = 20_000
seeds = 64
evaluate_every = 10_000

[[grid]]
agent = "q-learning"
env = { id = "FrozenLake-v1", wrappers = ["RecordEpisodeStatistics"] }
"""

#: Runs that hardly train: what is left is what launching one costs.
TINY = """
steps = 200
seeds = 48

[[grid]]
agent = "q-learning"
env = "arena/CliffWalk-v0"
"""

#: 1,000 runs of a usual size: 5 agents × 4 environments × 5 learning rates or rates of exploration × 10 seeds.
THOUSAND = """
steps = 2_000
seeds = 10

[[grid]]
agent = ["q-learning", "sarsa", "expected-sarsa", "double-q-learning", "dyna-q"]
env = ["arena/CliffWalk-v0", "arena/FourRooms-v0", "arena/WindyGrid-v0", "FrozenLake-v1"]
"agent.epsilon" = [0.05, 0.1, 0.15, 0.2, 0.25]
"""


def measure() -> list[Row]:
    """Every row of the suite."""
    return [*workers(), *thousand(), *launchers()]


def workers() -> list[Row]:
    """64 short runs as whole commands, on one worker and on two."""
    with tempfile.TemporaryDirectory() as folder:
        sides = {count: lambda count=count: swept(folder, SHORT, "--workers", count) for count in ("1", "2")}
        found = interleaved(sides, repeats=3)
    ratio = statistics.median(found["1"]) / statistics.median(found["2"])
    return [
        row("64 short runs, one worker", found["1"], "s"),
        row("64 short runs, two workers", found["2"], "s"),
        Row("ratio of the two", ratio, "times", 1.8),
    ]


def thousand() -> list[Row]:
    """Looking at 1,000 runs: listing them, reporting them, asking for them again."""
    with tempfile.TemporaryDirectory() as folder:
        out, file = Path(folder) / "runs", Path(folder) / "sweep.toml"
        file.write_text(THOUSAND)
        command = (*ARENA, "sweep", str(file), "--out", str(out), "--quiet")
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        sides = {
            "list": lambda: seconds_of(*ARENA, "list", "runs", str(out)),
            "report": lambda: seconds_of(*ARENA, "report", str(out), "--out", f"{folder}/report.html"),
            "again": lambda: seconds_of(*command),
        }
        found = interleaved(sides, repeats=3)
        size = os.path.getsize(f"{folder}/report.html") / 1e6
    return [
        row("1,000 runs listed", found["list"], "s", 2, at_least=False),
        row("1,000 runs reported", found["report"], "s", 20, at_least=False),
        Row("the report's page", size, "MB"),
        row("a finished sweep of 1,000 runs asked for again", found["again"], "s"),
    ]


def launchers() -> list[Row]:
    """What a run costs beyond its training, by launcher: 48 tiny runs less 16, both on two warm workers."""
    with tempfile.TemporaryDirectory() as folder:
        sides = {name: lambda name=name: overhead(folder, name) for name in ("local", "ray")}
        found = interleaved(sides, repeats=3)
    return [row(f"a tiny run, launcher {name}", found[name], "ms") for name in found]


def overhead(folder: str, launcher: str) -> float:
    """Milliseconds a run: the difference of two sweeps, so that starting workers and Ray drops out."""
    few = TINY.replace("seeds = 48", "seeds = 16")
    flags = ("--launcher", launcher, "--workers", "2")
    return 1000 * (swept(folder, TINY, *flags) - swept(folder, few, *flags)) / 32


def swept(folder: str, text: str, *flags: str) -> float:
    """Seconds of a whole sweep into a fresh folder."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        (Path(place) / "sweep.toml").write_text(text)
        out = ("--out", f"{place}/runs")
        return seconds_of(*ARENA, "sweep", f"{place}/sweep.toml", *out, "--quiet", *flags)
