"""Sections of predicted labels beside the true ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch

from arena.encoders.base import Perceives
from arena.encoders.functional import apply_in_batches, device_of, evaluation_mode
from arena.palette import WRONG
from arena_gallery.cells import Caption, Cell, Picture, Row, Section
from arena_gallery.inputs import GalleryInputs, grid, lines
from arena_gallery.observation_renderer import class_colours, is_class, is_class_map, is_picture
from arena_gallery.plots import PLOTS, prediction_plots

__all__ = ["predictions"]

Array = npt.NDArray[Any]


def predictions(inputs: GalleryInputs) -> Iterator[Section]:
    """Predictions of labels beside the truth."""
    encoder, frames = inputs.encoder, inputs.frames
    assert isinstance(encoder, Perceives)
    with evaluation_mode(encoder):
        names = list(encoder.perceive(inputs.observations(inputs.shown[:1])))
    for name in names:
        if name not in frames.labels:
            continue

        def ask(x: torch.Tensor, name: str = name) -> torch.Tensor:
            return encoder.perceive(x)[name]

        with evaluation_mode(encoder):
            outputs = {
                part: apply_in_batches(ask, frames.observation, rows=rows, device=device_of(encoder))
                for part, rows in (("held", inputs.held), ("shown", np.concatenate([*lines(inputs)])))
            }
        space, truth = frames.label_spaces[name], np.asarray(frames.labels[name][inputs.held])
        if is_class(space) or _one_class(space):
            yield _classes(inputs, name, outputs, truth)
        elif is_class_map(space):
            yield _class_maps(inputs, name, outputs, truth)
        elif is_picture(space):
            yield _pictures(inputs, name, outputs)
        else:
            yield _numbers(name, outputs["held"], truth)


def _classes(inputs: GalleryInputs, name: str, outputs: Mapping[str, Array], truth: Array) -> Section:
    at, rows = 0, []
    for shown in lines(inputs):
        predicted = outputs["shown"][at : at + len(shown)].reshape(-1).tolist()
        right = np.asarray(inputs.frames.labels[name][shown]).reshape(-1).tolist()
        captions = [
            Caption(f"{guess}" if guess == fact else f"{guess}, not {fact}", guess != fact)
            for guess, fact in zip(predicted, right, strict=True)
        ]
        rows.append(Row("held out", inputs.renderer.cells(inputs.frames.observation[shown], captions)))
        at += len(shown)
    accuracy = float((outputs["held"].reshape(-1) == truth.reshape(-1)).mean())
    note = f"{accuracy:.1%} of {len(truth):,} held-out frames right"
    return Section(f"Predicted: {name}", tuple(rows), note, {"accuracy": accuracy})


def _class_maps(inputs: GalleryInputs, name: str, outputs: Mapping[str, Array], truth: Array) -> Section:
    space = inputs.frames.label_spaces[name]
    assert isinstance(space, gym.spaces.Box)
    first = int(space.low.min())
    parts = [*lines(inputs)]
    shown = np.concatenate(parts)
    cells = inputs.renderer.cells(inputs.frames.observation[shown])
    facts = np.asarray(inputs.frames.labels[name][shown]).astype(np.int64) - first
    colours = class_colours(int(space.high.max()) - first + 1, facts, cells)
    at, rows = 0, []
    for line in parts:
        stop = at + len(line)
        predicted, fact = outputs["shown"][at:stop].astype(np.int64) - first, facts[at:stop]
        rows.append(Row("held out", cells[at:stop]))
        rows.append(Row("label", _painted(colours[fact], cells[0]), close=True))
        rows.append(Row("predicted", _painted(colours[predicted], cells[0]), close=True))
        if (predicted != fact).any():
            wrong = np.where((predicted != fact)[..., None], np.array(WRONG), np.array((246, 244, 239)))
            rows.append(Row("wrong", _painted(wrong.astype(np.uint8), cells[0]), close=True))
        at = stop
    accuracy = float((outputs["held"] == truth).mean())
    whole = float((outputs["held"] == truth).reshape(len(truth), -1).all(axis=1).mean())
    note = f"{accuracy:.2%} of all places right, {whole:.0%} of {len(truth):,} held-out frames wholly"
    return Section(f"Predicted: {name}", tuple(rows), note, {"accuracy": accuracy, "whole": whole})


def _pictures(inputs: GalleryInputs, name: str, outputs: Mapping[str, Array]) -> Section:
    """Maps of numbers as shades of gray, from the least to the greatest."""
    parts = [*lines(inputs)]
    facts = np.asarray(inputs.frames.labels[name][np.concatenate(parts)], dtype=np.float64)
    low, reach = facts.min(), float(np.ptp(facts)) or 1.0
    cells = inputs.renderer.cells(inputs.frames.observation[np.concatenate(parts)])

    def grey(values: Array) -> tuple[Cell, ...]:
        shades = np.rint(((values - low) / reach).clip(0, 1) * 255).astype(np.uint8)
        return _painted(shades[..., None].repeat(3, axis=-1), cells[0])

    at, rows = 0, []
    for line in parts:
        stop = at + len(line)
        rows.append(Row("held out", cells[at:stop]))
        rows.append(Row("label", grey(facts[at:stop]), close=True))
        rows.append(Row("predicted", grey(outputs["shown"][at:stop].astype(np.float64)), close=True))
        at = stop
    error = float(np.sqrt(((outputs["shown"] - facts) ** 2).mean()))
    return Section(f"Predicted: {name}", tuple(rows), f"root mean square error {error:.3g}", {"error": error})


def _numbers(name: str, outputs: Array, truth: Array) -> Section:
    """Plots of each predicted number against the true one."""
    cells, error = prediction_plots(name, outputs, truth)
    note = f"root mean square error {error:.3g} over {len(truth):,} held-out frames"
    return Section(f"Predicted: {name}", grid(cells, PLOTS, "predicted"), note, {"error": error})


def _one_class(space: gym.Space[Any]) -> bool:
    """Whether a box holds one whole number."""
    return (
        isinstance(space, gym.spaces.Box)
        and int(np.prod(space.shape)) == 1
        and np.issubdtype(space.dtype, np.integer)
    )


def _painted(pixels: Array, beside: Cell) -> tuple[Cell, ...]:
    """Pictures enlarged to the size of the picture above, if it is a multiple of theirs."""
    if isinstance(beside, Picture):
        (high, wide), (height, width) = beside.pixels.shape[:2], pixels.shape[1:3]
        if high % height == 0 and wide % width == 0:
            pixels = pixels.repeat(high // height, axis=1).repeat(wide // width, axis=2)
    return tuple(Picture(frame) for frame in pixels)
