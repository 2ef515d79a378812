"""Remedies for mistakes in a sweep's file that depend on the grids around the mistake."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

from arena.agents.compatibility import agent_class_of
from arena.errors import ArenaError, UnknownNameError
from arena.plugins.discovery import get_plugins

__all__ = ["find_option", "name_of", "own_grid_remedy", "toml_remedy"]

_PLACE = re.compile(r"at line (\d+), column (\d+)")


def name_of(value: Any) -> Any:
    """Return the name of an agent or environment, which may be given as a table."""
    return value.get("name", value.get("id", value)) if isinstance(value, Mapping) else value


def toml_remedy(text: str, error: Exception) -> str:
    """Suggest a remedy for invalid TOML: often the quotes around a text or an option's name are missing."""
    place = _PLACE.search(str(error))
    if place is not None:
        line = [*text.splitlines(), ""][int(place[1]) - 1]
        if "Invalid value" in str(error) and line[int(place[2]) - 1 :][:1].isalpha():
            return 'write texts in quotes: agent = "q-learning"'
        if re.match(r"\s*(agent|env)\.\w", line):
            return 'write options in quotes: "agent.epsilon" = [0.1, 0.5]'
    return "fix that line"


def find_option(key: str, tables: Iterable[Mapping[str, Any]]) -> str:
    """Find the option that a key without prefix means, such as ``agent.epsilon``, in the given tables; else empty."""
    for table in tables:
        for owner in ("agent", "env", "encoder", "novelty"):
            if any(key in _options(owner, value) for value in _listed(table.get(owner))):
                return f"{owner}.{key}"
    return ""


def own_grid_remedy(error: ArenaError, values: Mapping[str, Any], axes: Mapping[str, Iterable[Any]]) -> str:
    """Remedy for an option that some agents or environments of a grid have and others do not; otherwise empty.

    Args:
        error: the error of a combination.
        values: values of the combination.
        axes: lists of the grid, by key.
    """
    if not isinstance(error, UnknownNameError):
        return ""
    for key in values:
        owner, _, option = key.partition(".")
        mine = name_of(values.get(owner))
        if (error.kind, error.name) == (f"option of {mine}", option) and any(
            option in _options(owner, other) for other in axes.get(owner, ())
        ):
            return f"move {mine} to its own [[grid]]"
    return ""


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else () if value is None else (value,)


def _options(owner: str, value: Any) -> set[str]:
    """Names of the options of an agent, an environment or an encoder; empty if it does not exist."""
    name = name_of(value)
    with contextlib.suppress(ArenaError):
        if isinstance(name, str):
            return {field.name for field in dataclasses.fields(_options_class(owner, name))}
    return set()


def _options_class(owner: str, name: str) -> type[Any]:
    if owner == "agent":
        return agent_class_of(get_plugins().agents[name]).Config
    if owner == "env":
        from arena.environments.factory import options_class_of

        return options_class_of(name)
    from arena.encoders.compatibility import encoder_class_of

    return encoder_class_of(get_plugins().encoders[name]).Config
