"""Who provides what: the specs of one kind by name, and the plugins that contributed them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

from arena.errors import unknown
from arena.plugins.specs import Spec

if TYPE_CHECKING:
    from importlib.metadata import Distribution

__all__ = ["ArenaPluginWarning", "PluginInfo", "Registry", "Status", "contested"]

BUILT_IN = "arena-rl"

Status = Literal["ok", "failed", "blocked", "warning"]

S = TypeVar("S", bound=Spec)


class ArenaPluginWarning(UserWarning):
    """A plugin did something wrong, and arena goes on without that part of it."""


@dataclass
class PluginInfo:
    """A line of ``arena list plugins``.

    Args:
        name: the entry point's name.
        distribution: what installed it; empty for a plugin handed over in memory.
        version: that distribution's version.
        status: ``"failed"`` plugins contribute nothing, ``"warning"`` ones what is sound, and ``"blocked"``
            ones were not imported.
        problems: what is wrong, or why it is blocked, a line each.
    """

    name: str
    distribution: str = ""
    version: str = ""
    status: Status = "ok"
    problems: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, name: str, distribution: Distribution | None) -> PluginInfo:
        """An installed plugin, even where its distribution's metadata cannot be read."""
        try:
            origin = (distribution.name, distribution.version) if distribution else ("", "")
        except Exception:
            origin = ("", "")
        return cls(name, origin[0] or "?", origin[1] or "?")

    def __str__(self) -> str:
        origin = f"{self.distribution} {self.version}".strip() or "in memory"
        return f"{self.name} ({origin})"

    @property
    def rank(self) -> tuple[bool, bool, str, str]:
        """Who wins a contested name: arena's own, then by distribution, and in memory last."""
        built_in = re.sub(r"[-_.]+", "-", self.distribution).lower() == BUILT_IN
        return (not built_in, not self.distribution, self.distribution.lower(), self.name)


def contested(what: str, claimants: Iterable[PluginInfo]) -> str:
    """The problem of a name that several plugins claim; the first of them has it."""
    names = [str(info) for info in claimants]
    return f"{what} is claimed by {', '.join(names)}; the one of {names[0]} is used"


class Registry(Mapping[str, S]):
    """The specs of one kind, by name and in alphabetical order.

    Args:
        kind: what an error calls one of them, such as ``"agent"``.
        entries: each spec with the name of the plugin that contributed it.

    Raises:
        ValueError: two entries bear one name.

    Example:
        >>> from arena.plugins.specs import TrackerSpec
        >>> registry = Registry("tracker", [(TrackerSpec("csv", "Rows in a file"), "my_plugin")])
        >>> registry["csv"].summary, registry.provider("csv")
        ('Rows in a file', 'my_plugin')
    """

    def __init__(self, kind: str, entries: Iterable[tuple[S, str]] = ()) -> None:
        self.kind = kind
        self._entries: dict[str, tuple[S, str]] = {}
        for spec, provider in sorted(entries, key=lambda entry: entry[0].name):
            if spec.name in self._entries:
                raise ValueError(f"two entries for {kind} {spec.name!r}")
            self._entries[spec.name] = (spec, provider)

    def __getitem__(self, name: str) -> S:
        """The spec of that name.

        Raises:
            ArenaError: there is none; the message has the nearest names.
        """
        return self._entry(name)[0]

    def provider(self, name: str) -> str:
        """The name of the plugin that contributed ``name``.

        Raises:
            ArenaError: there is no such spec.
        """
        return self._entry(name)[1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    # Mapping's own two expect a KeyError, which an ArenaError is not.
    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def get(self, name: str, default: S | None = None) -> S | None:  # type: ignore[override]
        """The spec of that name, or ``default``."""
        entry = self._entries.get(name)
        return default if entry is None else entry[0]

    def __repr__(self) -> str:
        return f"Registry({self.kind!r}: {', '.join(self) or 'empty'})"

    def _entry(self, name: str) -> tuple[S, str]:
        try:
            return self._entries[name]
        except KeyError:
            raise unknown(self.kind, name, self) from None
