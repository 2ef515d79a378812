"""Specs, the contributions of plugins: small frozen descriptions whose targets are imported on first use.

A spec contains enough to list, choose and explain an agent, environment and so on; the object itself is named by
``target``, and is imported only by :meth:`Spec.load`. So ``arena list`` imports neither torch nor numba.
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

from arena.errors import ArenaError, one_line

if TYPE_CHECKING:
    import argparse

__all__ = [
    "FOLDER",
    "LOCAL",
    "AgentSpec",
    "Command",
    "CommandSpec",
    "EncoderSpec",
    "EnvironmentSpec",
    "LauncherSpec",
    "OverlaySpec",
    "Preset",
    "SourceSpec",
    "Spec",
    "TrackerSpec",
    "Unit",
    "describe_error",
]

Unit = Literal["step", "sweep", "update"]
Reads = Literal["nothing", "file", "folder"]

#: Suffix of a folder, in the suffixes of a `SourceSpec`.
FOLDER = "/"

_MACHINERY = (
    __file__,
    "importlib",
    os.path.join("arena", "plugins", "discovery.py"),
    f"{os.sep}pluggy{os.sep}",
)
_T = TypeVar("_T")


@dataclass(frozen=True)
class Spec:
    """Base class of specs: the description of one contribution of a plugin.

    Args:
        name: name that users type; no white space.
        summary: one line for listings.
        reference: paper and section that the implementation follows.
        target: ``"package.module:attribute"``, imported by :meth:`load`.
        revision: revision number from 1, part of a run's id; increase it when results change for the same experiment.
        plugin: plugin that contributed the spec; set by discovery.

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
            raise self._malformed("its summary is not one line", "describe it in one line")
        if self.target and not _is_target(self.target):
            raise self._malformed(f"its target is {self.target!r}", "write it as 'package.module:attribute'")
        if not _is_positive(self.revision):
            raise self._malformed(f"its revision is {self.revision!r}", "count revisions from 1")

    def load(self) -> Any:
        """Import and return the object that ``target`` names.

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
        """Call ``fetch``; if it fails, raise an error that names the plugin and ``what`` was imported."""
        try:
            return fetch()
        except ArenaError:  # has a remedy already, such as which extra to install
            raise
        except Exception as error:
            plugin = self.plugin or what.partition(":")[0].partition(".")[0]
            missing = error.name if isinstance(error, ModuleNotFoundError) else None
            if missing and not f"{what.partition(':')[0]}.".startswith(f"{missing}."):
                remedy = f"install the package that provides {missing!r}"
            else:
                remedy = f"fix or update the plugin, or leave it out with --no-plugin {plugin}"
            problem = f"{what!r}, of {self.kind} {self.name!r}, cannot be imported: {describe_error(error)}"
            raise ArenaError(f"plugin {plugin!r}: {problem}", remedy) from error

    def _malformed(self, problem: str, remedy: str) -> ArenaError:
        return ArenaError(f"{self.kind} spec {self.name!r} is malformed: {problem}", remedy)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Recommended settings of an agent for an environment; ``None`` leaves a setting to other presets or defaults.

    Args:
        options: the agent's hyperparameters.
        env: the environment's options.
        steps: length of training, in the agent's unit.
        num_envs: number of parallel environments.
        seeds: number of independent runs.
        horizon: maximum length of an evaluation episode, in steps.
        episodes: number of evaluation episodes.
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
        """Update this preset with the settings of ``other``, merging ``options`` and ``env`` key by key."""
        merged = {f.name: v for f in dataclasses.fields(other) if (v := getattr(other, f.name)) is not None}
        merged["options"] = {**self.options, **other.options}
        merged["env"] = {**self.env, **other.env}
        return dataclasses.replace(self, **merged)


@dataclass(frozen=True, kw_only=True)
class TrainableSpec(Spec):
    """Base class of the specs of agents and encoders, which can be trained.

    Args:
        presets: recommended settings by environment id or ``fnmatch`` pattern; ``"*"`` is the default.
        unit: unit of ``steps``: environment steps, sweeps of a planner, or updates.
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
        """Merge all presets that match an environment, from the most general pattern to the exact id.

        Later ones override earlier ones. A pattern with more literal characters is more exact; between equally exact
        patterns, the one declared later overrides.

        Args:
            env_id: a Gymnasium id, with or without Gymnasium's prefix ``module:``.
        """
        ids = (env_id, env_id.rpartition(":")[2])
        matching = [key for key in self.presets if any(key == i or fnmatchcase(i, key) for i in ids)]
        merged = Preset()
        for key in sorted(matching, key=lambda key: (key in ids, sum(c not in "*?[]!" for c in key))):
            merged = merged.updated(self.presets[key])
        return merged


