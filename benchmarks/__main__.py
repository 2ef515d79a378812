"""Command ``python -m benchmarks SUITE``: measures, and prints a table with the targets."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import sys
from pathlib import Path

SUITES = sorted(
    p.stem for p in Path(__file__).parent.glob("*.py") if p.stem not in ("__init__", "__main__", "measure")
)


def main() -> int:
    """Runs one suite; exit status 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    arguments = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"
    rows = importlib.import_module(f"benchmarks.{arguments.suite}").measure()
    if arguments.json:
        print(json.dumps([dataclasses.asdict(row) for row in rows], indent=2))
    else:
        show(rows)
    return 0 if all(row.met is not False for row in rows) else 1


def show(rows: list) -> None:
    """Prints the rows as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, justify in (("measured", "left"), ("median", "right"), ("range", "right"), ("target", "right")):
        table.add_column(name, justify=justify)
    table.add_column("")
    for r in rows:
        spread = "" if r.spread is None else f"{r.spread[0]:.3g} – {r.spread[1]:.3g}"
        target = "" if r.target is None else f"{'≥' if r.at_least else '≤'} {r.target:g} {r.unit}"
        verdict = {None: "", True: "[green]met[/]", False: "[red]missed[/]"}[r.met]
        table.add_row(r.what, f"{'> ' if r.more else ''}{r.value:.4g} {r.unit}", spread, target, verdict)
    screen = Console()
    screen.width = max(screen.width, 120)  # a row is a line, also in a file
    screen.print(table, crop=False)


if __name__ == "__main__":
    sys.exit(main())
