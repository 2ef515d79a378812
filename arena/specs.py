"""What plugins contribute: small frozen descriptions, whose targets are strings imported on first use.

A spec says enough to list, choose and explain a thing; the thing itself is named by ``target``, and costs
nothing until :meth:`Spec.load`. That is what lets ``arena list`` run without importing torch or numba.
"""

from __future__ import annotations

import dataclasses
import importlib
import operator
import os
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar, get_args

from arena.errors import ArenaError

if TYPE_CHECKING:
    import argparse

__all__ = [
    "LOCAL",
    "AgentSpec",
    "Command",
    "CommandSpec",
    "EncoderSpec",
    "EnvironmentSpec",
    "LauncherSpec",
    "OverlaySpec",
    "Preset",
    "Spec",
    "TrackerSpec",
    "Unit",
    "described",
]

Unit = Literal["step", "sweep", "update"]
_MACHINERY = (__file__, "importlib", os.path.join("arena", "plugins.py"), f"{os.sep}pluggy{os.sep}")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Spec:
    """One thing that a plugin contributes.

    Args:
        name: what people type; no white space.
        summary: one line for listings.
        reference: the paper and section that it follows.
        target: ``"package.module:attribute"``, imported by :meth:`load`.
        revision: part of a run's id; raise it when results change for the same experiment.
        plugin: the plugin that contributed the spec; filled in by discovery.

    Raises:
        ArenaError: a field is malformed.
    """

    kind: ClassVar[str] = "spec"

    name: str
    summary: str
    _: KW_ONLY
    reference: str = ""
    target: str = ""
    revision: int = 1
    plugin: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.name or self.name.split() != [self.name]:
            raise self._malformed("its name is empty or has white space", "write it like 'q-learning'")
        if self.summary.strip().splitlines() != [self.summary]:
            raise self._malformed("its summary is not one line", "say in one line what it is")
        if self.target and not _is_target(self.target):
            raise self._malformed(f"its target is {self.target!r}", "write it as 'package.module:attribute'")
        if not _is_positive(self.revision):
            raise self._malformed(f"its revision is {self.revision!r}", "count revisions from 1")

    def load(self) -> Any:
        """Imports and returns what ``target`` names.

        Raises:
            ArenaError: there is no target, or it cannot be imported; the message names the plugin, the target
                and the failure, which is also the error's ``__cause__``.
        """
        if not self.target:
            raise ArenaError(f"{self.kind} {self.name!r} has no target", "give its spec a target")
        module, _, path = self.target.partition(":")
        return self._importing(
            self.target, lambda: operator.attrgetter(path)(importlib.import_module(module))
        )

    def _importing(self, what: str, fetch: Callable[[], _T]) -> _T:
        """Calls ``fetch``, and says whose ``what`` it was when that fails."""
        try:
            return fetch()
        except ArenaError:  # already says what to do, such as which extra to install
            raise
        except Exception as error:
            plugin = self.plugin or what.partition(":")[0].partition(".")[0]
            missing = error.name if isinstance(error, ModuleNotFoundError) else None
            if missing and not f"{what.partition(':')[0]}.".startswith(f"{missing}."):
                remedy = f"install the package that provides {missing!r}"
            else:
                remedy = f"mend or update the plugin, or leave it out with --no-plugin {plugin}"
            problem = f"{what!r}, of {self.kind} {self.name!r}, cannot be imported: {described(error)}"
            raise ArenaError(f"plugin {plugin!r}: {problem}", remedy) from error

    def _malformed(self, problem: str, remedy: str) -> ArenaError:
        return ArenaError(f"{self.kind} spec {self.name!r} is malformed: {problem}", remedy)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Settings with which an agent does well on an environment; ``None`` leaves the choice to others.

    Args:
        options: the agent's hyperparameters.
        env: the environment's options.
        steps: how long to train, in the agent's unit.
        num_envs: environments stepped side by side.
        seeds: independent runs.
        horizon: the longest evaluation episode, in steps.
        episodes: evaluation episodes.
    """

    options: Mapping[str, object] = field(default_factory=dict, hash=False)
    env: Mapping[str, object] = field(default_factory=dict, hash=False)
    steps: int | None = None
    num_envs: int | None = None
    seeds: int | None = None
    horizon: int | None = None
    episodes: int | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "num_envs", "seeds", "horizon", "episodes"):
            value = getattr(self, name)
            if value is not None and not _is_positive(value):
                raise ArenaError(f"a preset's {name} is {value!r}", "give a whole number from 1, or None")

    def updated(self, other: Preset) -> Preset:
        """This preset with all that ``other`` says laid over it, key by key in ``options`` and ``env``."""
        said = {f.name: v for f in dataclasses.fields(other) if (v := getattr(other, f.name)) is not None}
        said["options"] = {**self.options, **other.options}
        said["env"] = {**self.env, **other.env}
        return dataclasses.replace(self, **said)


@dataclass(frozen=True, kw_only=True)
class Learned(Spec):
    """What can be trained.

    Args:
        presets: good settings, keyed by environment id or ``fnmatch`` pattern; ``"*"`` is the default.
        unit: what ``steps`` counts: environment steps, a planner's sweeps, or updates.
    """

    presets: Mapping[str, Preset] = field(default_factory=dict, hash=False)
    unit: Unit = "step"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.unit not in get_args(Unit):
            raise self._malformed(f"its unit is {self.unit!r}", f"use one of {', '.join(get_args(Unit))}")
        for key, preset in self.presets.items():
            if not isinstance(preset, Preset):
                raise self._malformed(
                    f"its preset for {key!r} is a {type(preset).__name__}", "use Preset(...)"
                )

    def preset(self, env_id: str) -> Preset:
        """Every preset that matches an environment, from the most general to the exact id, which wins.

        A pattern is the more exact the more literal characters it has; of two equals the later one wins.

        Args:
            env_id: a Gymnasium id, with or without the ``module:`` in front that Gymnasium takes.
        """
        ids = (env_id, env_id.rpartition(":")[2])
        matching = [key for key in self.presets if any(key == i or fnmatchcase(i, key) for i in ids)]
        merged = Preset()
        for key in sorted(matching, key=lambda key: (key in ids, sum(c not in "*?[]!" for c in key))):
            merged = merged.updated(self.presets[key])
        return merged


@dataclass(frozen=True, kw_only=True)
class AgentSpec(Learned):
    """An agent; ``target`` is its :class:`arena.agent.Agent` subclass.

    Example:
        >>> spec = AgentSpec(
        ...     name="q-learning",
        ...     summary="Off-policy temporal-difference control",
        ...     presets={"*": Preset(steps=1000), "arena/CliffWalk-v0": Preset(seeds=3)},
        ... )
        >>> spec.preset("arena/CliffWalk-v0").steps, spec.preset("arena/CliffWalk-v0").seeds
        (1000, 3)
    """

    kind: ClassVar[str] = "agent"


@dataclass(frozen=True, kw_only=True)
class EnvironmentSpec(Spec):
    """An environment; ``name`` is its Gymnasium id, and ``target``, if any, the dataclass of its options.

    Args:
        package: the module whose import registers the id with Gymnasium.
        horizon: the longest evaluation episode, in steps, where neither the experiment nor a preset says.
    """

    kind: ClassVar[str] = "environment"

    package: str
    horizon: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _is_dotted(self.package):
            raise self._malformed(f"its package is {self.package!r}", "name an importable module")
        if self.horizon is not None and not _is_positive(self.horizon):
            raise self._malformed(f"its horizon is {self.horizon!r}", "give a whole number from 1, or None")

    def register(self) -> None:
        """Imports ``package``, so that ``gymnasium.make(spec.name)`` works.

        Raises:
            ArenaError: the package cannot be imported.
        """
        self._importing(self.package, lambda: importlib.import_module(self.package))


@dataclass(frozen=True, kw_only=True)
class EncoderSpec(Learned):
    """An encoder; ``target`` is an :class:`arena.encoder.Encoder` subclass, whose protocols say what it can do.

    A preset's ``options`` are the encoder's, its ``steps`` updates.
    """

    kind: ClassVar[str] = "encoder"

    unit: Unit = "update"


@dataclass(frozen=True, kw_only=True)
class TrackerSpec(Spec):
    """A tracker; ``target``, called as ``target(run, step)``, makes an `arena.trackers.Tracker`.

    Args:
        default: whether runs use it that do not say which trackers they want.
    """

    kind: ClassVar[str] = "tracker"

    default: bool = False


@dataclass(frozen=True, kw_only=True)
class LauncherSpec(Spec):
    """A launcher; ``target`` is a class made as ``target(config, workers)`` from its nested dataclass ``Config``.

    `arena.launchers.Launcher` says what it does with a sweep's runs: in processes, on a cluster.
    """

    kind: ClassVar[str] = "launcher"


@dataclass(frozen=True, kw_only=True)
class OverlaySpec(Spec):
    """An overlay; ``target`` is an `arena_viewer.Overlay` subclass, made without arguments.

    Args:
        title: what stands above it and in the list of keys; the name, if not given.
        key: the letter that switches it on and off; it gets a digit where that is taken.
        shown: whether it is on at first.
        layer: when it is drawn over a world: 0 is first, for washes; 1 for marks; 2 is last, above the walker.
    """

    kind: ClassVar[str] = "overlay"

    title: str = ""
    key: str = ""
    shown: bool = False
    layer: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.layer not in (0, 1, 2):
            raise self._malformed(f"its layer is {self.layer!r}", "give 0, 1 or 2")
        if self.key and not (len(self.key) == 1 and self.key.isalnum() and self.key == self.key.lower()):
            raise self._malformed(f"its key is {self.key!r}", "give one small letter or a digit")


class Command(Protocol):
    """What a :class:`CommandSpec`'s target offers: an object, or a class, with these two methods.

    A third one is optional: ``parse(parser, words)`` returns the namespace of the words behind the verb, for a verb
    that takes the options of an agent or an environment.
    """

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Adds the verb's arguments to its own parser."""

    def run(self, args: argparse.Namespace) -> int:
        """Does the work and returns the exit status."""
        ...


@dataclass(frozen=True, kw_only=True)
class CommandSpec(Spec):
    """A verb of the command line; ``target`` is a :class:`Command`, loaded only when the verb is used."""

    kind: ClassVar[str] = "command"


def described(error: BaseException) -> str:
    """An error on one line, with the innermost place outside the plugin machinery that it came from."""
    place, traceback = "", error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not any(part in code.co_filename for part in _MACHINERY):
            place = f" ({code.co_filename}:{traceback.tb_lineno})"
        traceback = traceback.tb_next
    return " ".join(f"{type(error).__name__}: {error}".split()) + place


def _is_dotted(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))


def _is_target(text: str) -> bool:
    module, colon, attribute = text.partition(":")
    return bool(colon) and _is_dotted(module) and _is_dotted(attribute)


def _is_positive(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


LOCAL = LauncherSpec(name="local", summary="worker processes on this machine", target="arena.launchers:Local")
"""The launcher that needs no plugin; it has its name for itself."""
