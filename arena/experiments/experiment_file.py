"""Experiments in TOML and JSON: the arguments that a file holds, their names and shapes checked."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from arena.errors import ArenaError, unknown_name

__all__ = ["ARGUMENTS", "arguments_of", "read_toml"]

#: The arguments of an experiment that a file may hold, in the order of `arena.runs.resolve.resolve_experiment`.
ARGUMENTS = (
    *("agent", "agent_options", "env", "env_options", "wrappers", "num_envs", "steps", "seeds", "horizon"),
    *("episodes", "evaluate_every", "log_every", "device", "threads", "encoder", "encoder_options"),
    *("novelty", "novelty_options", "start", "trackers"),
)


def arguments_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of an experiment in the layout of `Experiment.to_dict`.

    Raises:
        ArenaError: an unknown key, or a value of the wrong kind.
    """
    arguments = dict(values)
    for table, renamed in (
        ("agent", {"name": "agent", "options": "agent_options"}),
        ("env", {"id": "env", "options": "env_options", "wrappers": "wrappers"}),
    ):
        given = arguments.pop(table, {})
        given = {next(iter(renamed)): given} if isinstance(given, str) else given
        if not isinstance(given, Mapping):
            raise ArenaError(f"{table} is {given!r}, which is not a table", f"write a [{table}] table")
        for key in given:
            if key not in renamed:
                raise unknown_name(f"key of [{table}]", key, renamed)
        arguments.update({renamed[key]: value for key, value in given.items()})
    for key, value in arguments.items():
        if key not in ARGUMENTS:
            raise unknown_name("key of an experiment", key, ARGUMENTS)
        wanted = _SHAPES.get(key)
        if wanted is not None and not wanted[1](value):
            raise ArenaError(
                f"{key.replace('_', '.')} is {value!r}, which is not {wanted[0]}", f"give {wanted[0]}"
            )
    return arguments


def read_toml(path: Path) -> dict[str, Any]:
    """Reads an experiment file into arguments of `arena.runs.resolve.resolve_experiment`.

    Raises:
        ArenaError: a file that cannot be read or is not TOML (with the line), or unknown keys.
    """
    try:
        return arguments_of(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ArenaError(f"cannot read {path}: {error.strerror}", "check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ArenaError(f"{path} is not TOML: {error}", "see `arena train --help` for an example") from error


def _are_texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(text, str) for text in value)


#: What keys of a file hold that `create` does not check itself.
_SHAPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "agent": ("a name", lambda value: isinstance(value, str)),
    "env": ("an id", lambda value: isinstance(value, str)),
    "device": ("a device's name", lambda value: isinstance(value, str)),
    "agent_options": ("a table", lambda value: isinstance(value, Mapping)),
    "env_options": ("a table", lambda value: isinstance(value, Mapping)),
    "wrappers": ("a list of texts", _are_texts),
    "trackers": ("a list of texts", _are_texts),
    "encoder_options": ("a table", lambda value: isinstance(value, Mapping)),
    "novelty_options": ("a table", lambda value: isinstance(value, Mapping)),
    "start": ("a run folder", lambda value: value is None or isinstance(value, (str, Path, Mapping))),
}
