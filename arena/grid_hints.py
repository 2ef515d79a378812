"""What to do about a mistake in a sweep's file, where the grids around it say more than the mistake itself."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

from arena.errors import ArenaError
from arena.experiment import agent_class_of
from arena.plugins import get_plugins

__all__ = ["named", "of_its_own", "option_called", "toml_remedy"]

_PLACE = re.compile(r"at line (\d+), column (\d+)")


def named(value: Any) -> Any:
    """The name of an agent or environment, which may be a table."""
    return value.get("name", value.get("id", value)) if isinstance(value, Mapping) else value


def toml_remedy(text: str, error: Exception) -> str:
    """What is to be done about a file that is no TOML: often a text or an option's name lacks its quotes."""
    place = _PLACE.search(str(error))
    if place is not None:
        line = [*text.splitlines(), ""][int(place[1]) - 1]
        if "Invalid value" in str(error) and line[int(place[2]) - 1 :][:1].isalpha():
            return 'texts stand in quotes: agent = "q-learning"'
        if re.match(r"\s*(agent|env)\.\w", line):
            return 'options stand in quotes: "agent.learning_rate" = [0.1, 0.5]'
    return "mend that line"


def option_called(key: str, tables: Iterable[Mapping[str, Any]]) -> str:
    """The option that a key stands for, such as ``agent.epsilon``, of whatever some tables name; or nothing."""
    for table in tables:
        for owner in ("agent", "env", "encoder", "novelty"):
            if any(key in _options(owner, value) for value in _listed(table.get(owner))):
                return f"{owner}.{key}"
    return ""


def of_its_own(problem: str, values: Mapping[str, Any], axes: Mapping[str, Iterable[Any]]) -> str:
    """The remedy where an option of a grid is one that some of its agents or environments have, and one has not.

    Args:
        problem: what was wrong with a combination.
        values: the combination.
        axes: the grid's lists, by key.
    """
    for key in values:
        owner, _, option = key.partition(".")
        mine = named(values.get(owner))
        if problem.startswith(f"no option of {mine} is called {option!r}") and any(
            option in _options(owner, other) for other in axes.get(owner, ())
        ):
            return f"give {mine} a [[grid]] of its own"
    return ""


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else () if value is None else (value,)


def _options(owner: str, value: Any) -> set[str]:
    """The names of the options of an agent, an environment or an encoder; none where there is no such thing."""
    name = named(value)
    with contextlib.suppress(ArenaError):
        if isinstance(name, str):
            return {field.name for field in dataclasses.fields(_options_class(owner, name))}
    return set()


def _options_class(owner: str, name: str) -> type[Any]:
    if owner == "agent":
        return agent_class_of(get_plugins().agents[name]).Config
    if owner == "env":
        from arena.environments import options_class_of

        return options_class_of(name)
    from arena.fit import encoder_class_of

    return encoder_class_of(get_plugins().encoders[name]).Config
