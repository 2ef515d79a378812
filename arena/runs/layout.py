"""Where runs lie on disk, as plain files: light, because whoever lists a thousand runs imports only this."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

__all__ = ["SCHEMA", "find_runs"]

#: Raised when a run folder's layout changes so that an older arena cannot read it.
SCHEMA = 1


def find_runs(folder: Path) -> list[Path]:
    """Every run folder in a folder, itself included, sorted by path.

    What is inside a run is not looked at, and links to folders are not followed, so that none leads in a circle.
    """
    found, pending = [], [str(folder)]
    while pending:
        place = pending.pop()
        with contextlib.suppress(OSError):  # what may not be read is passed over
            with os.scandir(place) as entries:
                names = {entry.name: entry for entry in entries}
            if "run.json" in names:
                found.append(Path(place))
            else:
                pending += [entry.path for entry in names.values() if entry.is_dir(follow_symlinks=False)]
    return sorted(found)
