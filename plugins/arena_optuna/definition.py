"""Tuning files: the fixed experiment, the search space, and the settings of the study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from arena.config.options import Between, coerce
from arena.errors import ArenaError, unknown_name
from arena.experiments.experiment import Experiment
from arena.experiments.experiment_file import ARGUMENTS, arguments_of
from arena.runs.resolve import resolve_experiment
from arena.storage.text_files import read_toml_file
from arena_optuna.search import Parameter, hints_of, parameters

__all__ = ["Definition", "Settings"]

#: Keys of a tuning file.
KEYS = [*ARGUMENTS, "search", "study"]

Objective = Literal["final", "best", "area"]


@dataclass(frozen=True)
class Settings:
    """Settings of a study: the ``[study]`` table."""

    trials: Annotated[int, Between(1, None)] = 40
    """Number of trials, complete or pruned."""

    objective: Objective = "final"
    """Quantity to maximize of a run's evaluations: the last return, the best, or the mean of all (area)."""

    sampler: Literal["tpe", "random"] = "tpe"
    """Sampler of options: the tree-structured Parzen estimator (tpe), or uniformly random."""

    seed: Annotated[int, Between(0, None)] = 0
    """Seed of the sampler."""

    pruner: Literal["median", "hyperband", "none"] = "median"
    """Rule that ends hopeless trials early: median, hyperband, or none."""

    storage: str | None = None
    """URL of an Optuna storage; None: a SQLite file in the output folder."""

    name: str | None = None
    """Name of the study; None: the name of the file."""


@dataclass(frozen=True)
class Definition:
    """A tuning file, read and checked.

    Attributes:
        name: name of the study.
        arguments: arguments of `Experiment.create` that are fixed in every trial.
        space: the options to search.
        settings: settings of the study.
        steps: length of every run, in the agent's unit.
        evaluate_every: steps between evaluations.
        seeds: seeds of every trial.
    """

    name: str
    arguments: Mapping[str, Any]
    space: tuple[Parameter, ...]
    settings: Settings
    steps: int = field(init=False)
    evaluate_every: int = field(init=False)
    seeds: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        base = self.experiment({parameter.name: parameter.first for parameter in self.space})
        for name in ("steps", "evaluate_every", "seeds"):
            object.__setattr__(self, name, getattr(base, name))

    @classmethod
    def from_file(cls, path: Path, trials: int | None = None) -> Definition:
        """Reads and checks a tuning file.

        Args:
            path: the file.
            trials: number of trials; None: the file's.

        Raises:
            ArenaError: the file cannot be read, is not TOML, or has an unknown key or an invalid value.
        """
        values = read_toml_file(path, lambda *_: "fix that line")
        search, study = (_table(values, name) for name in ("search", "study"))
        settings = coerce(
            Settings, {**study, **({} if trials is None else {"trials": trials})}, where="study"
        )
        for key in values:
            if key not in KEYS:
                raise unknown_name("key of a tuning file", key, KEYS)
        arguments = arguments_of(values)
        for name, example in (("agent", 'name = "q-learning"'), ("env", 'id = "arena/CliffWalk-v0"')):
            if name not in arguments:
                raise ArenaError(f"{path} has no {name}", f"write [{name}] with {example}")
        return cls(_name(settings.name or path.stem), arguments, _space(arguments, search), settings)

    def experiment(self, values: Mapping[str, Any]) -> Experiment:
        """The experiment of a trial.

        Args:
            values: value of each searched option, by name.

        Raises:
            ArenaError: the values are incompatible.
        """
        arguments = dict(self.arguments)
        for name, value in values.items():
            prefix, _, option = name.rpartition(".")
            if prefix:
                key = f"{prefix}_options"
                arguments[key] = {**arguments.get(key, {}), option: value}
            else:
                arguments[name] = value
        return resolve_experiment(**arguments)

    def values(self, suggested: Mapping[str, Any]) -> dict[str, Any]:
        """Converts Optuna's suggestions to values of the options, by name."""
        return {p.name: p.value(suggested[p.name]) for p in self.space if p.name in suggested}

    def identity(self) -> dict[str, Any]:
        """Settings that must stay fixed in a study so that the values of its trials are comparable, by name."""
        experiment = self.experiment({parameter.name: parameter.first for parameter in self.space}).to_dict()
        del experiment["trackers"]
        found: dict[str, Any] = {"objective": self.settings.objective}
        for key, value in experiment.items():
            inner = value.items() if isinstance(value, dict) else ()
            for name, part in inner:
                options = part.items() if name == "options" else [(name, part)]
                found |= {f"{key}.{option}": plain for option, plain in options}
            if not isinstance(value, dict):
                found[key] = value
        return found | {parameter.name: _described(parameter) for parameter in self.space}


def _space(arguments: Mapping[str, Any], search: Mapping[str, Any]) -> tuple[Parameter, ...]:
    from arena.environments.factory import options_class_of
    from arena.plugins.discovery import get_plugins

    hints = hints_of(
        get_plugins().agents[arguments["agent"]].load().Config, options_class_of(arguments["env"])
    )
    fixed = {
        f"{prefix}.{name}" for prefix in ("agent", "env") for name in arguments.get(f"{prefix}_options", {})
    }
    return parameters(search, hints, fixed | {*arguments})


def _table(values: dict[str, Any], name: str) -> dict[str, Any]:
    table = values.pop(name, {})
    if not isinstance(table, dict):
        raise ArenaError(f"{name} is {table!r}, which is not a table", f"write a [{name}] table")
    return table


def _name(name: str) -> str:
    if not name.strip() or any(c in '/\\:*?"<>|' or not c.isprintable() for c in name):
        raise ArenaError(
            f"the study's name is {name!r}, which is no valid folder name",
            'use printable characters other than / \\ : * ? " < > |',
        )
    return name


def _described(parameter: Parameter) -> dict[str, Any]:
    described = {name: value for name, value in vars(parameter).items() if name != "name"}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in described.items()}
