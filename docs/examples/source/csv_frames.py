"""Example of a source of frames: the rows of a text file; see docs/plugins.md."""

from __future__ import annotations

import hashlib
from pathlib import Path

import gymnasium as gym
import numpy as np

from arena.frames import Column, Frames, Writer
from arena.frames.writer import open_existing, output_folder


def read(path: Path, out: Path | str | None = None, *, delimiter: str = ",") -> Frames:
    """Convert a text file to a data set of one vector per line.

    Args:
        path: the file.
        out: a new folder; by default a folder under ``frames/``.
        delimiter: text between two numbers.
    """
    # The description of the origin decides which data set is opened again: it includes all options and the content.
    source = {
        "kind": "csv",
        "content": hashlib.sha256(path.read_bytes()).hexdigest(),
        "delimiter": delimiter,
    }
    folder = output_folder(out, path.stem, source)
    found = open_existing(folder, source)
    if found is not None:
        return found
    rows = np.loadtxt(path, np.float32, delimiter=delimiter, ndmin=2)
    columns = [Column("observation", gym.spaces.Box(-np.inf, np.inf, rows.shape[1:], np.float32))]
    with Writer(folder, columns, source, parts=[len(rows)]) as writer:
        writer.write({"observation": rows})
        return writer.finish()