@dataclass(frozen=True, kw_only=True)
class AgentSpec(TrainableSpec):
    """Spec of an agent; ``target`` is its :class:`arena.agents.base.Agent` subclass.

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
    """Spec of an environment; ``name`` is its Gymnasium id, and ``target``, if any, the dataclass of its options.

    Args:
        package: module whose import registers the id with Gymnasium.
        horizon: maximum length of an evaluation episode, in steps, if neither the experiment nor a preset sets it.
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
        """Import ``package``, so that ``gymnasium.make(spec.name)`` works.

        Raises:
            ArenaError: the package cannot be imported.
        """
        self._importing(self.package, lambda: importlib.import_module(self.package))


@dataclass(frozen=True, kw_only=True)
class EncoderSpec(TrainableSpec):
    """Spec of an encoder; ``target`` is an :class:`arena.encoders.base.Encoder`, whose protocols are its abilities.

    The ``options`` of a preset are hyperparameters of the encoder, and its ``steps`` are updates.
    """

    kind: ClassVar[str] = "encoder"

    unit: Unit = "update"


@dataclass(frozen=True, kw_only=True)
class SourceSpec(Spec):
    """Spec of a source of frames; ``target`` is a function that returns `arena.frames.Frames`.

    It is called as ``target(path, out=out, **options)``, without ``path`` if the source reads nothing: ``out`` is the
    folder to write to, or None, and the keyword-only parameters are the options.

    Args:
        reads: whether the source reads nothing, or the file or folder whose path follows its name (``npz:FILE``).
        suffixes: suffixes of the files that are opened with this source without its name; `FOLDER` for folders.
    """

    kind: ClassVar[str] = "source"

    reads: Reads = "nothing"
    suffixes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if ":" in self.name:
            raise self._malformed("its name has a colon", "write it like 'npz'")
        if self.reads not in get_args(Reads):
            raise self._malformed(f"its reads is {self.reads!r}", f"use one of {', '.join(get_args(Reads))}")
        for suffix in self.suffixes:
            file = suffix.startswith(".") and suffix == suffix.lower()
            if not (suffix == FOLDER if self.reads == "folder" else file and self.reads == "file"):
                remedy = "give lower-case suffixes such as '.npz' of a file, and '/' of a folder"
                raise self._malformed(f"it has the suffix {suffix!r}, and reads {self.reads}", remedy)

    @property
    def usage(self) -> str:
        """Form of the source on a command line, such as ``npz:FILE``."""
        return self.name if self.reads == "nothing" else f"{self.name}:{self.reads.upper()}"


@dataclass(frozen=True, kw_only=True)
class TrackerSpec(Spec):
    """Spec of a tracker; ``target``, called as ``target(run, step)``, returns an `arena.runs.trackers.Tracker`.

    Args:
        default: whether runs use the tracker by default.
    """

    kind: ClassVar[str] = "tracker"

    default: bool = False


@dataclass(frozen=True, kw_only=True)
class LauncherSpec(Spec):
    """Spec of a launcher; ``target`` is a class with a nested ``Config``, called as ``target(config, workers)``.

    `arena.launch.base.Launcher` is the protocol that it implements.
    """

    kind: ClassVar[str] = "launcher"


@dataclass(frozen=True, kw_only=True)
class OverlaySpec(Spec):
    """Spec of an overlay; ``target`` is an `arena_viewer.Overlay` subclass, called without arguments.

    Args:
        title: title above the overlay and in the list of keys; by default the name.
        key: letter that switches the overlay on and off; if the letter is taken, a digit is assigned.
        shown: whether the overlay is on at the start.
        layer: drawing order over the environment's picture: 0 first, for area fills; 1 for marks; 2 last, above the
            agent.
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
    """Protocol of the target of a :class:`CommandSpec`: an object, or a class, with these two methods.

    A third one is optional: ``parse(parser, words)`` returns the namespace of the words behind the verb, for a verb
    that takes the options of an agent or an environment.
    """

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's arguments to its parser."""

    def run(self, args: argparse.Namespace) -> int:
        """Run the command and return the exit status."""
        ...


@dataclass(frozen=True, kw_only=True)
class CommandSpec(Spec):
    """Spec of a verb of the command line; ``target`` is a :class:`Command`, loaded only when the verb is used."""

    kind: ClassVar[str] = "command"


def describe_error(error: BaseException) -> str:
    """Describe an error in one line, with its innermost place in the code outside the plugin machinery."""
    place, traceback = "", error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not any(part in code.co_filename for part in _MACHINERY):
            place = f" ({code.co_filename}:{traceback.tb_lineno})"
        traceback = traceback.tb_next
    return one_line(error) + place


def _is_dotted(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))


def _is_target(text: str) -> bool:
    module, colon, attribute = text.partition(":")
    return bool(colon) and _is_dotted(module) and _is_dotted(attribute)


def _is_positive(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


LOCAL = LauncherSpec(
    name="local", summary="Worker processes on this machine", target="arena.launch.local:Local"
)
"""Spec of the built-in launcher, whose name plugins cannot use."""
