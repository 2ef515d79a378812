"""Connection to Ray: the program's own, a cluster's, or a local Ray that is started and stopped with it."""

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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arena.errors import ArenaError, one_line

__all__ = ["Resources", "connected"]

#: Variables for the threads of numerical libraries: 1 by default, since a run uses one core.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

#: Environment variables that workers on other machines get from this process.
PASSED_ON = ("ARENA_PLUGINS", "ARENA_STRICT_PLUGINS", "NUMBA_CACHE_DIR")

#: Settings of Ray: no usage statistics, no copy of the project of a program that `uv run` started, and no paragraphs on
#: standard output about each worker that dies, which the listener reports on one line.
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": "A worker died or was killed|killed due to",
}

#: Size of the local object store in bytes, near Ray's minimum: runs are passed as paths.
STORE = 100 * 2**20

#: Seconds to wait for an answer from the head of a cluster.
CONNECT_SECONDS = 10.0

#: Arguments that keep the logs of Ray and its workers from the driver's terminal.
SILENT = {"log_to_driver": False, "logging_level": logging.ERROR}


@dataclass(frozen=True)
class Resources:
    """Resources that a run reserves on its node.

    Attributes:
        num_cpus: number of CPUs.
        num_gpus: number of GPUs; a fraction shares one.
        memory: bytes of memory; None: not counted.
        custom: amounts of a cluster's own resources, by name.
    """

    num_cpus: float = 1.0
    num_gpus: float = 0.0
    memory: int | None = None
    custom: Mapping[str, float] = field(default_factory=dict)


@contextlib.contextmanager
def connected(
    workers: int,
    *,
    address: str | None = None,
    resources: Resources | None = None,
    variables: Sequence[str] = (),
    notify: Callable[[str], None] | None = None,
) -> Iterator[dict[str, Any]]:
    """Connects this process to Ray for a while; yields the options of a run's task.

    Args:
        workers: number of runs that train at once.
        address: address of the cluster to join; None: start Ray on this machine.
        resources: resources of each run; by default one CPU.
        variables: names of further environment variables that a cluster's workers get from this process.
        notify: called with a line before a step that takes a while.

    Raises:
        ArenaError: there is no such cluster, Ray does not start, or no node has the resources of a run.
    """
    resources = resources or Resources()
    passed = {name: os.environ.get(name, "1") for name in THREADS}
    passed |= {name: os.environ[name] for name in (*PASSED_ON, *variables) if name in os.environ}
    options: dict[str, Any] = {
        "num_cpus": resources.num_cpus,
        "num_gpus": resources.num_gpus,
        "memory": resources.memory,
        "resources": dict(resources.custom),
        "max_retries": 0,  # the driver restarts runs itself, and reports it
    }
    if notify is not None and not ("ray" in sys.modules and _imported().is_initialized()):
        notify("starting Ray…" if address is None else "joining Ray…")
    with contextlib.ExitStack() as stack:
        with _set(QUIET | (_seclusion() if address is None else {}), override=False):
            ray = _imported()
            if ray.is_initialized():
                options["runtime_env"] = {"env_vars": passed}
            elif address is None:
                folder = stack.enter_context(_folder())
                stack.callback(ray.shutdown)  # also after a failed start
                with _set(passed):  # inherited, which takes no set-up time, unlike a runtime environment
                    _start(ray, math.ceil(workers * resources.num_cpus), folder)
            else:
                stack.callback(ray.shutdown)
                _join(ray, address, passed)
        _refuse_unfit(ray, options, address is None)
        yield options


def _imported() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ArenaError(
            f"Ray cannot be imported: {error}", "pip install --upgrade 'arena-rl[ray]'"
        ) from error
    return ray


def _start(ray: Any, cpus: int, folder: str | None) -> None:
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
        raise ArenaError(f"Ray does not start: {one_line(error)}", "use --launcher local") from error


def _join(ray: Any, address: str, variables: dict[str, str]) -> None:
    try:
        _check_listening(address)
        with _signals_kept():
            ray.init(address=address, runtime_env={"env_vars": variables}, **SILENT)
    except (Exception, SystemExit) as error:
        remedy = "check `ray status` there, and that Python, Ray and Ray's token match the cluster's"
        raise ArenaError(f"cannot join the Ray cluster {address}: {one_line(error)}", remedy) from error


def _check_listening(address: str) -> None:
    """Raises OSError where no process listens: Ray itself would retry for many minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()


def _refuse_unfit(ray: Any, options: Mapping[str, Any], local: bool) -> None:
    """Raises where no node has the resources of a run: Ray would wait for one forever. A cluster may add nodes."""
    needs = {"CPU": options["num_cpus"], "GPU": options["num_gpus"], "memory": options["memory"] or 0}
    needs |= options["resources"]
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    for name, amount in needs.items():
        best = max((node.get(name, 0) for node in nodes), default=0)
        if amount > best and (local or not best):
            problem = f"a run needs {amount:g} {name}, and no node of Ray has more than {best:g}"
            raise ArenaError(problem, "reduce it in the launcher's options, or start such a node first")


@functools.cache
def _seclusion() -> dict[str, str]:
    """Variables that isolate a local Ray: the loopback interface, and a token for this process and its children.

    Ray reads both once a process, so a program that has imported Ray keeps its settings.
    """
    if "ray" in sys.modules:
        return {}
    return {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # one machine only, on Linux too
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
    }


@contextlib.contextmanager
def _folder() -> Iterator[str | None]:
    """A temporary folder for Ray's sockets and logs, which Ray itself would leave behind, readable by every user."""
    if os.name == "nt":
        yield None
        return
    # Not the system's choice: a socket's path has at most a hundred characters, of which macOS's takes half.
    folder = Path(tempfile.mkdtemp(prefix="arena-", dir="/tmp"))
    try:
        yield str(folder / "ray")  # Ray makes its folder readable by every user; the parent stays private
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _set(variables: Mapping[str, str], override: bool = True) -> Iterator[None]:
    """Sets environment variables for a while; without `override`, only those that are not set."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update({n: value for n, value in variables.items() if override or before[n] is None})
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
    """Keeps the signal handlers: Ray would let SIGTERM end its driver, but stopping is the listener's decision."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
