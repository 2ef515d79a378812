"""Laws of options: each has a help text and survives JSON and TOML."""

from __future__ import annotations

import dataclasses
import json
import tomllib
import typing
from typing import Any

from arena.config.options import asdict, check, coerce, fields_help
from arena.environments.factory import EnvironmentFactory, options_class_of
from arena.experiments.experiment import Experiment
from arena.experiments.experiment_file import arguments_of
from arena.plugins.discovery import get_plugins
from arena.runs.resolve import resolve_experiment
from arena.testing.cases import agent_law, environment_law
from arena.testing.errors import LawError, require
from arena.testing.sentences import help_stands_alone

__all__ = [
    "agent_options_have_help",
    "agent_options_round_trip",
    "environment_options_have_help",
    "environment_options_round_trip",
    "have_help",
    "round_trip",
]


@agent_law
def agent_options_have_help(agent: str, env: str) -> None:
    """Every hyperparameter has a help text, which the command line shows."""
    have_help(get_plugins().agents[agent].load().Config)


@agent_law
def agent_options_round_trip(agent: str, env: str) -> None:
    """Defaults and presets are canonical and survive JSON; an experiment survives JSON and TOML."""
    spec = get_plugins().agents[agent]
    round_trip(spec.load().Config, [{}, *(preset.options for preset in spec.presets.values())])
    experiment = resolve_experiment(agent, env)
    back = Experiment.from_dict(json.loads(json.dumps(experiment.to_dict())))
    require(back == experiment, f"JSON made {back} of {experiment}", "hold plain values in options")
    read = resolve_experiment(**arguments_of(tomllib.loads(experiment.to_toml())))
    require(
        read == experiment, f"TOML made {read} of {experiment}", "let None be the default where it is allowed"
    )


@environment_law
def environment_options_have_help(env: str) -> None:
    """Every option has a help text."""
    have_help(options_class_of(env))


@environment_law
def environment_options_round_trip(env: str) -> None:
    """Defaults are canonical and survive JSON, and resolve to the same options again."""
    options = EnvironmentFactory.resolve(env).options
    round_trip(options_class_of(env), [{}, options])
    again = EnvironmentFactory.resolve(env, json.loads(json.dumps(dict(options)))).options
    require(
        again == options, f"its canonical options {options} become {again}", "let `canonical` be idempotent"
    )


def have_help(options: type[Any]) -> None:
    """Every field of a dataclass of options has a help text that stands alone."""
    documented, hints = fields_help(options), typing.get_type_hints(options, include_extras=True)
    for field in dataclasses.fields(options):
        text = " ".join(documented.get(field.name, "").split())
        if not text:
            raise LawError(
                f"the option {field.name!r} has no help",
                f"write a docstring under {options.__name__}.{field.name}",
            )
        help_stands_alone(text, hints[field.name], f"the option {field.name!r}")


def round_trip(options: type[Any], examples: list[Any]) -> None:
    """Options are canonical and survive JSON."""
    for values in examples:
        config = coerce(options, values, where="")
        plain = asdict(config)
        back = coerce(options, json.loads(json.dumps(plain)), where="")
        require(back == config, f"JSON made {back} of {config}", "give fields types that a config can have")
        require(
            check(config, "") == config, f"{config} is not canonical", "let defaults have their fields' types"
        )
