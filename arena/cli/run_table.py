"""Table of ``arena list runs``: one line for each run, with the options in which it differs from others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from arena.cli.output import clean
from arena.cli.run_filters import STATUSES, Found
from arena.config.formatting import format_value
from arena.results.text import UNKNOWN, aligned, format_count, format_number

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["run_table", "summary"]

#: Fields that are not shown as options: columns of the table, or irrelevant for comparisons.
NOT_SHOWN = (
    *("agent", "env", "frames", "seed", "steps", "evaluate_every", "log_every", "trackers"),
    *("start.digest", "frames.digest"),
)

#: Maximum width of differing options, and minimum width of names of agents and environments, in columns.
OPTIONS, NAMES = 40, 8

COLUMNS = ("agent", "env", "seed", "steps", "return", "best", "status")
RIGHT = [COLUMNS.index(name) for name in ("seed", "steps", "return", "best")]


def summary(runs: Sequence[Found], matching: Sequence[Found], shown: int, folders: Sequence[str]) -> str:
    """Summarize runs in a line such as ``37 runs: 30 finished, 5 unfinished, 2 training``."""
    if not runs:
        return f"no runs in {', '.join(folders)}"
    several = f"{len(runs):,} run{'s' * (len(runs) != 1)}"
    if not matching:
        return f"none of {several} matches"
    chosen = several if len(matching) == len(runs) else f"{len(matching):,} of {several}"
    first = "" if shown == len(matching) else f", the first {shown:,} shown"
    statuses = [run.row["status"] for run in matching]
    counts = [f"{statuses.count(status):,} {status}" for status in STATUSES if status in statuses]
    return f"{chosen}{first}: {', '.join(counts)}"


def run_table(runs: Sequence[Found], width: int | None) -> Text:
    """Format one line for each run; two if a terminal of that width has no room for the path in the first."""
    from rich.cells import cell_len
    from rich.text import Text

    cells = [[_one_line(cell) for cell in _cells(run.row)] for run in runs]
    notes = [_one_line(note) for note in _notes(runs)]
    if width is not None:
        notes = [
            _cut(note, width - 2 if run.row["error"] else OPTIONS)
            for run, note in zip(runs, notes, strict=True)
        ]
    paths = [_one_line(run.row["path"]) for run in runs]
    noted = ["options"] * any(notes)
    rows = [[*row, *[note] * len(noted), path] for row, note, path in zip(cells, notes, paths, strict=True)]
    lines = aligned([[*COLUMNS, *noted, "run"], *rows], RIGHT, cell_len)
    if width is None or max(map(cell_len, lines)) <= width:
        return Text("\n").join([Text(lines[0], style="dim"), *map(Text, lines[1:])])
    for i in (COLUMNS.index("env"), COLUMNS.index("agent")):  # the path has them too
        excess = max(map(cell_len, aligned([COLUMNS, *cells], RIGHT, cell_len))) - width
        room = max(NAMES, max(cell_len(row[i]) for row in cells) - max(0, excess))
        cells = [[*row[:i], _cut(row[i], room), *row[i + 1 :]] for row in cells]
    head, *lines = aligned([COLUMNS, *cells], RIGHT, cell_len)
    text = Text(head, style="dim")
    for line, note, path in zip(lines, notes, paths, strict=True):
        text.append(f"\n{line}\n", style="not dim")
        room = cell_len(note) + cell_len(path) + 4 <= width
        text.append(f"  {note}{'' if room else chr(10)}" if note else "")
        text.append(f"  {path}")
    return text


def _cells(row: Mapping[str, Any]) -> list[str]:
    """Texts of a row in the columns `COLUMNS`."""
    steps = UNKNOWN
    if row["steps"] is not None:
        done = row["status"] == "finished"
        steps = (
            f"{row['steps']:,}" if done else f"{format_count(row['steps'])} of {format_count(row['total'])}"
        )
    agent, env, seed = (UNKNOWN if row[name] is None else str(row[name]) for name in ("agent", "env", "seed"))
    best = None if row["best"] is None else row["best"]["mean"]
    return [agent, env, seed, steps, format_number(row["mean"]), format_number(best), row["status"]]


def _notes(runs: Sequence[Found]) -> list[str]:
    """Note for each run: its error, or the options that differ among runs of its agent and environment.

    Each value is formatted once, however many runs have it.
    """
    values: dict[Any, dict[str, dict[Any, Any]]] = {}  # presets differ between environments
    for run in runs:
        group = values.setdefault((run.row["agent"], run.row["env"]), {})
        for key, value in run.fields.items():
            group.setdefault(key, {})[_distinct(value)] = value
    texts = {
        place: {key: _texts(found) for key, found in group.items() if len(found) > 1 and key not in NOT_SHOWN}
        for place, group in values.items()
    }
    notes = []
    for run in runs:
        group, differing = texts[run.row["agent"], run.row["env"]], []
        for key, value in run.fields.items() if group else ():
            if group.get(key) and value is not None:
                name = key.removeprefix("agent.").removeprefix("encoder.")
                differing.append(f"{name}={group[key][_distinct(value)]}")
        notes.append(run.row["error"] or " ".join(differing))
    return notes


def _distinct(value: Any) -> Any:
    """Key that only values with the same text share."""
    return value if type(value) is str else (type(value), repr(value))


def _texts(values: Mapping[Any, Any]) -> dict[Any, str]:
    """Texts of the values of a field, by `_distinct`: short ones where these differ; none for a single text."""
    exact = {key: _exact(value) for key, value in values.items()}
    short = {key: _short(value) for key, value in values.items()}
    different = len({*exact.values()})
    if different < 2:
        return {}
    return short if len({*short.values()}) == different else exact


def _exact(value: Any) -> str:
    return format_value(value, longest=None)


def _short(value: Any) -> str:
    return format_value(value, longest=None, digits=4)


def _one_line(text: str) -> str:
    return clean(text).replace("\n", " ").replace("\t", " ")


def _cut(text: str, width: int) -> str:
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1)}…"
