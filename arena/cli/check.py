"""Verb ``check``: tests an agent, an encoder, an environment or a plugin, or verifies the files of a run."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from arena.cli.output import clean, console, only_json, print_json

if TYPE_CHECKING:
    from arena.cli.checks import Finding

__all__ = ["configure", "run"]

#: Status and style of each mark.
MARKS = {
    "✓": ("passed", "green"),
    "!": ("doubtful", "yellow"),
    "·": ("does not apply", "dim"),
    "✗": ("failed", "bold red"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``arena check``."""
    parser.description = (
        "Tests an agent, an encoder, an environment or a plugin, or verifies the files of a run by their digests; "
        "the exit status is 1 if a check fails.\n"
        "Marks: ✓ passed, ! doubtful but no failure, · does not apply, ✗ failed."
    )
    add = parser.add_argument
    add(
        "name",
        metavar="NAME",
        help="name of an agent, an encoder or a plugin, id of an environment, or run folder",
    )
    add("--env", metavar="ENV", help="environment to test an agent in (default: a small one that fits)")
    add("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Runs the checks, and prints each finding as soon as it is known."""
    found: list[Finding] = []
    with only_json(args.json):  # plugins that are imported here may print
        from arena.cli.checks import findings_of

        kind, findings = findings_of(args.name, args.env)
        if not args.json:
            console().print(clean(f"{kind} {args.name}"), style="bold")
        for finding in findings:
            found.append(finding)
            if not args.json:
                _show(finding)
    failed = sum(finding.mark == "✗" for finding in found)
    if args.json:
        rows = [{"check": f.title, "status": MARKS[f.mark][0], "text": f.text} for f in found]
        print_json({"kind": kind, "name": args.name, "passed": failed == 0, "checks": rows})
    else:
        console().print(
            f"{failed} of {len(found)} checks failed", style="bold red" if failed else "bold green"
        )
    return 1 if failed else 0


def _show(finding: Finding) -> None:
    from rich.table import Table
    from rich.text import Text

    _, style = MARKS[finding.mark]
    line = Text(clean(finding.title))
    if finding.text:
        line.append(clean(f"  {finding.text}"), style="dim" if finding.mark in "✓·" else style)
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_row(Text(finding.mark, style=style), line)
    console().print(table)
