"""Options of the environment, agent, encoders and launcher that a command line names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from arena.cli.option_parsing import Section
from arena.errors import ArenaError

__all__ = ["environment_section", "experiment_sections", "launcher_section", "refuse_swapped"]


def environment_section(env: str, values: Mapping[str, Any] | None = None) -> Section:
    """Options of an environment, with values other than their defaults."""
    from arena.environments.factory import options_class_of

    return Section("env", env, options_class_of(env), values or {})


def launcher_section(name: str, values: Mapping[str, Any]) -> Section:
    """Options of a launcher, with values other than their defaults."""
    from arena.launch.base import launcher_class

    return Section("launcher", f"the launcher {name}", launcher_class(name).Config, values)


def experiment_sections(arguments: Mapping[str, Any]) -> Iterator[Section]:
    """Options of the agent, the environment and the encoders of an experiment, with the presets' values.

    Args:
        arguments: the experiment's, as those of `arena.train`; ``agent`` and ``env`` are needed.
    """
    from arena.plugins.discovery import get_plugins

    agent, env = arguments["agent"], arguments["env"]
    refuse_swapped("agent", get_plugins().agents, agent, env)
    spec = get_plugins().agents[agent]
    preset = spec.preset(env)
    yield Section("agent", agent, spec.load().Config, preset.options | arguments.get("agent_options", {}))
    yield environment_section(env, preset.env | arguments.get("env_options", {}))
    if arguments.get("encoder") is None and arguments.get("novelty") is None:
        return
    from arena.experiments.encoder_use import EncoderUse
    from arena.experiments.novelty_use import NoveltyUse
    from arena.runs.resolve import options_of

    for use in (EncoderUse, NoveltyUse):
        name = use.argument
        if arguments.get(name) is not None:
            source, given = arguments[name], arguments.get(f"{name}_options", {})
            yield Section(name, str(source), options_of(source, use), given)


def refuse_swapped(noun: str, known: Collection[str], first: str, second: str) -> None:
    """Raises an `ArenaError` if the name of an agent or encoder stands in the second place instead of the first."""
    if first not in known and second in known:
        raise ArenaError(f"the {noun} {second} stands in the second place", f"write `{second} {first}`")
