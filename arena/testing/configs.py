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
from arena.testing.errors import require
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
    """Every hyperparameter has a help text, which stands alone and names the quantity of a number."""
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
    remedy = "let None be the default where it is allowed"
    require(read == experiment, f"TOML made {read} of {experiment}", remedy)


@environment_law
def environment_options_have_help(env: str) -> None:
    """Every option has a help text, which stands alone and names the quantity of a number."""
    have_help(options_class_of(env), ours=env in get_plugins().environments)


@environment_law
def environment_options_round_trip(env: str) -> None:
    """Defaults are canonical and survive JSON, and resolve to the same options again."""
    options = EnvironmentFactory.resolve(env).options
    round_trip(options_class_of(env), [{}, options])
    again = EnvironmentFactory.resolve(env, json.loads(json.dumps(dict(options)))).options
    problem = f"its canonical options {options} become {again}"
    require(again == options, problem, "let `canonical` be idempotent")


def have_help(options: type[Any], *, ours: bool = True) -> None:
    """Every field of a dataclass has a help text; one that a plugin declares stands alone (see `sentences`)."""
    documented, hints = fields_help(options), typing.get_type_hints(options, include_extras=True)
    for field in dataclasses.fields(options):
        text = " ".join(documented.get(field.name, "").split())
        remedy = f"write a docstring under {options.__name__}.{field.name}"
        require(bool(text), f"the option {field.name!r} has no help", remedy)
        if ours:  # those of Gymnasium's environments come from the signatures of their constructors
            help_stands_alone(text, hints[field.name], f"the option {field.name!r}")


def round_trip(options: type[Any], examples: list[Any]) -> None:
    """Options are canonical, and survive JSON."""
    for values in examples:
        config = coerce(options, values, where="")
        plain = asdict(config)
        back = coerce(options, json.loads(json.dumps(plain)), where="")
        require(back == config, f"JSON made {back} of {config}", "use types that options can have")
        canonical = check(config, "") == config
        require(canonical, f"{config} is not canonical", "let defaults have their fields' types")
