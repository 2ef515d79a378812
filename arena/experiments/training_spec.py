"""Base class of experiments and fits: the plugin, its options, the length of training, the seeds, and the run id."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypedDict

import tomli_w

from arena.config.validation import first_given, validated_count, validated_device, validated_seeds
from arena.errors import ArenaError
from arena.plugins.discovery import get_plugins
from arena.plugins.specs import AgentSpec, EncoderSpec, Preset

__all__ = ["CommonSettings", "TrainingSpec", "common_fields", "digest", "validated_trackers"]


@dataclass(frozen=True, kw_only=True)
class TrainingSpec(ABC):
    """Description of a training with everything that decides its result; with a seed it is a run.

    Attributes:
        name: name of the agent or encoder.
        options: all hyperparameters, as plain values.
        steps: length of training: environment steps, a planner's sweeps, or an encoder's updates.
        seeds: seeds of the runs.
        evaluate_every: steps between evaluations.
        log_every: steps between lines of metrics.
        device: torch device of the modules.
        threads: number of cores for torch and BLAS.
        trackers: further destinations of the metrics; see `arena list trackers`.
    """

    name: str
    options: Mapping[str, Any]
    steps: int
    seeds: tuple[int, ...]
    evaluate_every: int
    log_every: int
    device: str = "cpu"
    threads: int = 1
    trackers: tuple[str, ...] = ()

    @property
    @abstractmethod
    def plugin(self) -> AgentSpec | EncoderSpec:
        """Spec of the agent or encoder."""

    @property
    @abstractmethod
    def learner_class(self) -> type[Any]:
        """Class of the agent or encoder."""

    @property
    @abstractmethod
    def source(self) -> str:
        """Id of the environment, or source of the data set."""

    @property
    @abstractmethod
    def env_options(self) -> dict[str, Any]:
        """Options of the environment; empty without one."""

    @property
    @abstractmethod
    def wrappers(self) -> tuple[str, ...]:
        """Wrappers around the environment, the innermost first."""

    @property
    @abstractmethod
    def folder_part(self) -> str:
        """Part of a run folder's name for the environment or data set."""

    @property
    @abstractmethod
    def in_memory(self) -> bool:
        """Whether the environment is a function of this process, which other processes do not have."""

    @property
    def source_digest(self) -> str | None:
        """Digest of the source of the function that makes the environment; None for a registered environment."""
        return None

    @abstractmethod
    def config(self) -> Any:
        """Make the hyperparameters an instance of the plugin's `Config`."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Everything except the seed that decides the bytes of a run."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Convert to the plain values of `run.json`, ``--json`` and TOML files."""

    @classmethod
    @abstractmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make a spec from the values of `to_dict`."""

    @abstractmethod
    def settings(self) -> dict[tuple[str, str], Any]:
        """Settings that may differ between specs of one plugin and source, by ("agent" or "env", name)."""

    def replaced(self, **changes: Any) -> Self:
        """Copy with other values in some fields."""
        return dataclasses.replace(self, **changes)

    def id(self, seed: int) -> str:
        """Digest that identifies a run: 12 hexadecimal digits.

        It covers everything that decides the bytes of the result: every option, the specs' revisions, maps and
        sources by content. Cadences, paths and the number of steps are excluded, so that a run can be continued with
        more steps.
        """
        return digest(self.identity(), seed)

    def to_toml(self) -> str:
        """Convert to a TOML file for ``--config``."""
        return tomli_w.dumps(_without_none(self.to_dict()))


def digest(identity: Mapping[str, Any], seed: int) -> str:
    """Id of a run with this identity; see `TrainingSpec.id`."""
    text = json.dumps({**identity, "seed": seed}, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


class CommonSettings(TypedDict, total=False):
    """Settings of every training, with values that are not validated yet.

    Attributes:
        steps: length of training; by default the preset's.
        seeds: number of seeds (0, 1, …), or a list of seeds; by default the preset's.
        evaluate_every: steps between evaluations; by default a twentieth of ``steps``.
        log_every: steps between lines of metrics; by default a tenth of ``evaluate_every``.
        device: torch device of the modules; by default the CPU.
        threads: number of cores for torch and BLAS, part of a run's id since the order of sums affects rounding; by
            default 1.
        trackers: further destinations of the metrics, such as ``["tensorboard"]``, or ``[]``; by default the trackers
            whose specs say so.
    """

    steps: int | None
    seeds: int | Sequence[int] | None
    evaluate_every: int | None
    log_every: int | None
    device: str
    threads: int
    trackers: str | Sequence[str] | None


def common_fields(preset: Preset, default_steps: int, settings: CommonSettings) -> dict[str, Any]:
    """Validate the common settings; missing ones come from the preset and from defaults.

    Raises:
        ArenaError: a value is out of its range.
    """
    given = {name: settings.get(name) for name in CommonSettings.__annotations__}
    steps = validated_count("steps", first_given(given["steps"], preset.steps, default_steps))
    every = validated_count("evaluate-every", first_given(given["evaluate_every"], max(1, steps // 20)))
    return {
        "steps": steps,
        "seeds": validated_seeds(first_given(given["seeds"], preset.seeds, 1)),
        "evaluate_every": every,
        "log_every": validated_count("log-every", first_given(given["log_every"], max(1, every // 10))),
        "device": validated_device(settings.get("device", "cpu")),
        "threads": validated_count("threads", settings.get("threads", 1)),
        "trackers": validated_trackers(settings.get("trackers")),
    }


def validated_trackers(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """Check names of trackers; None means the default trackers.

    Raises:
        ArenaError: a name is unknown.
    """
    known = get_plugins().trackers
    if not (names is None or isinstance(names, str | list | tuple)):
        raise ArenaError(f"trackers is {names!r}", 'give a list of names, such as ["tensorboard"]')
    if names is None:
        return tuple(spec.name for spec in known.values() if spec.default)
    chosen = (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))
    return tuple(known[name].name for name in chosen)


def _without_none(value: Any) -> Any:
    # TOML has no null; an option that is None is its default when it is read back only if the default is None, so
    # a None that differs from the default must be given on the command line.
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    return value
