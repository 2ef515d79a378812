"""Kills runs of every kind at random instants and before file operations, and compares the bytes: the wide proof.

``python tests/wide_kills.py agents|encoders|modes|commands [--only NAME] [--seconds S]`` prints a row for each case and
the sums, which docs/results.md records. Every child is a fork of this process, so that nothing is imported again; it
saves a checkpoint after every turn. A case is identical if two kinds of runs end in the bytes of an uninterrupted one:
one that is killed up to eight times at random instants, and, for each kind of operation (open, rename, mkdir, remove,
truncate), one that is killed before a random operation of this kind.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent / "core"))
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp()

import torch
from agent_cases import CASES, small

from arena.cli import main as arena
from arena.encoders.compatibility import encoder_class_of
from arena.errors import ArenaError
from arena.frames.fits import resolve_fit
from arena.plugins.discovery import get_plugins
from arena.runs.layout import find_runs
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.testing import contents, difference
from arena.training import session
from arena.training.runner import execute

torch.set_num_threads(1)

#: Kills at random instants of each case.
KILLS = 8

#: Audit events before which a process is killed.
OPERATIONS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate")

#: Encoders that need a whole epoch, or episodes that are longer than a window, with the frames to collect.
ORDERED = {
    "pca": {"frames": 40},
    "recurrent-ae": {"frames": 200, "num_envs": 2},
}

#: Environment of the encoders, with its option.
ROOMS, PIXELS = "arena/FourRooms-v0", {"observation": "pixels", "tile_size": 1}

#: Longest time of a child in seconds.
LIMIT = 300

Work = Callable[[Path], object]


def operation(event: str, arguments: tuple[object, ...]) -> bool:
    """Whether an audit event is an operation on a file of a run."""
    if event not in OPERATIONS or not arguments:
        return False
    name = arguments[0]
    if not isinstance(name, str):
        return False
    written = event != "open" or (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR))
    return bool(written) and ("/runs/" in name or not name.startswith("/"))


def fork(work: Work, out: Path, kill: tuple[str, int] | None = None, count: Path | None = None) -> int:
    """Starts a child that works on a folder; it kills itself before an operation, or counts operations."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.setsid()
        seen: Counter[str] = Counter()

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            if operation(event, arguments):
                seen[event] += 1
                if kill == (event, seen[event]):
                    os.killpg(0, signal.SIGKILL)

        sys.addaudithook(hook)
        session.CHECKPOINT_SECONDS, session.PACE_SECONDS = 0.0, 0.001
        log = os.open(os.devnull, os.O_WRONLY)
        os.dup2(log, 1)
        os.dup2(log, 2)
        work(out)
        status = 0
        if count is not None:
            count.write_text(repr(dict(seen)))
    except BaseException:
        (out.parent / "error.txt").write_text(traceback.format_exc())
    finally:
        os._exit(status)


