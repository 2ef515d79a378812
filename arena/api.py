"""What a notebook calls: train, load, and the results as a table."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from arena.agents.actor import Mind
from arena.agents.base import Agent
from arena.errors import ArenaError
from arena.experiments.experiment import Experiment
from arena.experiments.snapshot_reference import LAST, read_snapshot, snapshot_folder
from arena.launch.local import execute_all
from arena.random.generators import Generators
from arena.runs.run import Run
from arena.statistics.summary import summarise
from arena.training.agent import build_agent, equip
from arena.training.runner import Listener, fits_this_version

if TYPE_CHECKING:
    import gymnasium as gym

    from arena.runs.loaded_encoder import LoadedEncoder

__all__ = ["LoadedRun", "Results", "load", "load_agent", "train", "train_experiment"]


@dataclass(frozen=True)
class Results:
    """What the runs of one experiment came to.

    Attributes:
        experiment: what was run.
        runs: one dict a seed: path, seed, steps, seconds, and the evaluation's returns and mean.
        summary: mean, iqm, ci95, optimum, policy_value and gap; None where unknown. The unit of resampling is
            the seed; the gap is the optimum less the policies' exact value where that is known, and less the
            mean return otherwise.
    """

    experiment: Experiment
    runs: list[dict[str, Any]]
    summary: dict[str, Any]

    @classmethod
    def of(cls, experiment: Experiment, runs: Sequence[Run], results: Sequence[Mapping[str, Any]]) -> Results:
        """Gathers the results of an experiment's runs."""
        rows = [
            {
                "path": str(run.folder),
                "seed": run.seed,
                "steps": result["steps"],
                "seconds": run.seconds,
                "evaluation": result["evaluation"],
            }
            for run, result in zip(runs, results, strict=True)
        ]
        return cls(experiment, rows, _summary(results))

    def to_dict(self) -> dict[str, Any]:
        """The object that ``arena train --json`` prints."""
        return {"experiment": self.experiment.to_dict(), "runs": self.runs, "summary": self.summary}

    def __repr__(self) -> str:
        from arena.results.text import results_text

        return results_text(self)


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
        settings: anything else that `Experiment.create` takes, such as ``agent_options={"discount": 0.9}``.

    Raises:
        ArenaError: what was wrong, with what, and the remedy.

    Example:
        >>> results = arena.train("q-learning", "arena/CliffWalk-v0", seeds=3)  # doctest: +SKIP
        >>> results.summary["optimum"]  # doctest: +SKIP
        -13.0
    """
    experiment = Experiment.create(agent, env, steps=steps, seeds=seeds, **settings)
    return train_experiment(experiment, out=out, workers=workers, listener=listener, progress=progress)


def train_experiment(
    experiment: Experiment,
    *,
    out: str | Path = "runs",
    workers: int = 1,
    listener: Listener | None = None,
    progress: bool = True,
) -> Results:
    """Trains every seed of an experiment; see `train`."""
    if workers > 1 and experiment.in_memory:
        raise ArenaError("an environment given as a function trains in this process only", "use workers=1")
    runs = [Run.prepare(experiment, seed, Path(out)) for seed in experiment.seeds]
    return execute_runs(experiment, runs, workers=workers, listener=listener, progress=progress)


def execute_runs(
    experiment: Experiment,
    runs: Sequence[Run],
    *,
    workers: int = 1,
    listener: Listener | None = None,
    progress: bool = True,
) -> Results:
    """Trains runs that are prepared already, behind a progress bar unless a listener is given."""
    with contextlib.ExitStack() as stack:
        if listener is None:
            from arena.results.progress_bar import progress_bar

            listener = stack.enter_context(progress_bar(runs, drawn=progress))
        _refuse_mixture(experiment, runs, listener)
        results = execute_all(runs, listener, workers)
    done = dataclasses.replace(experiment, steps=max(run.experiment.steps for run in runs))
    return Results.of(done, runs, results)


def _refuse_mixture(experiment: Experiment, runs: Sequence[Run], listener: Listener) -> None:
    """A summary is over runs of one length; runs that have gone further than asked are said to have."""
    lengths = sorted({run.experiment.steps for run in runs})
    if len(lengths) > 1:
        raise ArenaError(
            f"some of these runs have gone to {lengths[-1]:,} steps before, the others are to go to {lengths[0]:,}",
            f"ask for --steps {lengths[-1]}, or choose another --out",
        )
    if lengths[0] > experiment.steps:
        listener.noticed(runs[0], f"trained to {lengths[0]:,} steps before: the results are of those")


class LoadedRun:
    """A trained agent, ready to act.

    Args:
        run: the run.
        which: ``last``, its newest checkpoint or else snapshot; ``best``, the snapshot of its best evaluation; or
            the snapshot after so many steps, such as ``20000``; None for the agent before its first one.

    Raises:
        ArenaError: if the run has trained nothing yet, or has no such snapshot.
    """

    def __init__(self, run: Run, which: str | None = LAST) -> None:
        self.run = run
        self.generators = Generators(run.seed)
        self.factory, features = equip(run.experiment, run.encoder, self.generators)
        self.agent: Agent = build_agent(run.experiment, self.factory, self.generators, features=features)
        self.steps = 0 if which is None else self._restore(which)
        self.mind = Mind(self.agent, self.factory, self.generators)

    def act(self, observation: Any, *, explore: bool = False) -> Any:
        """The action for one observation of the environment, as the environment takes it.

        An agent with memory goes on from the call before; `reset` begins an episode.

        Args:
            observation: one observation, as ``env.reset()`` and ``env.step()`` return it.
            explore: whether to act as in training.
        """
        return self.mind.act(observation, explore=explore)

    def reset(self) -> None:
        """Forgets the episode so far."""
        self.mind.reset()

    def _restore(self, which: str) -> int:
        mine = self.run.experiment.id(self.run.seed)
        loaded = (
            self.run.checkpoints.load(lambda info: bool(info.get("id") == mine)) if which == LAST else None
        )
        with fits_this_version(self.run), self.generators.lent("agent"):
            if loaded is not None:
                self.agent.load_state_dict(loaded.state["agent"])
                return int(loaded.info["step"])
            folder = snapshot_folder(self.run, which)
            self.agent.load_snapshot(read_snapshot(folder))
        return int(folder.name)


def load(run: str | Path, which: str = LAST) -> LoadedRun | LoadedEncoder:
    """The trained agent of a run folder, or the fitted encoder.

    Args:
        run: the folder.
        which: ``last``, ``best`` or a number of steps; see `LoadedRun` and `arena.runs.loaded_encoder.LoadedEncoder`.

    Raises:
        ArenaError: if the folder is no run, or has trained nothing yet.

    Example:
        >>> agent = arena.load("runs/q-learning_arena-CliffWalk-v0_seed0_…")  # doctest: +SKIP
        >>> agent.act(36)  # doctest: +SKIP
        0
    """
    from arena.experiments.fit import Fit

    opened = Run.open(Path(run))
    if isinstance(opened.experiment, Fit):
        from arena.runs.loaded_encoder import LoadedEncoder

        return LoadedEncoder(opened, which)
    return LoadedRun(opened, which)


def load_agent(run: str | Path, which: str = LAST) -> LoadedRun:
    """The trained agent of a run folder.

    Raises:
        ArenaError: as `load` does, or if the run fitted an encoder.
    """
    loaded = load(run, which)
    if isinstance(loaded, LoadedRun):
        return loaded
    encoder = loaded.run.experiment.agent
    raise ArenaError(
        f"{run} fitted the encoder {encoder}, which does not act", "look at it with `arena gallery`"
    )


def _summary(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    summary = summarise([result["evaluation"]["mean"] for result in results])
    best = results[0]["optimum"]
    own = [result["policy_value"] for result in results]
    value = None if None in own else float(np.mean(own))
    return {
        "mean": summary.mean,
        "iqm": summary.iqm,
        "ci95": None if summary.ci95 is None else list(summary.ci95),
        "optimum": best,
        "policy_value": value,
        "gap": None if best is None else best - (summary.mean if value is None else value),
    }
