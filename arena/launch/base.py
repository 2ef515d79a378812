"""Where the runs of a sweep are trained: what every launcher promises, and the one that comes with arena."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias, cast

from arena.config.options import coerce
from arena.errors import ArenaError, unknown
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

#: What a launcher notices of a run that another process trains; the progress display counts these.
BUSY = "another process trains it; waiting"

Outcome: TypeAlias = dict[str, Any] | ArenaError
"""What became of one run: what its ``result.json`` holds, or why it has none."""


class Launcher(Protocol):
    """What a `LauncherSpec`'s target makes, called as ``target(config, workers)``.

    A target is a class with its options as a nested dataclass `Config`, as an agent's; a sweep's file sets them in
    its ``[launcher]`` table.
    """

    def launch(self, runs: Sequence[Run], listener: Listener) -> list[Outcome]:
        """Trains runs to their ends; what became of each, in the same order.

        A worker opens the run's folder, which it shares with this process, and calls `arena.training.runner.execute`. It
        uses one core. One that dies is replaced, and its run goes on from its checkpoint, a few times. A run that
        another process trains is waited for, which the listener hears as `BUSY`, and has that process's result. A run
        that fails harms no other. What it notices is about a run, unless it ends in "…": then it says what is going on,
        such as "starting a cluster…", until the next news.

        Args:
            runs: prepared runs.
            listener: follows them all, in this process.

        Raises:
            Interrupted: the listener said to stop; every run that had begun has a checkpoint.
        """
        ...


def launchers() -> dict[str, LauncherSpec]:
    """Every launcher by name: those of plugins, and ``local``, which no plugin can take over."""
    found = {**get_plugins().launchers, LOCAL.name: LOCAL}
    return dict(sorted(found.items()))


def launcher_named(name: str) -> LauncherSpec:
    """The spec of a launcher.

    Raises:
        ArenaError: there is none of that name; the message has the nearest names.
    """
    found = launchers()
    if name not in found:
        raise unknown("launcher", name, found)
    return found[name]


def launcher_class(name: str) -> type[Any]:
    """The class of a launcher, whose `Config` has its options.

    Raises:
        ArenaError: there is no such launcher, what it needs is not installed, or it is no launcher.
    """
    spec = launcher_named(name)
    found = spec.load()
    if not (isinstance(found, type) and isinstance(getattr(found, "Config", None), type)):
        raise ArenaError(
            f"{name} ({spec.target}) is no launcher: it has no Config", "mend or leave out its plugin"
        )
    return found


def make_launcher(name: str, options: Mapping[str, object], workers: int) -> Launcher:
    """A launcher with its options, as plain values have them.

    Raises:
        ArenaError: as `launcher_class`; or an option that it does not have, or out of its range.
    """
    found = launcher_class(name)
    config = coerce(found.Config, options, where="launcher", owner=f"the launcher {name}")
    return cast(Launcher, found(config, workers))
