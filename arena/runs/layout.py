"""Location of runs on disk; a light module, so that listing a thousand runs imports nothing else."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

__all__ = ["SCHEMA", "find_runs", "snapshot_folders"]

#: Version of a run folder's layout, increased when an older arena can no longer read it.
SCHEMA = 1

_STEPS = re.compile(r"[0-9]{12,18}")


def find_runs(folder: Path) -> list[Path]:
    """Find every run folder in a folder (the folder itself included), sorted by path.

    Sub-folders of runs are not searched, and links to folders are not followed, since they may form a cycle.
    """
    found, pending = [], [str(folder)]
    while pending:
        place = pending.pop()
        if os.path.lexists(f"{place}{os.sep}run.json"):  # cheaper than the list of a run's files
            found.append(place)
            continue
        with contextlib.suppress(OSError):  # unreadable folders are skipped
            with os.scandir(place) as entries:
                names = {entry.name: entry for entry in entries}
            if {"run.json", "timing.jsonl"} & names.keys():  # without the first, it is damaged
                found.append(place)
            else:
                pending += [entry.path for entry in names.values() if entry.is_dir(follow_symlinks=False)]
    return [Path(place) for place in sorted(found, key=_parts)]


def _parts(place: str) -> list[str]:
    """Key by which paths are sorted as `Path` sorts them."""
    return os.path.normcase(place).split(os.sep)


def snapshot_folders(run: Path) -> dict[int, Path]:
    """Folders of a run's complete snapshots by number of steps, ascending; the manifest is written last."""
    found = sorted((run / "snapshots").glob("*/manifest.json"))
    return {int(path.parent.name): path.parent for path in found if _STEPS.fullmatch(path.parent.name)}
