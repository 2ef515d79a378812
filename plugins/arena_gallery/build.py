"""Gallery of a fitted encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arena.config.validation import validated_count
from arena.errors import ArenaError
from arena.frames.references import open_data
from arena.random.generators import Generators, derive
from arena.runs.loaded_encoder import LoadedEncoder
from arena.runs.records import read_evaluations
from arena.runs.run import fit_of
from arena_gallery.cells import Section
from arena_gallery.inputs import GalleryInputs
from arena_gallery.page import Page, draw
from arena_gallery.sections import sections

if TYPE_CHECKING:
    from arena.frames import Frames
    from arena.runs.run import Run

__all__ = ["Gallery", "gallery", "held_out_loss"]


@dataclass(frozen=True)
class Gallery:
    """A drawn gallery of a fitted encoder.

    Attributes:
        title: name of the encoder.
        subtitle: source of the frames, updates, held-out loss and seed.
        sections: the drawn sections.
        page: the drawn page.
        loss: the held-out loss, if it was evaluated.
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    page: Page
    loss: float | None

    @property
    def png(self) -> bytes:
        """Bytes of the PNG file."""
        return self.page.png

    def to_dict(self) -> dict[str, Any]:
        """Sections, measured numbers and positions of cells, as plain values."""
        found = []
        for number, section in enumerate(self.sections):
            cells = [
                {
                    "row": place.row,
                    "column": place.column,
                    "box": [place.left, place.top, place.right, place.bottom],
                }
                for place in self.page.places
                if place.section == number
            ]
            found.append(
                {
                    "title": section.title,
                    "note": section.note,
                    "figures": dict(section.figures),
                    "rows": [row.name for row in section.rows],
                    "cells": cells,
                }
            )
        return {
            "title": self.title,
            "subtitle": self.subtitle,
            "held_out_loss": self.loss,
            "width": self.page.width,
            "height": self.page.height,
            "sections": found,
        }


def gallery(
    loaded: LoadedEncoder, *, rows: int = 2, columns: int = 10, seed: int = 0, frames: Frames | None = None
) -> Gallery:
    """Draws a gallery of a fitted encoder from held-out frames.

    The same run, arguments and versions give the same bytes.

    Args:
        loaded: the encoder.
        rows: number of rows of each section.
        columns: number of cells of each row.
        seed: seed of the choice of frames and of samples.
        frames: the frames of the fit, if they are open already.

    Raises:
        ArenaError: the frames are missing or cannot be drawn, or the encoder has nothing to draw.
    """
    rows, columns = validated_count("rows", rows), validated_count("columns", columns)
    for name, value, most in (("rows", rows, 50), ("columns", columns, 50)):
        if value > most:
            raise ArenaError(f"{name} is {value:,}", f"give {most} at most")
    fit = fit_of(loaded.run)
    frames = open_data(fit.data) if frames is None else frames
    with Generators(derive(seed, "gallery")).lent("gallery"):
        inputs = GalleryInputs.from_encoder(
            loaded.encoder,
            frames,
            fit.fitting["holdout"],
            loaded.run.seed,
            rows=rows,
            columns=columns,
            seed=seed,
        )
        found = tuple(sections(inputs))
    loss = held_out_loss(loaded.run, loaded.steps)
    parts = [
        fit.source,
        f"{loaded.steps:,} update{'s' * (loaded.steps != 1)}",
        *([] if loss is None else [f"held-out loss {loss:.4g}"]),
        f"seed {loaded.run.seed}",
    ]
    title, subtitle = fit.name, " · ".join(parts)
    return Gallery(title, subtitle, found, draw(title, subtitle, found), loss)


def held_out_loss(run: Run, step: int) -> float | None:
    """The last evaluation of a run up to a step, as a loss; None where there was none."""
    found = None
    with run.readable():
        for at, mean in read_evaluations(run.folder):
            if at <= step:
                found = -mean
    return found
