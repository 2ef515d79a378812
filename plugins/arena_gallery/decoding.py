"""Sections of what an encoder tells from codes: reconstructions, samples, walks and sweeps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from arena.encoder import Decodes, Encodes, Samples
from arena.frames.split import Rows
from arena.perception import at_rest, codes, device_of, expected, in_batches, interpolate, reconstruct
from arena.random import derive
from arena_gallery.cells import Row, Section
from arena_gallery.plots import PLOTS, against
from arena_gallery.scene import Scene, grid, joined, lines

__all__ = ["reconstructions", "samples", "sweeps", "walks"]

#: Numbers of a code that are swept one by one.
MOST_SWEPT = 8

#: A sweep goes so many standard deviations to either side.
DEVIATIONS = 2.5


def reconstructions(scene: Scene) -> Iterator[Section]:
    """Held-out frames beside what the encoder tells of their codes."""
    encoder, observation = scene.encoder, scene.frames.observation
    told = in_batches(
        lambda x: reconstruct(encoder, x), observation, rows=scene.held, device=device_of(encoder)
    )
    if scene.showing.few:
        cells, error = against("number", told, np.asarray(observation[scene.held]))
        note = f"root mean square error {error:.3g} over {len(told):,} held-out frames"
        yield Section("Reconstructions", grid(cells, PLOTS, "reconstructed"), note, {"error": error})
        return
    truth = scene.showing.scaled(observation[scene.held])
    error = float(np.sqrt(np.square(scene.showing.scaled(told) - truth).mean()))
    rows: list[Row] = []
    for shown in lines(scene):
        again = reconstruct(encoder, scene.observations(shown)).cpu().numpy()
        rows.append(Row("held out", scene.showing.cells(observation[shown])))
        rows.append(Row("reconstructed", scene.showing.cells(again), close=True))
    note = f"root mean square error {error:.3g}" + (" of 1" if scene.showing.image else "")
    yield Section("Reconstructions", tuple(rows), joined(note, scene.showing.note), {"error": error})


def samples(scene: Scene) -> Iterator[Section]:
    """Observations that never were."""
    encoder = scene.encoder
    assert isinstance(encoder, Samples)
    generator = torch.Generator(device_of(encoder)).manual_seed(
        derive(scene.seed, "gallery", "samples", bits=64)
    )
    count = scene.rows * scene.columns
    with at_rest(encoder):
        drawn = encoder.sample(count, generator=generator).cpu().numpy()
    cells = scene.showing.cells(drawn)
    yield Section("Samples", grid(cells, scene.columns), joined("drawn from the model", scene.showing.note))


def walks(scene: Scene) -> Iterator[Section]:
    """Straight lines between the codes of held-out frames."""
    count = min(scene.rows, len(scene.shown) // 2)
    steps = max(2, scene.columns)
    if not count:
        return
    start, end = scene.shown[: 2 * count].reshape(2, count)
    told = interpolate(scene.encoder, scene.observations(start), scene.observations(end), steps)
    rows = [
        Row(_ends(scene, number, start, end), scene.showing.cells(told[:, number].cpu().numpy()))
        for number in range(count)
    ]
    yield Section("Walks", tuple(rows), "straight lines between the codes of two held-out frames")


def sweeps(scene: Scene) -> Iterator[Section]:
    """Each number of the code in turn, the others at their mean."""
    encoder = scene.encoder
    assert isinstance(encoder, Encodes) and isinstance(encoder, Decodes)
    if not np.issubdtype(encoder.latent.dtype, np.floating):
        return
    z = codes(encoder, scene.frames.observation, rows=scene.held)
    flat = z.reshape(len(z), -1)
    spread, middle = flat.std(axis=0), flat.mean(axis=0)
    steps = max(2, scene.columns)
    order = np.argsort(-spread, kind="stable")[:MOST_SWEPT]
    varying = np.sort(order[spread[order] > 0])
    rows = []
    for number in varying.tolist():
        lines = np.repeat(middle[None], steps, axis=0)
        lines[:, number] += np.linspace(-DEVIATIONS, DEVIATIONS, steps) * spread[number]
        asked = torch.from_numpy(lines.reshape(steps, *z.shape[1:]).astype(z.dtype)).to(device_of(encoder))
        with at_rest(encoder):
            told = expected(encoder.decode(asked), encoder.space)
        rows.append(Row(f"number {number + 1}", scene.showing.cells(told.cpu().numpy())))
    if not rows:
        return
    whole = flat.shape[1]
    which = f"the {len(rows)} of {whole} that vary most" if len(rows) < whole else f"{whole} in all"
    note = (
        f"{which}, each from -{DEVIATIONS:g} to {DEVIATIONS:g} standard deviations, the others at their mean"
    )
    yield Section("One number of the code at a time", tuple(rows), note)


def _ends(scene: Scene, number: int, start: Rows, end: Rows) -> str:
    """What the ends of a walk are, where frames have a class."""
    if scene.class_label is None:
        return f"walk {number + 1}"
    truth = scene.frames.labels[scene.class_label]
    return f"from {truth[start[number]]} to {truth[end[number]]}"
