"""The launcher `ray`: a run is a task of Ray's.

Ray's processes send each other pickles, so whoever can speak to a cluster can run code on it: join only clusters that
you trust. A local Ray listens on the loopback interface alone, with a token that only its own processes know (unless
the program had imported Ray before, whose settings then hold). Run folders hold no pickles here either.
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

if importlib.util.find_spec("ray") is None:
    raise ArenaError("launcher ray needs Ray", "pip install 'arena-rl[ray]'")

__all__ = ["Ray"]


class Ray:
    """Tasks of Ray (Moritz et al., 2018), at most `workers` at once.

    Every node has arena installed in the same version, with the same plugins, and sees the run folders under the same
    path. A program that has called ``ray.init`` trains on what it is connected to, whatever `address` says.
    """

    @dataclass(frozen=True)
    class Config:
        """Options of the Ray launcher."""

        address: str | None = None
        """the cluster to join: auto, HOST:PORT of its head, or ray://HOST:PORT; None starts Ray on this machine"""
        num_cpus: Annotated[float, Positive] = 1.0
        """the CPUs that a run holds; it trains on one core all the same unless its experiment says otherwise"""
        num_gpus: Annotated[float, Between(0, None)] = 0.0
        """the GPUs that a run holds; four runs share one at 0.25"""
        memory: Annotated[int, Between(1, None)] | None = None
        """the bytes that a run holds of its node's memory, which no run may exceed in sum; None: it is not counted"""
        resources: tuple[tuple[str, Annotated[float, Positive]], ...] = ()
        """further resources that a run holds, such as [["tpu", 1]]; on a command line in quotes: '[["tpu", 1]]'"""
        retries: Annotated[int, Between(0, None)] = 3
        """how often a run is begun again after its worker died"""
        variables: tuple[str, ...] = ()
        """environment variables that a cluster's workers get from here, such as WANDB_API_KEY"""

    def __init__(self, config: Config, workers: int) -> None:
        self._config, self._workers = config, workers

    def launch(self, runs: Sequence[Run], listener: Listener) -> list[Outcome]:
        """Trains the runs, each in a task; see `arena.launch.base.Launcher`.

        Raises:
            Interrupted: the listener said to stop; every run that had begun has a checkpoint.
            ArenaError: there is no such cluster, it can never hold what a run asks for, or a plugin is only in this
                process's memory.
        """
        if any(not info.distribution and info.status in ("ok", "warning") for info in get_plugins().infos):
            raise ArenaError(
                "plugins that are only in memory do not reach Ray's workers",
                "install them, or train with workers=1 in this process",
            )
        if not runs:
            return []
        from arena_ray.session import connected

        workers = min(self._workers, len(runs))
        with connected(self._config, workers, lambda text: listener.noticed(runs[0], text)) as options:
            from arena_ray.fleet import Fleet

            return Fleet(runs, listener, options, workers, self._config.retries).train()
