"""What a notebook calls: train, load, and the results as a table."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.errors import ArenaError
from arena.experiments.experiment import Experiment
from arena.experiments.training_spec import TrainingSpec
from arena.launch.local import execute_all
from arena.results.progress_bar import progress_bar
from arena.results.results import Results
from arena.runs.listener import Listener
from arena.runs.loaded_agent import LoadedAgent
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run, common_steps, trained_longer
from arena.runs.snapshots import LAST

if TYPE_CHECKING:
    import gymnasium as gym

    from arena.runs.loaded_encoder import LoadedEncoder

__all__ = ["load", "train", "train_experiment"]


def train(
    agent: str,
    env: str | Callable[..., gym.Env[Any, Any]] | gym.Env[Any, Any],
    *,
    steps: int | None = None,
    seeds: int | Sequence[int] | None = None,
    workers: int = 1,
    out: str | Path = "runs",
    listener: Listener | None = None,
    progress: bool = True,
    **settings: Any,
) -> Results:
    """Trains an agent in an environment, or resumes what an earlier call began; a finished experiment is free.

    Args:
        agent: an agent's name, as `arena list agents` shows them.
        env: a Gymnasium id, a function that makes an environment, or an environment with a spec.
        steps: environment steps (a planner's sweeps) of each run; None takes the preset's.
        seeds: how many seeds (0, 1, …), or which; None takes the preset's.
        workers: processes to use.
        out: the folder of runs.
        listener: follows the runs; by default a progress bar.
        progress: whether to draw the progress bar.
        settings: anything else that `arena.runs.resolve.resolve_experiment` takes, such as
        ``agent_options={"discount": 0.9}``.

    Raises:
        ArenaError: what was wrong, with what, and the remedy.

    Example:
        >>> results = arena.train("q-learning", "arena/CliffWalk-v0", seeds=3)  # doctest: +SKIP
        >>> results.summary["optimum"]  # doctest: +SKIP
        -13.0
    """
    experiment = resolve_experiment(agent, env, steps=steps, seeds=seeds, **settings)
    return train_experiment(experiment, out=out, workers=workers, listener=listener, progress=progress)


def train_experiment(
    spec: TrainingSpec,
    *,
    out: str | Path = "runs",
    workers: int = 1,
    listener: Listener | None = None,
    progress: bool = True,
) -> Results:
    """Trains every seed of an experiment, or fits every seed of a fit; see `train`."""
    if workers > 1 and spec.in_memory:
        raise ArenaError("an environment given as a function trains in this process only", "use workers=1")
    runs = [Run.prepare(spec, seed, Path(out)) for seed in spec.seeds]
    return execute_runs(spec, runs, workers=workers, listener=listener, progress=progress)


def execute_runs(
    spec: TrainingSpec,
    runs: Sequence[Run],
    *,
    workers: int = 1,
    listener: Listener | None = None,
    progress: bool = True,
) -> Results:
    """Trains runs that are prepared already, behind a progress bar unless a listener is given."""
    with contextlib.ExitStack() as stack:
        if listener is None:
            listener = stack.enter_context(progress_bar(runs, drawn=progress))
        steps = common_steps(runs)
        if steps > spec.steps:
            listener.noticed(runs[0], trained_longer(steps))
        results = execute_all(runs, listener, workers)
    return Results.from_runs(dataclasses.replace(spec, steps=steps), runs, results)


def load(run: str | Path, which: str = LAST) -> LoadedAgent | LoadedEncoder:
    """The trained agent of a run folder, or the fitted encoder.

    Args:
        run: the folder.
        which: ``last``, ``best`` or a number of steps; see `LoadedAgent` and `arena.runs.loaded_encoder.LoadedEncoder`.

    Raises:
        ArenaError: if the folder is no run, or has trained nothing yet.

    Example:
        >>> agent = arena.load("runs/q-learning_arena-CliffWalk-v0_seed0_…")  # doctest: +SKIP
        >>> agent.act(36)  # doctest: +SKIP
        0
    """
    opened = Run.open(Path(run))
    if isinstance(opened.spec, Experiment):
        return LoadedAgent(opened, which)
    from arena.runs.loaded_encoder import LoadedEncoder  # which needs torch

    return LoadedEncoder(opened, which)
