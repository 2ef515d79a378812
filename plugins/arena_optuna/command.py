"""The command ``arena tune FILE.toml``: searches for an agent's hyperparameters."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from arena.cli.output import only_json, print_json
from arena.cli.parser import whole
from arena.errors import ArenaError, Interrupted

if TYPE_CHECKING:
    from arena_optuna.definition import Definition
    from arena_optuna.study import StudyFolder

__all__ = ["Tune", "command"]

EPILOG = """\
The file is an experiment's, with a table of the options to search:

  steps = 50_000
  seeds = 3
  [agent]
  name = "q-learning"
  [env]
  id = "arena/CliffWalk-v0"
  [search]
  "agent.learning_rate" = { low = 0.01, high = 1.0, log = true }
  "agent.epsilon" = [0.01, 0.05, 0.1]
  [study]
  trials = 40

A trial's runs are ordinary run folders. Repeating the command for a finished study costs nothing; an interrupted study
continues, and so does one with more --trials.
"""


class Tune:
    """The command ``tune``."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Adds the arguments of ``arena tune``."""
        parser.description = (
            "Searches for the hyperparameters with which an agent gets the highest returns, with Optuna."
        )
        parser.epilog = EPILOG
        add = parser.add_argument
        add("file", metavar="FILE", type=Path, help="TOML file with the experiment and the options to search")
        add(
            "--trials",
            metavar="N",
            type=whole("--trials"),
            help="number of trials, complete or pruned (default: the file's, or 40)",
        )
        add(
            "--workers",
            metavar="W",
            type=whole("--workers"),
            default=1,
            help="number of processes (default: 1)",
        )
        out = "folder for the study and its runs (default: runs/tune-NAME)"
        add("--out", metavar="DIR", type=Path, help=out)
        add("--json", action="store_true", help="print one JSON object and nothing else")
        add("--quiet", action="store_true", help="show no progress")

    def run(self, args: argparse.Namespace) -> int:
        """Runs the search and prints its result."""
        _needs_optuna()
        from arena_optuna.definition import Definition
        from arena_optuna.outcome import Outcome
        from arena_optuna.quiet import quiet
        from arena_optuna.study import StudyFolder, refuse_memory

        with only_json(args.json), quiet():
            definition = Definition.from_file(args.file, args.trials)
            out = args.out or Path("runs") / f"tune-{definition.name}"
            if args.workers > 1:
                refuse_memory(definition, out)
            with StudyFolder(definition, out) as folder:
                _search(definition, folder, args.workers, silent=args.quiet)
                outcome = Outcome(folder, args.workers)
                found = outcome.to_dict()
                if not args.json:
                    outcome.show()
        if args.json:
            print_json(found)
        return 0


def _search(definition: Definition, folder: StudyFolder, workers: int, *, silent: bool) -> None:
    from arena.launch.signals import stop_on_signal
    from arena_optuna.display import following
    from arena_optuna.study import COUNTED
    from arena_optuna.work import work
    from arena_optuna.workers import work_in_processes

    def counted() -> int:
        return sum(trial.state in COUNTED for trial in folder.trials)

    wanted = definition.settings.trials
    if counted() >= wanted:
        return
    with stop_on_signal() as stop, following(folder, lambda: stop.raised, silent=silent) as news:
        try:
            if workers > 1:
                work_in_processes(definition, folder.out, min(workers, wanted - counted()), news)
            else:
                work(folder, news)
        except Interrupted as error:
            done = f"stopped with {counted()} of {wanted} trials done"
            raise Interrupted(done, "run the same command again to continue") from error
    if counted() < wanted:
        raise ArenaError(
            f"all workers died, with {counted()} of {wanted} trials done",
            "run the same command again to continue",
        )


def _needs_optuna() -> None:
    try:
        import optuna  # noqa: F401
    except ModuleNotFoundError as error:
        raise ArenaError("arena tune needs Optuna", "pip install 'arena-rl[optuna]'") from error


command = Tune()
