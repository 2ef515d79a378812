"""Discovery of plugins, each in isolation: a faulty plugin is reported, and never stops the others.

pluggy marks and validates the hooks; arena calls the implementations itself, one by one, because pluggy
aborts a whole call at the first error. Every problem becomes a line of the plugin's :class:`PluginInfo` and an
:class:`ArenaPluginWarning`. Three settings control discovery, the first two before any import:

* ``ARENA_PLUGINS=a,b`` loads only these plugins (empty: none at all),
* ``--no-plugin x``, here ``Plugins(block=["x"])``, leaves one out,
* ``ARENA_STRICT_PLUGINS=1`` makes the first problem an :class:`~arena.errors.ArenaError`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Generic, TypeVar

from pluggy import HookImpl, PluginManager

from arena.errors import ArenaError, Interrupted, unknown_name
from arena.plugins import hookspecs, specs
from arena.plugins.hookspecs import HOOKS, hook_problems
from arena.plugins.registry import ArenaPluginWarning, PluginInfo, Registry, Status, name_conflict
from arena.plugins.specs import describe_error

__all__ = ["ArenaPluginWarning", "PluginInfo", "Plugins", "get_plugins", "use_plugins"]

GROUP = "arena"

S = TypeVar("S", bound=specs.Spec)


class _Contributed(Generic[S]):
    """Attribute ``x`` of :class:`Plugins`: the registry filled by the hook ``arena_x``, built at first use."""

    def __init__(self, spec_type: type[S]) -> None:
        self._spec_type = spec_type

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, plugins: Plugins, owner: type) -> Registry[S]:
        if self._name not in plugins._registries:
            plugins._registries[self._name] = plugins._collect(f"arena_{self._name}", self._spec_type)
        return plugins._registries[self._name]


class Plugins:
    """Installed plugins, with their contributions and their event listeners.

    Args:
        allow: names of the only plugins to load; by default those of ``ARENA_PLUGINS``, and all if that is not set.
        block: names of plugins to leave out.
        extra: plugins in memory, by name: modules or objects with hook implementations.
        installed: whether to look for installed plugins.
        strict: whether to raise at the first problem; by default as ``ARENA_STRICT_PLUGINS``.

    Raises:
        ArenaError: ``allow`` or ``block`` names an unknown plugin; or, if strict, a plugin has a problem.

    Example:
        >>> Plugins(installed=False).agents
        Registry('agent': empty)
    """

    agents = _Contributed(specs.AgentSpec)
    environments = _Contributed(specs.EnvironmentSpec)
    encoders = _Contributed(specs.EncoderSpec)
    sources = _Contributed(specs.SourceSpec)
    trackers = _Contributed(specs.TrackerSpec)
    launchers = _Contributed(specs.LauncherSpec)
    overlays = _Contributed(specs.OverlaySpec)
    commands = _Contributed(specs.CommandSpec)

    def __init__(
        self,
        *,
        allow: Iterable[str] | None = None,
        block: Iterable[str] = (),
        extra: Mapping[str, object] | None = None,
        installed: bool = True,
        strict: bool | None = None,
    ) -> None:
        if strict is None:
            strict = os.environ.get("ARENA_STRICT_PLUGINS", "0") not in ("", "0")
        self._strict = strict
        self._registries: dict[str, Registry[Any]] = {}
        self._loaded: dict[str, PluginInfo] = {}
        self._manager = PluginManager("arena")
        self._manager.add_hookspecs(hookspecs)

        found = _find_installed() if installed else []
        found += [(PluginInfo(name), partial(_given, plugin)) for name, plugin in (extra or {}).items()]
        found.sort(key=lambda candidate: candidate[0].rank)
        self._infos = [info for info, _ in found]
        self._forbid(allow, block)
        for info, load in found:
            if info.status != "blocked":
                self._load(info, load)
        self._listeners = {hook: self._implementations(hook) for hook in HOOKS}

    @property
    def registries(self) -> dict[str, Registry[Any]]:
        """Every registry, by the name of its attribute."""
        kinds = [name for name, value in vars(Plugins).items() if isinstance(value, _Contributed)]
        return {name: getattr(self, name) for name in kinds}

    @property
    def infos(self) -> list[PluginInfo]:
        """State of every plugin, after all contributions have been collected."""
        _ = self.registries  # collecting the contributions finds the remaining problems
        return list(self._infos)

    def emit(self, event: str, **arguments: object) -> None:
        """Call every plugin's implementation of ``event``; one that raises is reported and not called again.

        Raises:
            ArenaError: there is no such event, or an implementation raised and plugins are strict.
            Interrupted: an implementation requests that the run stops.
            TypeError: the arguments are not those of the event.
        """
        parameters = HOOKS.get(event)
        if not parameters:  # contributions take no arguments
            raise unknown_name("event", event, [name for name, taken in HOOKS.items() if taken])
        if parameters != arguments.keys():
            raise TypeError(f"{event} takes {sorted(parameters)}, not {sorted(arguments)}")
        listeners = self._listeners[event]
        for listener in tuple(listeners):
            info, implementation = listener
            try:
                implementation.function(*[arguments[name] for name in implementation.argnames])
            except Interrupted:
                raise
            except Exception as error:
                listeners.remove(listener)
                self._report(
                    info, f"{event} raised {describe_error(error)}; it is not called again", cause=error
                )

    def _forbid(self, allow: Iterable[str] | None, block: Iterable[str]) -> None:
        """Mark the plugins that must not be imported."""
        if allow is None and (listed := os.environ.get("ARENA_PLUGINS")) is not None:
            allow = [name for part in listed.split(",") if (name := part.strip())]
        allowed, blocked = None if allow is None else set(allow), set(block)
        known = {info.name for info in self._infos}
        for name in sorted((blocked | (allowed or set())) - known):
            raise unknown_name("plugin", name, known)
        for info in self._infos:
            if info.name in blocked:
                info.status, info.problems = "blocked", ["left out by --no-plugin"]
            elif allowed is not None and info.name not in allowed:
                info.status, info.problems = "blocked", ["not among the plugins that ARENA_PLUGINS allows"]

    def _load(self, info: PluginInfo, load: Callable[[], object]) -> None:
        """Import a plugin, check its hooks and register it."""
        if info.name in self._loaded:
            claimants = [other for other in self._infos if other.name == info.name]
            self._report(info, name_conflict(f"the plugin name {info.name!r}", claimants), status="failed")
            return
        self._loaded[info.name] = info
        try:
            plugin = load()
        except (Exception, SystemExit) as error:
            self._report(info, f"cannot be imported: {describe_error(error)}", status="failed", cause=error)
            return
        try:
            if self._manager.is_registered(plugin):
                raise ValueError(f"it is the same object as plugin {self._manager.get_name(plugin)!r}")
            problems = hook_problems(self._manager, plugin)
            if self._manager.register(plugin, name=info.name) is None:
                raise TypeError("its entry point names None")
        except Exception as error:
            if self._manager.has_plugin(info.name):  # older pluggies leave a rejected plugin half registered
                self._manager.unregister(name=info.name)
            self._report(info, f"cannot be registered: {describe_error(error)}", status="failed", cause=error)
            return
        for problem in problems:
            self._report(info, problem)

    def _implementations(self, hook: str) -> list[tuple[PluginInfo, HookImpl]]:
        """Implementations of a hook with their plugins, in pluggy's calling order."""
        implementations: list[HookImpl] = getattr(self._manager.hook, hook).get_hookimpls()
        return [
            (self._loaded[implementation.plugin_name], implementation)
            for implementation in reversed(implementations)
            if not (implementation.wrapper or implementation.hookwrapper)
        ]

    def _collect(self, hook: str, spec_type: type[S]) -> Registry[S]:
        """Collect every plugin's specs of one kind, and decide contested names."""
        claims: dict[str, list[tuple[PluginInfo, S]]] = {}
        for info, implementation in sorted(self._listeners[hook], key=lambda listener: listener[0].rank):
            for spec in self._ask(info, implementation, hook, spec_type):
                claims.setdefault(spec.name, []).append((info, spec))
        self._report_conflicts(spec_type.kind, claims)
        found = {name: claimants[0] for name, claimants in claims.items()}
        suffixes: dict[str, list[tuple[PluginInfo, S]]] = {}
        for info, spec in found.values():
            for suffix in getattr(spec, "suffixes", ()):  # of sources
                suffixes.setdefault(suffix, []).append((info, spec))
        self._report_conflicts("suffix", suffixes)
        for claimants in suffixes.values():
            for info, spec in claimants[1:]:
                left = [other for other in suffixes if suffixes[other][0][1] is spec]
                changed: dict[str, Any] = {"suffixes": tuple(left)}
                found[spec.name] = info, replace(spec, **changed)
        return Registry(spec_type.kind, ((spec, info.name) for info, spec in found.values()))

    def _report_conflicts(self, what: str, claims: Mapping[str, list[tuple[PluginInfo, S]]]) -> None:
        """Report every plugin but the first that claims a name."""
        for name, claimants in claims.items():
            for info, _ in claimants[1:]:
                self._report(info, name_conflict(f"{what} {name!r}", [other for other, _ in claimants]))

    def _ask(self, info: PluginInfo, implementation: HookImpl, hook: str, spec_type: type[S]) -> list[S]:
        """Valid specs that one implementation gives before it raises, if it does."""
        found: list[S] = []
        wanted, problems, cause = spec_type.__name__, [], None
        try:
            given: object = implementation.function()
            if not isinstance(given, Iterable):
                problems.append(f"{hook} returned {type(given).__name__}, not an iterable of {wanted}")
                given = ()
            for spec in given:
                if isinstance(spec, spec_type):
                    found.append(replace(spec, plugin=info.name))
                else:
                    problems.append(f"{hook} gave {type(spec).__name__}, not {wanted}")
        except Interrupted:
            raise
        except (Exception, SystemExit) as error:
            problems.append(f"{hook} raised {describe_error(error)}")
            cause = error
        for problem in problems:
            self._report(info, problem, cause=cause)
        return found

    def _report(
        self, info: PluginInfo, problem: str, status: Status = "warning", cause: BaseException | None = None
    ) -> None:
        """Record a problem and warn about it once, or raise it if strict."""
        info.status = status
        message = f"plugin {info}: {problem}"
        if self._strict:
            remedy = f"fix it, leave it out with --no-plugin {info.name}, or unset ARENA_STRICT_PLUGINS"
            raise ArenaError(message, remedy) from cause
        if problem not in info.problems:
            info.problems.append(problem)
            warnings.warn(message, ArenaPluginWarning, stacklevel=3)


