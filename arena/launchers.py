"""Where the runs of a sweep are trained: what every launcher promises, and the one that comes with arena."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, TypeAlias

from arena.config import Between
from arena.errors import ArenaError
from arena.run import Run
from arena.runner import Listener

__all__ = ["Launcher", "Local", "Outcome"]

Outcome: TypeAlias = dict[str, Any] | ArenaError
"""What became of one run: what its ``result.json`` holds, or why it has none."""


class Launcher(Protocol):
    """What a `LauncherSpec`'s target makes, called as ``target(config, workers)``.

    A target is a class with its options as a nested dataclass `Config`, as an agent's; a sweep's file sets them in
    its ``[launcher]`` table.
    """

    def launch(self, runs: Sequence[Run], listener: Listener) -> list[Outcome]:
        """Trains runs to their ends; what became of each, in the same order.

        A worker opens the run's folder, which it shares with this process, and calls `arena.runner.execute`. It
        uses one core. One that dies is replaced, and its run goes on from its checkpoint, a few times. A run that
        another process trains is waited for, and has that process's result. A run that fails harms no other.

        Args:
            runs: prepared runs.
            listener: follows them all, in this process.

        Raises:
            Interrupted: the listener said to stop; every run that had begun has a checkpoint.
        """
        ...


class Local:
    """Processes of this machine."""

    @dataclass(frozen=True)
    class Config:
        """Options of the local launcher."""

        retries: Annotated[int, Between(0)] = 2
        """how often a run is begun again after its worker died"""

    def __init__(self, config: Config, workers: int) -> None:
        self._config, self._workers = config, workers

    def launch(self, runs: Sequence[Run], listener: Listener) -> list[Outcome]:
        """Trains the runs, one in a process at a time."""
        from arena.parallel import outcomes

        return outcomes(runs, listener, self._workers, self._config.retries)
