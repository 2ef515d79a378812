"""Experiments in TOML and JSON: names and types of the arguments in a file are checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from arena.errors import ArenaError, unknown_name
from arena.storage.text_files import read_toml_file

__all__ = ["ARGUMENTS", "arguments_of", "read_toml"]

#: Arguments of an experiment that a file may have, in the order of `arena.runs.resolve.resolve_experiment`.
ARGUMENTS = (
    *("agent", "agent_options", "env", "env_options", "wrappers", "num_envs", "steps", "seeds", "horizon"),
    *("episodes", "evaluate_every", "log_every", "device", "threads", "encoder", "encoder_options"),
    *("novelty", "novelty_options", "start", "trackers"),
)


def arguments_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the layout of `Experiment.to_dict` to arguments of an experiment.

    Raises:
        ArenaError: a key is unknown, or a value has the wrong type.
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
    """Read an experiment file into arguments of `arena.runs.resolve.resolve_experiment`.

    Raises:
        ArenaError: the file cannot be read or is not TOML (with the line), or a key is unknown.
    """
    return arguments_of(read_toml_file(path, lambda *_: "see `arena train --help` for an example"))


def _are_texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(text, str) for text in value)


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


#: Type of the value of each key that `create` does not check itself, in words, and a function that checks it.
_SHAPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "agent": ("a name", _is_text),
    "env": ("an id", _is_text),
    "device": ("a device's name", _is_text),
    "wrappers": ("a list of texts", _are_texts),
    "trackers": ("a list of texts", _are_texts),
    "start": ("a run folder", lambda value: value is None or isinstance(value, (str, Path, Mapping))),
    **{f"{name}_options": ("a table", _is_table) for name in ("agent", "env", "encoder", "novelty")},
}
