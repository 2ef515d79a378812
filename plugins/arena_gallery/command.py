"""``arena gallery RUN``: what a fitted encoder makes of frames, as one picture."""

from __future__ import annotations

import argparse
from pathlib import Path

from arena.cli.output import clean, console, only_json, print_json
from arena.cli.parser import seed, whole
from arena.errors import ArenaError

__all__ = ["GalleryCommand", "command"]

EPILOG = """\
It shows what the encoder can do, on frames that it never learned from: reconstructions, samples, walks between
codes and each of the code's numbers in turn; what it perceives beside what is so; the codes themselves.
Frames that have gone are collected again.
"""


class GalleryCommand:
    """The verb ``gallery``."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Adds the arguments of ``arena gallery``."""
        parser.description = "Draws what a fitted encoder makes of frames that were held out."
        parser.epilog = EPILOG
        add = parser.add_argument
        add(
            "run_folder",
            metavar="RUN",
            type=Path,
            help="the run of a fit (RUN, RUN@best); see `arena list runs`",
        )
        add("--out", metavar="FILE", type=Path, help="the picture (default: gallery.png in the run)")
        add("--rows", metavar="N", type=whole("--rows"), default=2, help="of each section (default: 2)")
        add("--columns", metavar="N", type=whole("--columns"), default=10, help="of each row (default: 10)")
        add("--seed", metavar="S", type=seed, default=0, help="of the frames and samples (default: 0)")
        at = "snapshot of the encoder: last, best (by held-out loss), or a number of updates (default: last)"
        add("--at", metavar="WHEN", default="last", help=at)
        add("--json", action="store_true", help="print one JSON object: what is shown, measured, and where")

    def run(self, args: argparse.Namespace) -> int:
        """Draws, and says where the picture is."""
        from arena.files import write_atomically
        from arena.loaded import LoadedEncoder
        from arena.run import Run
        from arena.start import LAST, snapshot_of
        from arena_gallery import gallery

        folder, which = snapshot_of(args.run_folder)
        out = args.out or folder / "gallery.png"
        if out.suffix.lower() != ".png":
            raise ArenaError(f"{out} is to be a picture, and does not end in .png", f"write {out.name}.png")
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
