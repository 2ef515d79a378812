"""Inputs of a gallery: an encoder, and frames on which it was not fitted."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from arena.encoders.base import Encoder
from arena.encoders.functional import device_of
from arena.frames.split import Rows, rows_of, shuffled
from arena_gallery.cells import Cell, Row
from arena_gallery.observation_renderer import ObservationRenderer, is_class

if TYPE_CHECKING:
    from arena.frames import Frames

__all__ = ["GalleryInputs", "grid", "joined", "lines"]

#: The largest number of held-out frames for measured numbers and scatter plots.
MOST = 1024


@dataclass(frozen=True)
class GalleryInputs:
    """An encoder and the frames that a gallery shows.

    Attributes:
        encoder: encoder in evaluation mode.
        frames: the data set.
        held: indices of held-out frames, ascending; all, or the largest number allowed.
        learned: indices of equally many training frames, ascending.
        shown: some of `held`, in the order of drawing.
        showing: renderer of observations.
        rows: number of rows of a section.
        columns: number of cells of a row.
        seed: seed of samples.
    """

    encoder: Encoder
    frames: Frames
    held: Rows
    learned: Rows
    shown: Rows
    renderer: ObservationRenderer
    rows: int
    columns: int
    seed: int

    @classmethod
    def from_encoder(
        cls,
        encoder: Encoder,
        frames: Frames,
        holdout: float,
        split: int,
        *,
        rows: int,
        columns: int,
        seed: int,
    ) -> GalleryInputs:
        """Chooses the frames of a gallery.

        Args:
            encoder: encoder in evaluation mode.
            frames: the frames of the fit.
            holdout: fraction of the frames that was held out.
            split: seed of the run, which determined the held-out frames.
            rows: number of rows of a section.
            columns: number of cells of a row.
            seed: seed of the choice.
        """
        held = rows_of(frames, "validation", holdout, split)
        mixed = held[shuffled(len(held), seed, "gallery")]
        held = np.sort(mixed[:MOST])
        some = np.sort(shuffled(len(frames), seed, "gallery", "range")[:MOST])
        renderer = ObservationRenderer(frames.observation_space, frames.observation[some])
        others = rows_of(frames, "train", holdout, split)
        learned = np.sort(others[shuffled(len(others), seed, "gallery", "learned")[:MOST]])
        inputs = cls(encoder, frames, held, learned, mixed, renderer, rows, columns, seed)
        return dataclasses.replace(inputs, shown=inputs._in_turn(inputs._distinct(mixed)))

    def observations(self, rows: Rows) -> torch.Tensor:
        """Observations of some frames."""
        taken = np.ascontiguousarray(self.frames.observation[rows])
        native = taken.astype(taken.dtype.newbyteorder("="), copy=False)
        return torch.from_numpy(native).to(device_of(self.encoder))

    @property
    def class_label(self) -> str | None:
        """Name of the first label that is a class."""
        return next((name for name, space in self.frames.label_spaces.items() if is_class(space)), None)

    def _distinct(self, mixed: Rows) -> Rows:
        """The chosen frames in a new order: first those that differ from all before them, then the others."""
        first: dict[bytes, int] = {}
        for place, row in enumerate(mixed[:MOST].tolist()):
            first.setdefault(self.frames.observation[row].tobytes(), place)
        places = np.fromiter(first.values(), dtype=np.int64)
        return np.concatenate([mixed[places], np.delete(mixed, places)])

    def _in_turn(self, mixed: Rows) -> Rows:
        """If a label is a class: the first frame of each class, then the second of each, and so on."""
        if self.class_label is None:
            return mixed
        found = np.asarray(self.frames.labels[self.class_label][mixed])
        turn = np.zeros(len(found), dtype=np.int64)
        for value in np.unique(found):
            same = found == value
            turn[same] = np.arange(same.sum())
        return mixed[np.lexsort((found, turn))]


def lines(inputs: GalleryInputs) -> Iterator[Rows]:
    """The frames of each row."""
    shown = inputs.shown[: inputs.rows * inputs.columns]
    for start in range(0, len(shown), inputs.columns):
        yield shown[start : start + inputs.columns]


def grid(cells: tuple[Cell, ...], columns: int, name: str = "") -> tuple[Row, ...]:
    """Cells in rows."""
    return tuple(Row(name, cells[start : start + columns]) for start in range(0, len(cells), columns))


def joined(*parts: str) -> str:
    """Parts that are not empty, joined in one line."""
    return "; ".join(filter(None, parts))
