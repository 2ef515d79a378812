"""Scatter plots of the codes' two principal components."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena.encoders.functional import codes
from arena.errors import ArenaError
from arena.palette import ACCENT, classes, on_scale
from arena_gallery.cells import Caption, Legend, Row, Scatter, Section, one_colour
from arena_gallery.inputs import GalleryInputs
from arena_gallery.linear_probe import probe
from arena_gallery.plots import colour, r2_text, scale_legend

__all__ = ["latent_plots"]

#: The largest numbers of colourings of the same codes, and of classes in a legend.
MOST_COLOURED, MOST_NAMED = 2, 16

Array = npt.NDArray[Any]


class _Coloring(NamedTuple):
    """Colours of frames by a number of a label."""

    label: str
    number: int
    colours: Array
    legend: Legend | None


def latent_plots(inputs: GalleryInputs) -> Iterator[Section]:
    """Section of the codes' two principal components, coloured by labels or by time."""
    z = codes(inputs.encoder, inputs.frames.observation, rows=inputs.held)
    flat = z.reshape(len(z), -1).astype(np.float64)
    if len(flat) < 3 or not np.isfinite(flat).all():
        return
    x, y, share = _principal(flat)
    coloured = _colourings(inputs)[:MOST_COLOURED]
    r2 = _linear_probe_r2(inputs, coloured[0].label, flat)
    figures = {f"r2_{number + 1}": value for number, value in enumerate(r2)}
    cells = []
    for coloring in coloured:
        read = f"linear regression on the code: {r2_text(r2[coloring.number])}" if r2 else ""
        caption = Caption(read) if read else None
        cells.append(Scatter(x, y, coloring.colours, caption, side=400, legend=coloring.legend))
    what = (
        "the one number of the code"
        if flat.shape[1] == 1
        else f"along their two directions of greatest variance, {share:.0%} of it"
    )
    yield Section("Codes", (Row("", tuple(cells)),), f"of {len(flat):,} held-out frames, {what}", figures)


def _colourings(inputs: GalleryInputs) -> list[_Coloring]:
    """Colourings by the first class label, or else by each number of the first numeric label, or else by time."""
    spaces, held = inputs.frames.label_spaces, inputs.held
    if inputs.class_label is not None:
        return [_by_class(inputs, inputs.class_label)]
    for name, space in spaces.items():
        if not isinstance(space, gym.spaces.Box) or not 0 < int(np.prod(space.shape)) <= MOST_NAMED:
            continue
        values = np.asarray(inputs.frames.labels[name][held]).reshape(len(held), -1)
        titles = (
            [name] if values.shape[1] == 1 else [f"{name} {number + 1}" for number in range(values.shape[1])]
        )
        found = [
            _Coloring(name, number, on_scale(column), scale_legend(title, column))
            for number, (title, column) in enumerate(zip(titles, values.T, strict=True))
            if np.isfinite(column).all() and np.ptp(column) > 0
        ]
        if found:
            return found
    return [_by_time(inputs)]


def _by_class(inputs: GalleryInputs, name: str) -> _Coloring:
    space = inputs.frames.label_spaces[name]
    assert isinstance(space, gym.spaces.Discrete)
    values = np.asarray(inputs.frames.labels[name][inputs.held]).reshape(-1).astype(np.int64)
    seen = np.unique(values).tolist()
    if len(seen) > MOST_NAMED:
        return _Coloring(name, 0, on_scale(values), scale_legend(name, values))
    palette, first = classes(int(space.n)), int(space.start)
    names = tuple((str(value), colour(palette[value - first])) for value in seen)
    return _Coloring(name, 0, palette[values - first], Legend(name, names))


def _by_time(inputs: GalleryInputs) -> _Coloring:
    frames = inputs.frames
    if frames.begin is None:
        return _Coloring("", 0, one_colour(len(inputs.held), ACCENT), None)
    episode = np.searchsorted(frames.starts, inputs.held, side="right") - 1
    step = inputs.held.astype(np.int64) - frames.starts[episode]
    return _Coloring("", 0, on_scale(step), scale_legend("episode step", step))


def _linear_probe_r2(inputs: GalleryInputs, name: str, flat: Array) -> tuple[float, ...]:
    """R² of a linear probe for each number of a label, fitted to training frames; () for other labels."""
    if not isinstance(inputs.frames.label_spaces.get(name), gym.spaces.Box):
        return ()
    truth = inputs.frames.labels[name]
    z = codes(inputs.encoder, inputs.frames.observation, rows=inputs.learned)
    with contextlib.suppress(ArenaError):  # a constant
        return probe(z, truth[inputs.learned], held_out=(flat, truth[inputs.held])).r2
    return ()


def _principal(flat: Array) -> tuple[Array, Array, float]:
    """Coordinates along the two directions of greatest variance, and their share of it; signs are deterministic."""
    centred = flat - flat.mean(axis=0)
    if flat.shape[1] == 1:
        return centred[:, 0], np.zeros(len(flat)), 1.0
    _, values, directions = np.linalg.svd(centred, full_matrices=False)
    greatest = np.abs(directions).argmax(axis=1)
    directions = directions * np.sign(directions[np.arange(len(directions)), greatest])[:, None]
    at = centred @ directions[:2].T
    total = float((values**2).sum())
    return at[:, 0], at[:, 1], float((values[:2] ** 2).sum()) / total if total else 1.0