def wait(child: int, seconds: float) -> int | None:
    """Waits for a child; kills its process group after some seconds and returns None."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def bytes_of(out: Path) -> dict[str, object]:
    """What must not depend on kills in every run of a folder."""
    return {path.name: contents(Run.open(path)) for path in find_runs(out)}


def prove(name: str, work: Work, prepare: Work, folder: Path, seconds: float) -> tuple[int, int, str]:
    """Kills one case; returns the numbers of kills at random instants and at operations, and what differs."""
    draw = random.Random(zlib.crc32(name.encode()))

    def fresh(label: str) -> Path:
        out = folder / label / "runs"
        out.mkdir(parents=True)
        prepare(out)
        return out

    out, began = fresh("whole"), time.monotonic()
    status = wait(fork(work, out, count=folder / "count"), LIMIT)
    took = time.monotonic() - began
    if status != 0:
        return 0, 0, f"the whole run ended with {status}: {_error(out)}"
    expected, counted = bytes_of(out), dict(eval((folder / "count").read_text()))
    until, random_kills, operation_kills = began + seconds, 0, 0
    out = fresh("random")
    for _ in range(KILLS):
        random_kills += wait(fork(work, out), draw.uniform(0.02, 0.7 * took)) is None
    problem = _end(work, out, expected)
    for event, total in counted.items():
        if problem or time.monotonic() > until:
            break
        out = fresh(event)
        status = wait(fork(work, out, kill=(event, draw.randint(1, total))), LIMIT)
        operation_kills += status == -signal.SIGKILL
        problem = _end(work, out, expected)
        problem = problem and f"{event}: {problem}"
    return random_kills, operation_kills, problem


def _end(work: Work, out: Path, expected: dict[str, object]) -> str:
    status = wait(fork(work, out), LIMIT)
    if status != 0:
        return f"resuming ended with {status}: {_error(out)}"
    return difference(expected, bytes_of(out)) or ""


def _error(out: Path) -> str:
    path = out.parent / "error.txt"
    return path.read_text().strip().splitlines()[-1][:200] if path.exists() else ""


def agents() -> Iterator[tuple[str, Work, Work]]:
    for case in CASES:
        with small(case) as (agent, env, settings):
            steps = int(settings.get("steps", 400))
            experiment = resolve_experiment(
                agent,
                env,
                seeds=[0],
                steps=steps,
                evaluate_every=max(1, steps // 3),
                log_every=max(1, steps // 9),
                horizon=20,
                episodes=1,
                trackers=[],
            )
            yield f"{case.agent} {case.env}", *_training(experiment)


def _training(spec):
    """The work on a run of an experiment or a fit, and its preparation."""

    def prepare(out: Path) -> None:
        Run.prepare(spec, 0, out)

    def work(out: Path) -> None:
        [path] = find_runs(out)
        execute(Run.open(path))

    return work, prepare


def fits(folder: Path):
    """A small fit of every encoder, to frames that it takes."""
    for spec in get_plugins().encoders.values():
        rooms = (ROOMS, {"env_options": PIXELS, **ORDERED.get(spec.name, {"frames": 40})})
        for source, more in [rooms] if spec.name in ORDERED else [("digits", {}), rooms]:
            with contextlib.suppress(ArenaError):
                chosen = {"steps": 12 if spec.name in ORDERED else 6, "evaluate_every": 2, "batch_size": 4}
                fit = resolve_fit(spec.name, source, seeds=[0], trackers=[], log_every=1, **chosen, **more)
                yield spec.name, source, fit
                break


def encoders(folder: Path) -> Iterator[tuple[str, Work, Work]]:
    for name, source, fit in fits(folder):
        yield f"fit {name} {source}", *_training(fit)


def modes(folder: Path) -> Iterator[tuple[str, Work, Work]]:
    for spec in get_plugins().encoders.values():
        if not hasattr(encoder_class_of(spec), "encode"):
            continue
        with contextlib.suppress(ArenaError):
            settings = {"steps": 12, "evaluate_every": 6, "batch_size": 4, "frames": 40}
            settings |= ORDERED.get(spec.name, {})
            fit = resolve_fit(spec.name, ROOMS, env_options=PIXELS, seeds=[0], trackers=[], **settings)
            run = Run.prepare(fit, 0, folder / "fits")
            execute(run)
            for mode in ("frozen", "finetune", "joint"):
                with contextlib.suppress(ArenaError):
                    experiment = resolve_experiment(
                        "ppo",
                        ROOMS,
                        env_options=PIXELS,
                        encoder=str(run.folder),
                        encoder_options={"mode": mode},
                        agent_options={
                            "rollout_steps": 8,
                            "hidden_sizes": [8],
                            "num_minibatches": 1,
                            "n_epochs": 1,
                        },
                        seeds=[0],
                        steps=32,
                        num_envs=2,
                        evaluate_every=16,
                        horizon=5,
                        episodes=1,
                        trackers=[],
                    )
                    yield f"ppo with {spec.name} {mode}", *_training(experiment)


def commands(folder: Path) -> Iterator[tuple[str, Work, Work]]:
    sweep = folder / "sweep.toml"
    sweep.write_text(
        'steps = 600\nseeds = 2\ntrackers = []\nhorizon = 20\n[[grid]]\nagent = ["q-learning", "sarsa", "dyna-q"]\n'
        'env = ["arena/CliffWalk-v0", "FrozenLake-v1"]\n'
    )
    tune = folder / "tune.toml"
    tune.write_text(
        'steps = 400\nseeds = 1\ntrackers = []\n[agent]\nname = "q-learning"\n[env]\nid = "arena/CliffWalk-v0"\n'
        '[search]\n"agent.learning_rate" = { low = 0.05, high = 1.0 }\n[study]\ntrials = 4\n'
    )

    def nothing(out: Path) -> None:
        return

    def words(*line: str) -> Work:
        def work(out: Path) -> None:
            status = arena([*line, "--out", str(out), "--quiet"])
            if status:
                raise SystemExit(status)

        return work

    yield "sweep, one process", words("sweep", str(sweep), "--workers", "1"), nothing
    yield "sweep, two processes", words("sweep", str(sweep), "--workers", "2"), nothing
    yield "tune", words("tune", str(tune)), nothing
    yield "sweep with Ray", words("sweep", str(sweep), "--workers", "2", "--launcher", "ray"), nothing


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("agents", "encoders", "modes", "commands"))
    parser.add_argument("--only", default="", help="part of the names of the cases")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="time after which a case begins no new kill"
    )
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    os.chdir(folder)
    cases = agents() if args.kind == "agents" else globals()[args.kind](folder)
    tried = at_random = at_operations = different = 0
    for name, work, prepare in cases:
        if args.only not in name:
            continue
        began = time.monotonic()
        one, two, problem = prove(name, work, prepare, folder / f"case{tried}", args.seconds)
        shutil.rmtree(folder / f"case{tried}", ignore_errors=True)
        tried, at_random, at_operations = tried + 1, at_random + one, at_operations + two
        different += bool(problem)
        print(
            f"{name:50} {one:2} {two:2} {time.monotonic() - began:6.1f} s  {problem or 'identical'}",
            flush=True,
        )
    print(f"{tried} cases, {at_random} kills at random instants, {at_operations} before operations: ", end="")
    print(f"{tried - different} identical, {different} not")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
