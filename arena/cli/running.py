"""The flags of every verb that makes runs: from which seeds, by how many processes, and where they go."""

from __future__ import annotations

import argparse
from pathlib import Path

from arena.cli.parser import seed, whole

__all__ = ["add_place", "add_seeds"]


def add_seeds(parser: argparse.ArgumentParser) -> None:
    """Which runs, and how many processes make them."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--seed", metavar="S", type=seed, help="one run, with this seed")
    group.add_argument("--seeds", metavar="K", type=whole("--seeds"), help="K runs, with the seeds 0, 1, …")
    help = "processes to use (default: 1)"
    parser.add_argument("--workers", metavar="W", type=whole("--workers"), default=1, help=help)


def add_place(parser: argparse.ArgumentParser) -> None:
    """Where metrics and runs go, where they are computed, and what is shown."""
    add = parser.add_argument
    track = (
        "where metrics are also written (default: tensorboard; `none` for nowhere); see `arena list trackers`"
    )
    add("--track", metavar="NAME", nargs="+", action="extend", help=track)
    add("--out", metavar="DIR", type=Path, default=Path("runs"), help="folder of run folders (default: runs)")
    add("--device", metavar="D", help="where neural networks live, such as cpu or cuda")
    add("--threads", metavar="N", type=whole("--threads"), help="cores that torch and BLAS use (default: 1)")
    add("--json", action="store_true", help="print one JSON object and nothing else")
    add("--quiet", action="store_true", help="draw no progress bar")
