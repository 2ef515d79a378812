"""The tables of encoders in docs/results.md: ``python -m docs.encoder_study``.

It reads the runs of ``arena sweep docs/studies/encoders.toml``, and computes for each fit the R² of a linear probe from
its codes to the true state, and the time to encode a batch of 32 frames.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

import arena
from arena.encoders.functional import codes, evaluation_mode
from arena.frames import Frames
from arena.frames.references import open_data
from arena.runs.loaded_encoder import LoadedEncoder
from arena.statistics.summary import bootstrap_ci, iqm
from arena_gallery import probe
from arena_report.encoders import area
from arena_report.run_records import RunRecord, read_runs

OUT = Path("runs/encoders")

#: Indices of the numbers of each environment's state that an agent needs.
STATE = {"arena/FourRooms-v0": [0, 1], "arena/CartPole-v0": [0, 2]}

#: Names of observations without an encoder.
PLAIN = {
    "onehot": "*true state, one-hot*",
    "xy": "*true state, x and y*",
    "state": "*true state*",
    "no-velocity": "*positions*",
    "pixels": "*raw pixels*",
}

HEAD = """\
| the agent sees | area, IQM | final return, IQM | probe R² | ms / 32 frames | seeds |
|---|---|---|---|---|---|"""

#: Number of frames for the probe, and in a timed batch.
PROBED, BATCH = 6_000, 32


class Condition(NamedTuple):
    """Input of an agent: its name in the table, and the folder of the fit if the input is codes."""

    name: str
    fit: str | None = None


def main() -> None:
    """Print a table for each environment, in Markdown."""
    torch.set_num_threads(1)
    found = [
        run for run in read_runs([Path(sys.argv[1]) if sys.argv[1:] else OUT]) if isinstance(run, RunRecord)
    ]
    for env in sorted({run.env for run in found}):
        show(env, [run for run in found if run.env == env])


def show(env: str, runs: list[RunRecord]) -> None:
    """Print the table of one environment, sorted by area in descending order."""
    seen: dict[Condition, list[RunRecord]] = defaultdict(list)
    for run in runs:
        seen[_condition(run)].append(run)
    span = max(run.curve[0][0] for run in runs), min(run.curve[0][-1] for run in runs)
    pixels = next(open_data(arena.load(one.fit).fit.data) for one in seen if one.fit)
    lines = []
    for condition, several in seen.items():
        areas = [area(run, span) for run in several]
        ends = [run.curve[1][-1] for run in several]
        r2, latency = _probed(env, condition, pixels)
        cells = [condition.name, _interval(areas), _interval(ends), r2, latency, str(len(several))]
        lines.append((iqm(areas), f"| {' | '.join(cells)} |"))
    minutes = sum(run.seconds or 0 for run in runs) / 60
    print(
        f"\n**{env}**, steps {span[0]:,} to {span[1]:,}; {len(runs)} runs, {minutes:.0f} minutes of training\n"
    )
    print(HEAD)
    print("\n".join(line for _, line in sorted(lines, reverse=True)))


def _condition(run: RunRecord) -> Condition:
    if run.encoder is not None:
        mode = run.encoder["mode"]
        name = run.encoder["name"] + ("" if mode == "frozen" else f", {mode}")
        return Condition(name, run.encoder["start"]["run"])
    return Condition(PLAIN[run.env_options["observation"]])


def _probed(env: str, condition: Condition, pixels: Frames) -> tuple[str, str]:
    """R² of a linear probe of the agent's input, and the time to encode a batch."""
    if condition.fit is None:
        frames = np.asarray(pixels.observation[:PROBED])
        return (_r2(env, pixels, frames) if condition.name == PLAIN["pixels"] else "1"), "–"
    loaded = arena.load(condition.fit)
    assert isinstance(loaded, LoadedEncoder)
    frames, encoder = open_data(loaded.fit.data), loaded.encoder
    begin = np.asarray(frames.begin[:PROBED])
    z = codes(encoder, frames.observation, rows=np.arange(min(PROBED, len(frames.begin))), begin=begin)
    x = torch.from_numpy(np.array(frames.observation[:BATCH]))
    with evaluation_mode(encoder):
        seconds = [_seconds(lambda: encoder.encode(x)) for _ in range(30)][5:]
    return _r2(env, frames, z), f"{1000 * statistics.median(seconds):.2g}"


def _r2(env: str, frames: Frames, z: np.ndarray) -> str:
    truth = np.asarray(frames.labels["state"][: len(z)])[:, STATE[env]]
    return f"{max(0.0, probe(z, truth, starts=frames.starts[frames.starts < len(z)], penalty=1e-3).mean):.2f}"


def _seconds(look) -> float:
    before = time.perf_counter()
    look()
    return time.perf_counter() - before


def _interval(values: list[float]) -> str:
    low, high = bootstrap_ci(values) or (float("nan"),) * 2
    return f"{iqm(values):.3g} [{low:.3g}, {high:.3g}]"


if __name__ == "__main__":
    main()
