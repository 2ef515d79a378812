"""The launcher `ray`: each run is a task of Ray.

Ray's processes exchange pickles, so every process with access to a cluster can run code on it: join only clusters that
you trust. A local Ray listens on the loopback interface only, with a token that only its own processes have (if the
program had imported Ray before, its settings hold instead). Run folders hold no pickles with this launcher either.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from arena.config.options import Between, Positive
from arena.errors import ArenaError
from arena.launch.base import Outcome
from arena.plugins.discovery import get_plugins
from arena.runs.listener import Listener
from arena.runs.run import Run
from arena_ray.session import Resources, connected

if importlib.util.find_spec("ray") is None:
    raise ArenaError("launcher ray needs Ray", "pip install 'arena-rl[ray]'")

__all__ = ["Ray"]


class Ray:
    """Launcher of runs as tasks of Ray (Moritz et al., 2018), at most `workers` at once.

    Every node needs the same version of arena, the same plugins, and the run folders under the same path. A program
    that has called ``ray.init`` trains on its existing connection, and `address` is ignored.
    """

    @dataclass(frozen=True)
    class Config:
        """Options of the Ray launcher."""

        address: str | None = None
        """Address of the cluster to join: auto, HOST:PORT of its head, or ray://HOST:PORT; None: start a local Ray."""
        num_cpus: Annotated[float, Positive] = 1.0
        """CPUs that each run reserves; the number of threads is an option of the experiment."""
        num_gpus: Annotated[float, Between(0, None)] = 0.0
        """Number of GPUs that each run reserves; with 0.25, four runs share one."""
        memory: Annotated[int, Between(1, None)] | None = None
        """Memory of its node that each run reserves, in bytes; None: not counted."""
        resources: tuple[tuple[str, Annotated[float, Positive]], ...] = ()
        """Further resources of each run, as names with amounts; on a command line in quotes: '[["tpu", 1]]'."""
        retries: Annotated[int, Between(0, None)] = 3
        """Number of restarts of a run whose worker died."""
        variables: tuple[str, ...] = ()
        """Names of environment variables that a cluster's workers get from this process, such as WANDB_API_KEY."""

    def __init__(self, config: Config, workers: int) -> None:
        self._config, self._workers = config, workers

    def launch(self, runs: Sequence[Run], listener: Listener) -> list[Outcome]:
        """Trains runs, each in a task; see `arena.launch.base.Launcher`.

        Raises:
            Interrupted: the listener requested a stop; every run that had started has a checkpoint.
            ArenaError: there is no such cluster, no node has the resources of a run, or a plugin exists only in this
                process's memory.
        """
        if any(not info.distribution and info.status in ("ok", "warning") for info in get_plugins().infos):
            raise ArenaError(
                "plugins that exist only in this process's memory do not reach Ray's workers",
                "install them, or train with workers=1 in this process",
            )
        if not runs:
            return []
        config, workers = self._config, min(self._workers, len(runs))
        with connected(
            workers,
            address=config.address,
            resources=Resources(config.num_cpus, config.num_gpus, config.memory, dict(config.resources)),
            variables=config.variables,
            notify=listener.announced,
        ) as options:
            from arena_ray.fleet import Fleet  # imports Ray, whose settings are read at its import

            return Fleet(runs, listener, options, workers, config.retries).train()
