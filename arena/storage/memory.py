"""Memory of this machine, and the memory that a run will need, compared before it is allocated.

The parts of a run that use most memory (networks, replay buffers, rollouts, tables, parallel environments) call
`reserve` before they allocate it. Inside a `Budget`, their sizes are added up.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from arena.errors import ArenaError

__all__ = ["Budget", "available_memory", "byte_size", "expected_rows", "parse_bytes", "reserve"]

#: Environment variable with the memory that runs may use, such as ``64G``, in place of what is measured.
VARIABLE = "ARENA_MEMORY"

#: Sizes below this number of bytes are added up without measuring the memory.
SMALL = 64 << 20

#: Number in a cgroup from which there is no limit.
UNLIMITED = 2**60

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")

_current: contextvars.ContextVar[Budget | None] = contextvars.ContextVar("budget", default=None)


class Budget:
    """Sum of the memory that the parts of a run reserve.

    Args:
        steps: number of steps of the run, the most rows that its replay buffers will have; None if unknown.
    """

    def __init__(self, steps: int | None = None) -> None:
        self.steps = steps
        self.parts: dict[str, int] = {}
        self.remedies: dict[str, str] = {}

    @property
    def total(self) -> int:
        """Sum over all parts, in bytes."""
        return sum(self.parts.values())

    @contextlib.contextmanager
    def use(self) -> Iterator[Budget]:
        """Add up what is reserved inside the ``with`` block."""
        token = _current.set(self)
        try:
            yield self
        finally:
            _current.reset(token)

    def add(self, count: int, what: str, remedy: str) -> None:
        """Add a part, and refuse it if the sum exceeds the memory of this machine."""
        self.parts[what] = self.parts.get(what, 0) + count
        self.remedies[what] = remedy
        if self.total < SMALL:
            return
        available = available_memory()
        if available is None or self.total <= available:
            return
        order = sorted(self.parts, key=lambda name: self.parts[name], reverse=True)
        listed = ", ".join(f"{name} {byte_size(self.parts[name])}" for name in order[:3])
        raise ArenaError(
            f"about {byte_size(self.total)} of memory are needed ({listed}), and {byte_size(available)} are available",
            f"{self.remedies[order[0]]}, or set {VARIABLE} if the estimate is wrong",
        )


def reserve(count: int, what: str, remedy: str) -> None:
    """Refuse an allocation that does not fit into the memory of this machine, before it is made.

    Args:
        count: number of bytes.
        what: what the memory is for, in the plural, such as ``networks``.
        remedy: how to use less, such as "use a smaller --agent.buffer_size".

    Raises:
        ArenaError: the memory does not suffice; the message has the bytes needed and available.
    """
    (_current.get() or Budget()).add(count, what, remedy)


def expected_rows(capacity: int) -> int:
    """Number of rows that a buffer will have: a run of fewer steps than its capacity does not fill it."""
    budget = _current.get()
    return capacity if budget is None or budget.steps is None else min(capacity, budget.steps)


def available_memory() -> int | None:
    """Memory that this process may still use, in bytes: of the machine and of its cgroup; None if unknown."""
    chosen = parse_bytes(VARIABLE, os.environ.get(VARIABLE))
    if chosen is not None:
        return chosen
    found = [size for size in (_machine(), _cgroup()) if size is not None]
    return min(found) if found else None


def byte_size(count: int, word: bool = False) -> str:
    """Number of bytes for people, such as ``1.5 GiB``.

    Args:
        count: the number.
        word: whether to return one word that `parse_bytes` reads as at least this number, such as ``2G``.
    """
    power = min(max(0, (count.bit_length() - 1) // 10), len(_UNITS) - 1)
    if word:
        return f"{-(-count // 1024**power)}{_UNITS[power][0].upper() if power else ''}"
    return f"{count / 1024**power:,.4g} {_UNITS[power]}" if power else f"{count:,} bytes"


def parse_bytes(name: str, text: str | None) -> int | None:
    """Parse a number of bytes such as ``500M`` or ``64G`` (1024 each); None for None and for an empty text.

    Raises:
        ArenaError: the text is not a number of bytes; the message has the name.
    """
    if not text:
        return None
    found = re.fullmatch(r"([0-9]{1,18})([KMGTPE]?)(i?B)?", text.strip(), re.IGNORECASE | re.ASCII)
    if found is None or int(found[1]) == 0:
        raise ArenaError(f"{name} is {text!r}, which is not a number of bytes", "give one such as 64G")
    return int(found[1]) << 10 * "_KMGTPE".index(found[2].upper() or "_")


def _machine() -> int | None:
    """Available memory and free swap of the machine; its whole memory where only that is known."""
    with contextlib.suppress(OSError, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        sizes = {
            name: int(rest.split()[0]) << 10 for name, _, rest in (line.partition(":") for line in lines)
        }
        if "MemAvailable" in sizes:
            return sizes["MemAvailable"] + sizes.get("SwapFree", 0)
    if sys.platform != "win32":
        with contextlib.suppress(OSError, ValueError, AttributeError):
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None


def _cgroup(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int | None:
    """Memory left in this process's control group and the groups around it, of version 2 or 1; None without a limit."""
    found: list[int] = []
    with contextlib.suppress(OSError, ValueError):
        for line in own.read_text(encoding="utf-8").splitlines():
            number, names, path = line.split(":", 2)
            if number == "0" and not names:
                top, files, stat = root, ("memory.max", "memory.current"), "inactive_file"
            elif "memory" in names.split(","):
                top, stat = root / "memory", "total_inactive_file"
                files = "memory.limit_in_bytes", "memory.usage_in_bytes"
            else:
                continue
            group = top / path.lstrip("/")
            for place in (group, *group.parents):
                found += _left(place, *files, stat)
                if place == top:
                    break
    return min(found) if found else None


def _left(group: Path, limit: str, usage: str, reclaimable: str) -> list[int]:
    """Memory left in one control group; empty without a limit."""
    with contextlib.suppress(OSError, ValueError):
        most = int((group / limit).read_text(encoding="ascii"))  # "max" is a ValueError: there is no limit
        used = int((group / usage).read_text(encoding="ascii"))
        with contextlib.suppress(OSError, ValueError):
            stat = dict(
                line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines()
            )
            used -= int(stat.get(reclaimable, 0))  # cached files give way
        if most < UNLIMITED:
            return [max(0, most - used)]
    return []
