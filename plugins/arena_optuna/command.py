"""``arena tune FILE.toml``: search for an agent's hyperparameters."""

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
The file is an experiment's, with a table of what is searched:

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

A trial's runs are ordinary run folders. Asking again for a finished study is free; an interrupted one goes on; more
--trials go on from there.
"""


class Tune:
    """The verb."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Adds the arguments of ``arena tune``."""
        parser.description = "Searches for the hyperparameters with which an agent does best, with Optuna."
        parser.epilog = EPILOG
        add = parser.add_argument
        add("file", metavar="FILE", type=Path, help="the experiment, and what is searched")
        add(
            "--trials",
            metavar="N",
            type=whole("--trials"),
            help="how many trials (default: the file's, or 40)",
        )
        add(
            "--workers", metavar="W", type=whole("--workers"), default=1, help="processes to use (default: 1)"
        )
        out = "folder of the study and its runs (default: runs/tune-NAME)"
        add("--out", metavar="DIR", type=Path, help=out)
        add("--json", action="store_true", help="print one JSON object and nothing else")
        add("--quiet", action="store_true", help="draw no progress bar")

    def run(self, args: argparse.Namespace) -> int:
        """Searches, and shows what came of it."""
        _needs_optuna()
        from arena_optuna.definition import Definition
        from arena_optuna.outcome import Outcome
        from arena_optuna.quiet import quiet
        from arena_optuna.study import StudyFolder, refuse_memory

        with only_json(args.json), quiet():
            definition = Definition.read(args.file, args.trials)
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
    from arena.signals import stop_on_signal
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
            raise Interrupted(done, "the same command goes on") from error
    if counted() < wanted:
        raise ArenaError(
            f"all workers died, with {counted()} of {wanted} trials done", "the same command goes on"
        )


def _needs_optuna() -> None:
    try:
        import optuna  # noqa: F401
    except ModuleNotFoundError as error:
        raise ArenaError("arena tune needs Optuna", "pip install 'arena-rl[optuna]'") from error


command = Tune()