_current: Plugins | None = None


def get_plugins() -> Plugins:
    """Return the plugins of this process, discovered at the first call."""
    global _current
    if _current is None:
        _current = Plugins()
    return _current


@contextmanager
def use_plugins(plugins: Plugins | None) -> Iterator[None]:
    """Make :func:`get_plugins` return ``plugins`` inside a ``with`` block; with None, plugins are discovered again.

    Example:
        >>> mine = Plugins(installed=False)
        >>> with use_plugins(mine):
        ...     get_plugins() is mine
        True
    """
    global _current
    before, _current = _current, plugins
    try:
        yield
    finally:
        _current = before


def _find_installed() -> list[tuple[PluginInfo, Callable[[], object]]]:
    """Find every entry point of arena's group and its loader; nothing is imported."""
    from importlib import metadata

    found: list[tuple[PluginInfo, Callable[[], object]]] = []
    try:
        points = list(metadata.entry_points(group=GROUP))
    except Exception:  # one unreadable entry_points.txt, of any distribution, hides all the others
        points = []
        seen: set[str] = set()
        for distribution in metadata.distributions():
            info = PluginInfo.from_distribution("", distribution)
            if info.distribution in seen:
                continue
            seen.add(info.distribution)
            try:
                points += distribution.entry_points.select(group=GROUP)
            except Exception:
                with suppress(Exception):
                    if f"[{GROUP}]" in (distribution.read_text("entry_points.txt") or ""):
                        # Loading it raises the same error again, which is then reported.
                        info.name = info.distribution
                        found.append((info, partial(getattr, distribution, "entry_points")))
    found += [(PluginInfo.from_distribution(point.name, point.dist), point.load) for point in points]
    return found


def _given(plugin: object) -> object:
    return plugin
