"""The connection to Ray: one that the program has, a cluster's, or a Ray of our own that ends with it."""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from arena.errors import ArenaError
from arena_ray.launcher import Ray

__all__ = ["connected"]

#: A run uses one core: its libraries begin with one thread each, unless their user says otherwise.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

#: What a worker on another machine must know of this process.
PASSED_ON = ("ARENA_PLUGINS", "ARENA_STRICT_PLUGINS", "NUMBA_CACHE_DIR")

#: Ray without reports to its makers, without copying the project of a program that `uv run` started, and without
#: paragraphs on standard output about each worker that dies, which the listener hears of in a line.
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": "A worker died or was killed|killed due to",
}

#: The bytes of the local object store, near the least that Ray takes: runs travel as paths.
STORE = 100 * 2**20

#: Seconds that the head of a cluster has to answer.
KNOCK_SECONDS = 10.0

#: Nothing of what Ray and its workers log appears on the driver's terminal.
SILENT = {"log_to_driver": False, "logging_level": logging.ERROR}


@contextlib.contextmanager
def connected(
    config: Ray.Config, workers: int, say: Callable[[str], None] | None = None
) -> Iterator[dict[str, Any]]:
    """Connects this process to Ray for a while; gives the options of a run's task.

    Args:
        config: the launcher's options.
        workers: how many runs train at once.
        say: hears what is going on where that takes a while.

    Raises:
        ArenaError: there is no such cluster, Ray does not start, or it has no room for a run.
    """
    variables = {name: os.environ.get(name, "1") for name in THREADS}
    for name in (*PASSED_ON, *config.variables):
        if name in os.environ:
            variables[name] = os.environ[name]
    options: dict[str, Any] = {
        "num_cpus": config.num_cpus,
        "num_gpus": config.num_gpus,
        "memory": config.memory,
        "resources": dict(config.resources),
        "max_retries": 0,  # the driver begins runs again itself, and says so
    }
    local = config.address is None
    if say is not None and not ("ray" in sys.modules and _imported().is_initialized()):
        say("starting Ray…" if local else "joining Ray…")
    with contextlib.ExitStack() as stack:
        with _set(QUIET | (_seclusion() if local else {}), over=False):
            ray = _imported()
            if ray.is_initialized():
                options["runtime_env"] = {"env_vars": variables}
            elif local:
                folder = stack.enter_context(_folder())
                stack.callback(ray.shutdown)  # also of what began and failed
                with _set(variables):  # inherited, which unlike a runtime environment takes no time to set up
                    _begin(ray, math.ceil(workers * config.num_cpus), folder)
            else:
                stack.callback(ray.shutdown)
                _join(ray, str(config.address), variables)
        _refuse_unfit(ray, options, local)
        yield options


def _imported() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ArenaError(
            f"Ray cannot be imported: {error}", "pip install --upgrade 'arena-rl[ray]'"
        ) from error
    return ray


def _begin(ray: Any, cpus: int, folder: str | None) -> None:
    try:
        with _signals_kept():
            ray.init(
                address="local",
                num_cpus=cpus,
                include_dashboard=False,
                object_store_memory=STORE,
                _temp_dir=folder,
                **SILENT,
            )
    except (Exception, SystemExit) as error:
        raise ArenaError(f"Ray does not start: {_said(error)}", "use the launcher local") from error


def _join(ray: Any, address: str, variables: dict[str, str]) -> None:
    try:
        _knock(address)
        with _signals_kept():
            ray.init(address=address, runtime_env={"env_vars": variables}, **SILENT)
    except (Exception, SystemExit) as error:
        remedy = "see `ray status` there, and that Python, Ray and Ray's token are the cluster's"
        raise ArenaError(f"cannot join the Ray cluster {address}: {_said(error)}", remedy) from error


def _knock(address: str) -> None:
    """Raises OSError where nobody listens: Ray itself would try for many minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_SECONDS).close()


def _said(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _refuse_unfit(ray: Any, options: Mapping[str, Any], local: bool) -> None:
    """Ray would wait for ever for a node that has what a run asks for; a cluster may still grow one."""
    needs = {"CPU": options["num_cpus"], "GPU": options["num_gpus"], "memory": options["memory"] or 0}
    needs |= options["resources"]
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    for name, amount in needs.items():
        best = max((node.get(name, 0) for node in nodes), default=0)
        if amount > best and (local or not best):
            problem = f"a run is to hold {amount:g} {name}, and no node of Ray has more than {best:g}"
            raise ArenaError(problem, "ask for less in the launcher's options, or start such a node first")


@functools.cache
def _seclusion() -> dict[str, str]:
    """What keeps a local Ray to itself: the loopback interface, and a token for this process and its children.

    Ray reads both once a process, so a program that has imported it keeps what it had.
    """
    if "ray" in sys.modules:
        return {}
    return {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # of one machine, that is, and on Linux too
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
    }


@contextlib.contextmanager
def _folder() -> Iterator[str | None]:
    """A folder for Ray's sockets and logs, which Ray itself would leave behind, open to everyone."""
    if os.name == "nt":
        yield None
        return
    # Not the system's choice: a socket's path has a hundred characters at most, and macOS's takes half of them.
    folder = Path(tempfile.mkdtemp(prefix="arena-", dir="/tmp"))
    try:
        yield str(folder / "ray")  # Ray opens to everyone what it is given; this folder's parent stays closed
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _set(variables: Mapping[str, str], over: bool = True) -> Iterator[None]:
    """Sets environment variables for a while, those that are there only if `over`."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update({n: value for n, value in variables.items() if over or before[n] is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray makes SIGTERM end its driver; here a stop is the listener's to say."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
