"""Laws of resuming: an interrupted or killed run ends in the bytes of an uninterrupted one."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from arena.errors import Interrupted
from arena.experiments.experiment import Experiment
from arena.runs.listener import Listener
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.streams.base import Progress
from arena.testing.cases import agent_law
from arena.testing.errors import DoesNotApply, LawError, require
from arena.testing.kills import killed
from arena.testing.trial import difference
from arena.training import session
from arena.training.runner import execute

__all__ = ["Uninterrupted", "contents", "resumes_exactly", "survives_kills"]

STEPS = 300

FORGOTTEN = (
    "store everything that the loop of `train` needs in state_dict, and restore it in load_state_dict; the state at "
    "every yield must be that at the beginning of `train`, and metrics must not depend on where a session began"
)


class Uninterrupted:
    """Small uninterrupted run, with which interrupted runs of the same experiment are compared.

    Args:
        experiment: an experiment or a fit, of which the first seed is run.
        folder: parent folder of the runs.
    """

    def __init__(self, experiment: Experiment, folder: Path) -> None:
        self.folder, self.experiment = folder, experiment
        self._count = 0
        run = self._prepare()
        self._steps = int(execute(run, _Stopper())["steps"])
        self._expected = contents(run)

    @classmethod
    def of(
        cls, agent: str, env: str, folder: Path, *, num_envs: int = 1, steps: int = STEPS, **settings: Any
    ) -> Uninterrupted:
        """A small run of an agent; `settings` are further arguments of `resolve_experiment`."""
        settings |= {"seeds": [3], "horizon": 30, "episodes": 3}
        settings |= {"evaluate_every": max(1, steps // 3), "log_every": max(1, steps // 20)}
        return cls(resolve_experiment(agent, env, num_envs=num_envs, steps=steps, **settings), folder)

    def check_interrupted(self, plan: Sequence[int]) -> None:
        """Interrupts a run after the planned numbers of turns, resumes it each time, and compares the outcomes.

        Raises:
            LawError: the outcome differs from the uninterrupted run's.
            DoesNotApply: the environment cannot be replayed.
        """
        run = self._prepare()
        for turns in plan:
            with contextlib.suppress(Interrupted), _yield_by_yield():
                execute(run, _Stopper(turns))
                break
            run = Run.open(run.folder)
        execute(run, _Stopper())
        self._compare(run, f"stopped after {', '.join(map(str, plan))} turns and resumed")

    def check_killed(self, kills: int, seed: int = 0) -> int:
        """Kills (SIGKILL) a run at random instants, resumes it with another PYTHONHASHSEED, and compares the outcomes.

        Args:
            kills: number of kills.
            seed: seed of the random instants.

        Returns:
            Number of processes that were killed before the run had ended.

        Raises:
            LawError: the outcome differs from the uninterrupted run's, or a process failed.
        """
        run = self._prepare()
        hits = killed(run, self._steps, kills, seed)
        self._compare(run, f"killed {hits} times and resumed")
        return hits

    def _prepare(self) -> Run:
        self._count += 1
        return Run.prepare(self.experiment, self.experiment.seeds[0], self.folder / str(self._count))

    def _compare(self, run: Run, how: str) -> None:
        where = difference(self._expected, contents(run))
        require(where is None, f"a run {how} differs from an uninterrupted run: {where}", FORGOTTEN)


@agent_law
def resumes_exactly(
    agent: str,
    env: str,
    *,
    num_envs: int = 1,
    steps: int = STEPS,
    plans: Sequence[Sequence[int]] = ((1, 1, 1, 1), (2, 7, 11, 50)),
) -> None:
    """A run that is stopped after some turns and resumed ends in the bytes of an uninterrupted run.

    Agent, stream, random numbers, metrics, snapshots and result are compared.

    Args:
        agent: name or class of the agent.
        env: id of the environment.
        num_envs: number of lanes.
        steps: environment steps to train.
        plans: for each run, the numbers of turns after which its sessions are stopped.
    """
    with _folder() as folder:
        reference = Uninterrupted.of(agent, env, folder, num_envs=num_envs, steps=steps)
        for plan in plans:
            reference.check_interrupted(plan)


@agent_law
def survives_kills(
    agent: str, env: str, *, num_envs: int = 1, steps: int = STEPS, kills: int = 3, seed: int = 0
) -> None:
    """A run that is killed (SIGKILL) at random instants and resumed ends in the bytes of an uninterrupted run.

    Each session is a process of its own with another PYTHONHASHSEED, which costs two seconds or more.

    Args:
        agent: name or class of the agent.
        env: id of the environment.
        num_envs: number of lanes.
        steps: environment steps to train.
        kills: number of kills.
        seed: seed of the random instants.
    """
    with _folder() as folder:
        reference = Uninterrupted.of(agent, env, folder, num_envs=num_envs, steps=steps)
        hits = reference.check_killed(kills, seed)
        require(hits > 0, "no kill came before the end of the run", "train for more steps")


def contents(run: Run) -> dict[str, object]:
    """Contents of a run that must not depend on interruptions: its files, and the newest checkpoint's state."""
    files: dict[str, object] = {
        str(path.relative_to(run.folder)): path.read_bytes()
        for path in [run.metrics, run.folder / "result.json", *sorted(run.snapshots.rglob("*"))]
        if path.is_file() and not path.name.startswith(".")  # a killed process may leave a part of a file
    }
    loaded = run.checkpoints.load()
    return {**files, "checkpoint": None if loaded is None else {"state": loaded.state, "info": loaded.info}}


class _Stopper(Listener):
    """Stops a run after a number of turns, and turns every notice of the runner into an error."""

    def __init__(self, turns: int | None = None) -> None:
        self._left = turns

    def progressed(self, run: Run, progress: Progress, evaluation: float | None) -> None:
        if self._left is not None:
            self._left -= 1

    def stopping(self) -> bool:
        return self._left is not None and self._left <= 0

    def noticed(self, run: Run, text: str) -> None:
        if "cannot be resumed mid-episode" in text:
            raise DoesNotApply(text)
        raise LawError(f"the run printed a notice: {text}", "an orderly stop must leave a valid checkpoint")


@contextlib.contextmanager
def _yield_by_yield() -> Iterator[None]:
    """Makes the runner ask its listener after every yield, and limits each turn to one step."""
    before = session.PACE_SECONDS
    session.PACE_SECONDS = 0.0
    try:
        yield
    finally:
        session.PACE_SECONDS = before


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="arena-laws-") as name:
        yield Path(name)
