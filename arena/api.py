"""Python interface: training of agents, and loading of trained agents and fitted encoders."""

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
from arena.plugins.trust import noting_together, trusting
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
    trust: bool = False,
    **settings: Any,
) -> Results:
    """Train an agent in an environment, or resume an earlier call; a finished experiment is not trained again.

    Args:
        agent: name of the agent; see `arena list agents`.
        env: a Gymnasium id, a function that makes an environment, or an environment with a spec.
        steps: environment steps (a planner's sweeps) of each run; None for the preset's.
        seeds: number of seeds (0, 1, …), or a list of seeds; None for the preset's.
        workers: number of processes.
        out: folder of run folders.
        listener: listener to the events of the runs; by default a progress bar.
        progress: whether to draw the progress bar.
        trust: whether to import the code that the runs given as ``start`` or ``encoder`` name; see `load`.
        settings: other arguments of `arena.runs.resolve.resolve_experiment`, such as
            ``agent_options={"discount": 0.9}``.

    Raises:
        ArenaError: an argument is invalid, or training failed.

    Example:
        >>> results = arena.train("q-learning", "arena/CliffWalk-v0", seeds=3)  # doctest: +SKIP
        >>> results.summary["optimum"]  # doctest: +SKIP
        -13.0
    """
    with trusting(trust):
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
    """Train every seed of an experiment or a fit; see `train`."""
    if workers > 1 and spec.in_memory:
        raise ArenaError("an environment given as a function trains in this process only", "use workers=1")
    with noting_together():
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
    """Train prepared runs, with a progress bar unless a listener is given."""
    with contextlib.ExitStack() as stack:
        if listener is None:
            listener = stack.enter_context(progress_bar(runs, drawn=progress))
        steps = common_steps(runs)
        if steps > spec.steps:
            listener.noticed(runs[0], trained_longer(steps))
        results = execute_all(runs, listener, workers)
    return Results.from_runs(dataclasses.replace(spec, steps=steps), runs, results)


def load(run: str | Path, which: str = LAST, *, trust: bool = False) -> LoadedAgent | LoadedEncoder:
    """Load the trained agent or the fitted encoder of a run folder.

    Args:
        run: the run folder.
        which: ``last``, ``best`` or a number of steps; see `LoadedAgent` and `arena.runs.loaded_encoder.LoadedEncoder`.
        trust: whether to import the environment and the wrappers that the folder names, which runs their code. Runs
            that this user made, and code of plugins, need no trust; a trusted run is remembered.

    Raises:
        ArenaError: the folder is not a run, names code that is not trusted, or has no such snapshot.

    Example:
        >>> agent = arena.load("runs/q-learning_arena-CliffWalk-v0_seed0_…")  # doctest: +SKIP
        >>> agent.act(36)  # doctest: +SKIP
        0
    """
    with trusting(trust):
        opened = Run.open(Path(run))
    if isinstance(opened.spec, Experiment):
        return LoadedAgent(opened, which)
    from arena.runs.loaded_encoder import LoadedEncoder  # which needs torch

    return LoadedEncoder(opened, which)
