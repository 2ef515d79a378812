"""Registry of the specs of one kind by name, with the plugins that contributed them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

from arena.errors import unknown_name
from arena.plugins.specs import Spec

if TYPE_CHECKING:
    from importlib.metadata import Distribution

__all__ = ["ArenaPluginWarning", "PluginInfo", "Registry", "Status", "name_conflict"]

BUILT_IN = "arena-rl"

Status = Literal["ok", "failed", "blocked", "warning"]

S = TypeVar("S", bound=Spec)


class ArenaPluginWarning(UserWarning):
    """Warning about a faulty plugin; arena continues without the faulty part."""


@dataclass
class PluginInfo:
    """State of one plugin, as a line of ``arena list plugins``.

    Args:
        name: name of the entry point.
        distribution: distribution that installed the plugin; empty for a plugin passed in memory.
        version: version of the distribution.
        status: a ``"failed"`` plugin contributes nothing, a ``"warning"`` plugin its valid parts, and a ``"blocked"``
            plugin was not imported.
        problems: problems, or the reason why the plugin is blocked, one line each.
    """

    name: str
    distribution: str = ""
    version: str = ""
    status: Status = "ok"
    problems: list[str] = field(default_factory=list)

    @classmethod
    def from_distribution(cls, name: str, distribution: Distribution | None) -> PluginInfo:
        """Make the info of an installed plugin, even if its distribution's metadata cannot be read."""
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
        """Sort key that decides a contested name: arena's own plugins first, then by distribution, in memory last."""
        built_in = re.sub(r"[-_.]+", "-", self.distribution).lower() == BUILT_IN
        return (not built_in, not self.distribution, self.distribution.lower(), self.name)


def name_conflict(what: str, claimants: Iterable[PluginInfo]) -> str:
    """Message about a name that several plugins provide; the first plugin's is used."""
    names = [str(info) for info in claimants]
    return f"{what} is claimed by {', '.join(names)}; the one of {names[0]} is used"


class Registry(Mapping[str, S]):
    """Mapping from names to the specs of one kind, in alphabetical order.

    Args:
        kind: word for one spec in errors, such as ``"agent"``.
        entries: each spec with the name of the plugin that contributed it.

    Raises:
        ValueError: two entries have the same name.

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
        """Return the spec of a name.

        Raises:
            ArenaError: the name is unknown; the message has the most similar names.
        """
        return self._entry(name)[0]

    def provider(self, name: str) -> str:
        """Return the name of the plugin that contributed the spec ``name``.

        Raises:
            ArenaError: the name is unknown.
        """
        return self._entry(name)[1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    # Mapping's own versions of these two expect a KeyError, which an ArenaError is not.
    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def get(self, name: str, default: S | None = None) -> S | None:  # type: ignore[override]
        """Return the spec of a name, or ``default``."""
        entry = self._entries.get(name)
        return default if entry is None else entry[0]

    def __repr__(self) -> str:
        return f"Registry({self.kind!r}: {', '.join(self) or 'empty'})"

    def _entry(self, name: str) -> tuple[S, str]:
        try:
            return self._entries[name]
        except KeyError:
            raise unknown_name(self.kind, name, self) from None
