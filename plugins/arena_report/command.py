"""``arena report DIR …``: comparison of runs as a page, a table or JSON."""

from __future__ import annotations

import argparse
from pathlib import Path

from arena.cli.output import clean, console, only_json, print_json

__all__ = ["Report", "command"]


class Report:
    """The verb ``report``."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Adds the arguments of ``arena report``."""
        parser.description = (
            "Compares runs on one page that needs no network: learning curves, returns with intervals over seeds,\n"
            "performance profiles, probabilities of improvement, exact optima, and a link to every run."
        )
        add = parser.add_argument
        add(
            "folders",
            metavar="DIR",
            nargs="*",
            type=Path,
            help="folders of runs, or run folders (default: runs)",
        )
        add(
            "--out",
            metavar="FILE",
            type=Path,
            help="HTML file (default: report.html, unless --json or --csv)",
        )
        add("--csv", metavar="FILE", type=Path, help="CSV file with one row for each run")
        add("--json", action="store_true", help="print one JSON object and nothing else")
        add("--partial", action="store_true", help="include unfinished runs, with their last evaluation")

    def run(self, args: argparse.Namespace) -> int:
        """Reads runs, compares them, and writes the page, the table or JSON."""
        from arena.storage.files import write_atomically
        from arena_report import comparison, read_runs

        out = args.out or (None if args.json or args.csv else Path("report.html"))
        with only_json(args.json):
            document = comparison(read_runs(args.folders or [Path("runs")]), partial=args.partial)
            if out is not None:
                from arena_report.page import page

                write_atomically(out, page(document, out.parent).encode("utf-8", "replace"))
            if args.csv is not None:
                from arena_report.csv_table import table

                write_atomically(args.csv, table(document).encode("utf-8", "replace"))
        if args.json:
            print_json(document)
            return 0
        screen = console()
        for text in document["warnings"]:
            screen.print(clean(text), style="yellow", soft_wrap=True)
        for path in filter(None, (out, args.csv)):
            n = len(document["runs"])
            screen.print(clean(f"{n:,} run{'s' * (n != 1)} → {path}"), soft_wrap=True)
        return 0


command = Report()
