"""Parsers of JSON and TOML for content from any source: every failure is a `MalformedError`."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from arena.errors import ArenaError
from arena.storage.files import open_regular

__all__ = ["MAX_DEPTH", "MalformedError", "TooDeepError", "parse_json", "parse_toml", "read_toml_file"]

#: Maximum nesting of lists and tables; the code that works on the values is recursive.
MAX_DEPTH = 100

#: Maximum size of a TOML file in bytes, and number of parts of a dotted key; `tomllib` takes quadratic time for them.
MOST_TOML, MOST_PARTS = 4 << 20, 1000


class MalformedError(ValueError):
    """Content that cannot be parsed: the syntax is wrong, a number is too long, or the nesting is too deep."""


class TooDeepError(MalformedError):
    """Content that is nested more than `MAX_DEPTH` deep."""

    def __init__(self) -> None:
        super().__init__(f"it is nested more than {MAX_DEPTH} deep")


def parse_json(data: bytes | str) -> Any:
    """Parse a JSON document; bytes must be UTF-8.

    Raises:
        MalformedError: the content is not JSON, or is nested more than `MAX_DEPTH` deep.
    """
    try:
        text = data if isinstance(data, str) else str(data, "utf-8")
        value = json.loads(text)
    except RecursionError:
        raise TooDeepError() from None
    except ValueError as error:
        raise MalformedError(str(error)) from error
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _refuse_depth(value)
    return value


def parse_toml(text: str) -> dict[str, Any]:
    """Parse a TOML document.

    Raises:
        MalformedError: the content is not TOML (with the line), or is nested more than `MAX_DEPTH` deep.
    """
    for line in text.splitlines():
        key = line.partition('"')[0].partition("'")[0]
        if key.count(".") > MOST_PARTS and ".." not in key:
            raise TooDeepError()
    try:
        value = tomllib.loads(text)
    except RecursionError:
        raise TooDeepError() from None
    except (ValueError, OverflowError) as error:
        raise MalformedError(str(error)) from error
    _refuse_depth(value)
    return value


def read_toml_file(path: Path, remedy: Callable[[str, ValueError], str]) -> dict[str, Any]:
    """Read a TOML file that a user named.

    Args:
        path: the file, which must be a regular file of at most 4 MiB.
        remedy: function of the text and the error that returns the remedy for malformed content.

    Raises:
        ArenaError: the file cannot be read, or is not TOML.
    """
    text = ""
    try:
        with open_regular(path, MOST_TOML) as file:
            data = file.read(MOST_TOML)
        text = data.decode("utf-8")
        return parse_toml(text)
    except OSError as error:
        raise ArenaError(f"cannot read {path}: {error.strerror}", "check the path") from error
    except ValueError as error:
        raise ArenaError(f"{path} is not TOML: {error}", remedy(text, error)) from error


def _refuse_depth(value: Any) -> None:
    """Refuse values nested more than `MAX_DEPTH` deep, without recursion."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            item
            for outer in level
            if isinstance(outer, dict | list)
            for item in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise TooDeepError()
