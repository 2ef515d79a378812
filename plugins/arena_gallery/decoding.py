"""Sections of a decoder: reconstructions, samples, interpolations and sweeps of single numbers of the code."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from arena.encoders.base import Decodes, Encodes, Samples
from arena.encoders.functional import (
    apply_in_batches,
    codes,
    device_of,
    evaluation_mode,
    interpolate,
    mean_observation,
    reconstruct,
)
from arena.frames.split import Rows
from arena.random.generators import derive
from arena_gallery.cells import Row, Section
from arena_gallery.inputs import GalleryInputs, grid, joined, lines
from arena_gallery.plots import PLOTS, prediction_plots

__all__ = ["reconstructions", "samples", "sweeps", "walks"]

#: The largest number of code dimensions with a sweep.
MOST_SWEPT = 8

#: Half width of a sweep, in standard deviations.
DEVIATIONS = 2.5


def reconstructions(inputs: GalleryInputs) -> Iterator[Section]:
    """Held-out frames, and their reconstructions from their codes."""
    encoder, observation = inputs.encoder, inputs.frames.observation
    decoded = apply_in_batches(
        lambda x: reconstruct(encoder, x), observation, rows=inputs.held, device=device_of(encoder)
    )
    if inputs.renderer.few:
        cells, error = prediction_plots("number", decoded, np.asarray(observation[inputs.held]))
        note = f"root mean square error {error:.3g} over {len(decoded):,} held-out frames"
        yield Section("Reconstructions", grid(cells, PLOTS, "reconstructed"), note, {"error": error})
        return
    truth = inputs.renderer.scaled(observation[inputs.held])
    error = float(np.sqrt(np.square(inputs.renderer.scaled(decoded) - truth).mean()))
    rows: list[Row] = []
    for shown in lines(inputs):
        again = reconstruct(encoder, inputs.observations(shown)).cpu().numpy()
        rows.append(Row("held out", inputs.renderer.cells(observation[shown])))
        rows.append(Row("reconstructed", inputs.renderer.cells(again), close=True))
    note = f"root mean square error {error:.3g}" + (" of 1" if inputs.renderer.image else "")
    yield Section("Reconstructions", tuple(rows), joined(note, inputs.renderer.note), {"error": error})


def samples(inputs: GalleryInputs) -> Iterator[Section]:
    """Observations sampled from the model."""
    encoder = inputs.encoder
    assert isinstance(encoder, Samples)
    generator = torch.Generator(device_of(encoder)).manual_seed(
        derive(inputs.seed, "gallery", "samples", bits=64)
    )
    count = inputs.rows * inputs.columns
    with evaluation_mode(encoder):
        drawn = encoder.sample(count, generator=generator).cpu().numpy()
    cells = inputs.renderer.cells(drawn)
    yield Section(
        "Samples", grid(cells, inputs.columns), joined("drawn from the model", inputs.renderer.note)
    )


def walks(inputs: GalleryInputs) -> Iterator[Section]:
    """Interpolations between the codes of two held-out frames."""
    count = min(inputs.rows, len(inputs.shown) // 2)
    steps = max(2, inputs.columns)
    if not count:
        return
    start, end = inputs.shown[: 2 * count].reshape(2, count)
    decoded = interpolate(inputs.encoder, inputs.observations(start), inputs.observations(end), steps)
    rows = [
        Row(_ends(inputs, number, start, end), inputs.renderer.cells(decoded[:, number].cpu().numpy()))
        for number in range(count)
    ]
    yield Section("Walks", tuple(rows), "straight lines between the codes of two held-out frames")


def sweeps(inputs: GalleryInputs) -> Iterator[Section]:
    """Sweeps: one number of the code varies, the others stay at their mean."""
    encoder = inputs.encoder
    assert isinstance(encoder, Encodes) and isinstance(encoder, Decodes)
    if not np.issubdtype(encoder.latent.dtype, np.floating):
        return
    z = codes(encoder, inputs.frames.observation, rows=inputs.held)
    flat = z.reshape(len(z), -1)
    spread, middle = flat.std(axis=0), flat.mean(axis=0)
    steps = max(2, inputs.columns)
    order = np.argsort(-spread, kind="stable")[:MOST_SWEPT]
    varying = np.sort(order[spread[order] > 0])
    rows = []
    for number in varying.tolist():
        lines = np.repeat(middle[None], steps, axis=0)
        lines[:, number] += np.linspace(-DEVIATIONS, DEVIATIONS, steps) * spread[number]
        asked = torch.from_numpy(lines.reshape(steps, *z.shape[1:]).astype(z.dtype)).to(device_of(encoder))
        with evaluation_mode(encoder):
            decoded = mean_observation(encoder.decode(asked), encoder.space)
        rows.append(Row(f"number {number + 1}", inputs.renderer.cells(decoded.cpu().numpy())))
    if not rows:
        return
    whole = flat.shape[1]
    which = f"the {len(rows)} of {whole} that vary most" if len(rows) < whole else f"{whole} in all"
    note = (
        f"{which}, each from -{DEVIATIONS:g} to {DEVIATIONS:g} standard deviations, the others at their mean"
    )
    yield Section("One number of the code at a time", tuple(rows), note)


def _ends(inputs: GalleryInputs, number: int, start: Rows, end: Rows) -> str:
    """Classes of the two frames of an interpolation, or its number."""
    if inputs.class_label is None:
        return f"walk {number + 1}"
    truth = inputs.frames.labels[inputs.class_label]
    return f"from {truth[start[number]]} to {truth[end[number]]}"
