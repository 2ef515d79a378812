"""Fits by name: an encoder and a source of frames, which are collected or read first."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from arena.config.options import coerce
from arena.encoders.compatibility import encoder_class_of
from arena.experiments.fit import SETTINGS, Fit, FitOptions
from arena.frames.references import data_reference
from arena.frames.sources import find_source
from arena.plugins.discovery import get_plugins

__all__ = ["reading_options", "resolve_fit"]


def resolve_fit(
    encoder: str,
    source: str,
    *,
    encoder_options: Mapping[str, object] | None = None,
    env_options: Mapping[str, object] | None = None,
    source_options: Mapping[str, object] | None = None,
    frames: int | None = None,
    **further: Any,
) -> Fit:
    """Make the fit of an encoder to the frames of a source; the frames are collected or read unless they exist.

    Args:
        encoder: name of the encoder.
        source: an environment's id, or another source that `arena.frames.open_source` reads, such as ``digits``.
        encoder_options: hyperparameters that differ from the preset's.
        env_options: options of the environment.
        source_options: options of another source.
        frames: number of frames to collect.
        further: arguments of `Fit.create`; ``policy``, ``num_envs``, ``labels``, ``explore``, ``horizon`` and
            ``wrappers`` of `arena.frames.collect`; options of another source, if no name is one of the others.

    Raises:
        ArenaError: a name is unknown, a value is out of range, or the encoder does not take the frames or labels.
    """
    spec = get_plugins().encoders[encoder]
    preset = spec.preset(source)
    names = {*SETTINGS, *(f.name for f in dataclasses.fields(FitOptions))}
    settings = {name: further.pop(name) for name in names & further.keys()}
    further.update(source_options or {})
    kind = encoder_class_of(spec)
    chosen = {**preset.options, **(encoder_options or {})}
    config = coerce(kind.Config, chosen, where="encoder", owner=spec.name)
    options = {**preset.env, **(env_options or {})}
    data = data_reference(
        source, **reading_options(source, frames, kind.requested_labels(config), options, further)
    )
    return Fit.create(encoder, data, encoder_options=encoder_options, **settings)


def reading_options(
    source: str,
    frames: int | None,
    labels: Sequence[str],
    env_options: Mapping[str, Any],
    further: Mapping[str, Any],
) -> dict[str, Any]:
    """Options of `open_source` for a fit.

    Args:
        source: source of the frames.
        frames: number of frames to collect; None for 10,000.
        labels: labels that the encoder learns from.
        env_options: options of the environment.
        further: other options of the source.
    """
    if not find_source(source).is_environment:
        given = {"frames": frames, "env_options": env_options or None, **further}
        return {name: value for name, value in given.items() if value is not None}
    options = {"n": frames or 10_000, "env_options": dict(env_options), **further}
    labels = list(dict.fromkeys([*labels, *further.get("labels", ())]))
    return {**options, "labels": labels} if labels else options
