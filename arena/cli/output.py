"""Standard output: tables for people, one JSON object for scripts."""

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

#: Width of output that is no terminal, in columns: tables are not folded, so that `grep` finds whole rows.
WIDE = 200

#: Characters that control a terminal or turn the direction of writing, but for line feeds and tabs.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

#: Characters that are valid in JSON, but that a terminal or an encoding may reject.
_UNPRINTABLE = re.compile("[\x7f-\x9f\ud800-\udfff]")


def clean(text: str) -> str:
    """Text without control characters, since names in run folders of other people must not control the terminal."""
    return _CONTROLS.sub("", text)


def console() -> Console:
    """Console for standard output; plain and wide if it is no terminal."""
    from rich.console import Console

    class Screen(Console):
        def on_broken_pipe(self) -> None:
            raise

    found = Screen(highlight=False, emoji=False, markup=False)
    return found if found.is_terminal else Screen(highlight=False, emoji=False, markup=False, width=WIDE)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Prints rows below column names.

    Args:
        columns: names of the columns.
        rows: texts of the cells.
        right: names of the columns that are aligned to the right, such as numbers.
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
    """Sends output of environments, libraries and workers to standard error; call `print_json` afterwards."""
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
    """Prints one JSON document, with null for numbers that are not finite, which JSON lacks."""
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
