"""What goes to standard output: tables for people, one JSON object for scripts."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["clean", "console", "only_json", "print_json", "print_table"]

#: Columns where nobody looks at a terminal: wide enough that a table is not folded for `grep`.
WIDE = 200

#: What steers a terminal, and the marks that turn the direction of writing; not line feeds and tabs.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

#: What JSON may hold as it is, and a terminal or an encoder may not.
_UNPRINTABLE = re.compile("[\x7f-\x9f\ud800-\udfff]")


def clean(text: str) -> str:
    """A text without control characters: names in a run that others made must not steer the terminal."""
    return _CONTROLS.sub("", text)


def console() -> Console:
    """Where people read; plain and wide when it is not a terminal."""
    from rich.console import Console

    class Screen(Console):
        def on_broken_pipe(self) -> None:
            raise

    found = Screen(highlight=False, emoji=False, markup=False)
    return found if found.is_terminal else Screen(highlight=False, emoji=False, markup=False, width=WIDE)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Prints rows under bold column names.

    Args:
        columns: their names.
        rows: their texts; an empty one is left blank.
        right: the columns that hold numbers.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for i, column in enumerate(columns):
        style = "bold" if i == 0 else None
        justify = "right" if column in right else "left"
        table.add_column(column, style=style, justify=justify, no_wrap=i == 0, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*map(clean, row))
    console().print(table, crop=False)


@contextlib.contextmanager
def only_json(wanted: bool) -> Iterator[None]:
    """Sends what environments, libraries and workers print to standard error; `print_json` comes after."""
    if not wanted:
        yield
        return
    sys.stdout.flush()
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # descriptors may be closed
            saved = os.dup(1)
            os.dup2(2, 1)
            stack.callback(os.close, saved)
            stack.callback(os.dup2, saved, 1)
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        yield


def print_json(value: Any) -> None:
    """Prints one JSON document; numbers that are not finite, which JSON lacks, as null."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    plain = encoding.lower().replace("-", "") != "utf8"  # escapes are the same JSON, and lose nothing
    text = json.dumps(_finite(value), ensure_ascii=plain, allow_nan=False, indent=2)
    print(_UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
