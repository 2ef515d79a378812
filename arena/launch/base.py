"""Launchers, which train the runs of a sweep: the protocol, and the built-in local launcher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias, cast

from arena.config.options import coerce
from arena.errors import ArenaError, unknown_name
from arena.plugins.discovery import get_plugins
from arena.plugins.specs import LOCAL, LauncherSpec
from arena.runs.listener import Listener
from arena.runs.run import Run

__all__ = [
    "BUSY",
    "Launcher",
    "Outcome",
    "launcher_class",
    "launcher_named",
    "launchers",
    "make_launcher",
]

#: Notice about a run that another process is training; the progress bar counts such runs.
BUSY = "another process trains it; waiting"

Outcome: TypeAlias = dict[str, Any] | ArenaError
"""Outcome of one run: the content of its ``result.json``, or the error that prevented it."""


class Launcher(Protocol):
    """Protocol of a launcher; a `LauncherSpec`'s target makes one as ``target(config, workers)``.

    The target is a class with its options as a nested dataclass `Config`, like an agent; a sweep's file sets them in
    its ``[launcher]`` table.
    """

    def launch(self, runs: Sequence[Run], listener: Listener) -> list[Outcome]:
        """Train runs until they end, and return the outcome of each, in the same order.

        A worker opens the run's folder, which it shares with this process, and calls
        `arena.training.runner.execute`. It uses one core. A worker that dies is replaced, and its run continues from
        its checkpoint, a few times. If another process is training a run, the launcher notifies the listener with
        `BUSY`, waits, and uses that process's result. A run that fails does not affect the others. An activity of the
        launcher itself, such as "starting a cluster…", goes to `Listener.announced`.

        Args:
            runs: prepared runs.
            listener: listener to the events of all runs, in this process.

        Raises:
            Interrupted: the listener requested a stop; every run that had started has a checkpoint.
        """
        ...


def launchers() -> dict[str, LauncherSpec]:
    """Return every launcher by name: those of plugins, and ``local``, which plugins cannot replace."""
    found = {**get_plugins().launchers, LOCAL.name: LOCAL}
    return dict(sorted(found.items()))


def launcher_named(name: str) -> LauncherSpec:
    """Return the spec of a launcher.

    Raises:
        ArenaError: the name is unknown; the message has the most similar names.
    """
    found = launchers()
    if name not in found:
        raise unknown_name("launcher", name, found)
    return found[name]


def launcher_class(name: str) -> type[Any]:
    """Import the class of a launcher, whose `Config` has its options.

    Raises:
        ArenaError: the name is unknown, a required package is not installed, or the target is not a launcher.
    """
    spec = launcher_named(name)
    found = spec.load()
    if not (isinstance(found, type) and isinstance(getattr(found, "Config", None), type)):
        raise ArenaError(
            f"{name} ({spec.target}) is not a launcher: it has no Config", "fix or leave out its plugin"
        )
    return found


def make_launcher(name: str, options: Mapping[str, object], workers: int) -> Launcher:
    """Make a launcher from its name and plain option values.

    Raises:
        ArenaError: as `launcher_class`; or an option is unknown or out of its range.
    """
    found = launcher_class(name)
    config = coerce(found.Config, options, where="launcher", owner=f"the launcher {name}")
    return cast(Launcher, found(config, workers))
