"""``arena gallery RUN``: picture of a fitted encoder's reconstructions, samples and predictions."""

from __future__ import annotations

import argparse
from pathlib import Path

from arena.cli.output import clean, console, only_json, print_json
from arena.cli.parser import seed, whole
from arena.errors import ArenaError

__all__ = ["GalleryCommand", "command"]

EPILOG = """\
The picture has a section for each ability of the encoder, on held-out frames: predictions of labels beside the
truth, reconstructions, samples, interpolations between codes, sweeps of each number of the code, and a plot of
the codes. Frames that were deleted are collected again.
"""


class GalleryCommand:
    """The verb ``gallery``."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Adds the arguments of ``arena gallery``."""
        parser.description = "Draws a picture of what a fitted encoder does with held-out frames."
        parser.epilog = EPILOG
        add = parser.add_argument
        add(
            "run_folder",
            metavar="RUN",
            type=Path,
            help="the run of a fit (RUN, RUN@best); see `arena list runs`",
        )
        add(
            "--out",
            metavar="FILE",
            type=Path,
            help="file of the picture, .png (default: gallery.png in the run's folder)",
        )
        add(
            "--rows",
            metavar="N",
            type=whole("--rows"),
            default=2,
            help="rows of cells in each section, from 1 to 50 (default: 2)",
        )
        add(
            "--columns",
            metavar="N",
            type=whole("--columns"),
            default=10,
            help="cells in each row, from 1 to 50 (default: 10)",
        )
        add(
            "--seed",
            metavar="S",
            type=seed,
            default=0,
            help="seed of the choice of frames and of the samples, from 0 (default: 0)",
        )
        at = "snapshot of the encoder: last, best (by held-out loss), or a number of updates (default: last)"
        add("--at", metavar="WHEN", default="last", help=at)
        add(
            "--json",
            action="store_true",
            help="print one JSON object: sections, measured figures, and positions of cells",
        )

    def run(self, args: argparse.Namespace) -> int:
        """Draws the picture and writes it."""
        from arena.runs.loaded_encoder import LoadedEncoder
        from arena.runs.run import Run
        from arena.runs.snapshots import LAST, split_reference
        from arena.storage.files import write_atomically
        from arena_gallery import gallery

        folder, which = split_reference(args.run_folder)
        out = args.out or folder / "gallery.png"
        if out.suffix.lower() != ".png":
            raise ArenaError(f"{out} is no PNG file: its name does not end in .png", f"write {out.name}.png")
        with only_json(args.json):
            drawn = gallery(
                LoadedEncoder(Run.open(folder), args.at if which == LAST else which),
                rows=args.rows,
                columns=args.columns,
                seed=args.seed,
            )
            write_atomically(out, drawn.png)
        if args.json:
            print_json({"path": str(out), "run": str(folder), **drawn.to_dict()})
            return 0
        screen = console()
        screen.print()
        screen.print(clean(f"{drawn.title} · {drawn.subtitle}"), style="bold", soft_wrap=True)
        for section in drawn.sections:
            screen.print(clean(f"{section.title}: {section.note}"), style="dim", soft_wrap=True)
        screen.print(clean(f"{drawn.page.width:,} × {drawn.page.height:,} pixels → {out}"), soft_wrap=True)
        return 0


command = GalleryCommand()
