"""What every training has in common: a plugin's name and options, how long, from which seeds, and its id."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import tomli_w

from arena.config.validation import first_given, validated_count, validated_device, validated_seeds
from arena.errors import ArenaError
from arena.plugins.discovery import get_plugins
from arena.plugins.specs import AgentSpec, EncoderSpec, Preset

__all__ = ["TrainingSpec", "validated_trackers"]


@dataclass(frozen=True, kw_only=True)
class TrainingSpec(ABC):
    """What to train, and everything that decides the outcome; with a seed it is a run.

    Attributes:
        name: the agent's or the encoder's name.
        options: all its hyperparameters, as plain values.
        steps: how long to train: environment steps, a planner's sweeps, or an encoder's updates.
        seeds: the seeds of its runs.
        evaluate_every: steps between evaluations.
        log_every: steps between lines of metrics.
        device: where torch modules live.
        threads: cores that torch and BLAS use.
        trackers: where metrics are also written; see `arena list trackers`.
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
        """The spec of the agent or the encoder."""

    @property
    @abstractmethod
    def learner_class(self) -> type[Any]:
        """The class of the agent or the encoder."""

    @property
    @abstractmethod
    def source(self) -> str:
        """The environment's id, or the name of the data set."""

    @property
    @abstractmethod
    def env_options(self) -> dict[str, Any]:
        """The environment's options; empty where there is no environment."""

    @property
    @abstractmethod
    def wrappers(self) -> tuple[str, ...]:
        """The wrappers around the environment, the innermost first."""

    @property
    @abstractmethod
    def folder_part(self) -> str:
        """The part of a run folder's name that stands for the environment or the data set."""

    @property
    @abstractmethod
    def in_memory(self) -> bool:
        """Whether it needs a function of this process, which other processes do not have."""

    @abstractmethod
    def config(self) -> Any:
        """The hyperparameters as an instance of the plugin's `Config`."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Everything that decides the bytes of a run, but the seed."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Plain values: what `run.json`, ``--json`` and TOML files hold."""

    @classmethod
    @abstractmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""

    @abstractmethod
    def settings(self) -> dict[tuple[str, str], Any]:
        """The settings in which two specs of one plugin and source may differ, by ("agent" or "env", name)."""

    def replaced(self, **changes: Any) -> Self:
        """A copy with other values in some fields."""
        return dataclasses.replace(self, **changes)

    def id(self, seed: int) -> str:
        """The digest that names a run: 12 hexadecimal digits.

        It covers everything that decides the bytes of the result: every option, the specs' revisions, maps and
        sources by content. Cadences, paths and the number of steps are outside it, so that more steps train on.
        """
        text = json.dumps({**self.identity(), "seed": seed}, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()

    def to_toml(self) -> str:
        """The spec as a TOML file for ``--config``."""
        return tomli_w.dumps(_without_none(self.to_dict()))


def common_fields(
    preset: Preset,
    *,
    steps: int | None,
    default_steps: int,
    seeds: int | Sequence[int] | None,
    evaluate_every: int | None,
    log_every: int | None,
    device: str,
    threads: int,
    trackers: str | Sequence[str] | None,
) -> dict[str, Any]:
    """The fields that every `TrainingSpec` has, validated; missing ones from the preset and from defaults.

    Raises:
        ArenaError: a value out of its range.
    """
    steps = validated_count("steps", first_given(steps, preset.steps, default_steps))
    every = validated_count("evaluate-every", first_given(evaluate_every, max(1, steps // 20)))
    return {
        "steps": steps,
        "seeds": validated_seeds(first_given(seeds, preset.seeds, 1)),
        "evaluate_every": every,
        "log_every": validated_count("log-every", first_given(log_every, max(1, every // 10))),
        "device": validated_device(device),
        "threads": validated_count("threads", threads),
        "trackers": validated_trackers(trackers),
    }


def validated_trackers(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """The trackers of these names; the default ones for None.

    Raises:
        ArenaError: an unknown name.
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
