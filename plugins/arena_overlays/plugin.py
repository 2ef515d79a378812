"""What this plugin contributes; it does not import pygame."""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import OverlaySpec


@hookimpl
def arena_overlays() -> Iterable[OverlaySpec]:
    """All of them off at first: a world is looked at before anything is laid over it."""
    yield OverlaySpec(
        name="values",
        layer=0,
        title="value of each cell",
        summary="V of every cell as a heatmap, with figures where there is room",
        target="arena_overlays.values:Values",
        key="v",
    )
    yield OverlaySpec(
        name="policy",
        title="policy in each cell",
        summary="Arrows along the greedy actions, or as long as actions are probable",
        target="arena_overlays.policy:Policy",
        key="a",
    )
    yield OverlaySpec(
        name="visits",
        layer=0,
        title="visits of each cell",
        summary="How often training was in each cell, or else who is watched",
        target="arena_overlays.visits:Visits",
        key="c",
    )
    yield OverlaySpec(
        name="q-values",
        layer=2,
        title="value of each action in a cell",
        summary="Q of the cell under the mouse, or of the walker's, on a card beside it",
        target="arena_overlays.q_values:QValues",
        key="q",
    )
    yield OverlaySpec(
        name="action-probabilities",
        title="probability of each action",
        summary="The policy's probabilities at the moment, as bars",
        target="arena_overlays.probabilities:Probabilities",
        key="b",
    )
    yield OverlaySpec(
        name="reconstruction",
        title="the encoder's reconstruction",
        summary="The frame as the encoder sees it, and its reconstruction from the code",
        target="arena_overlays.reconstruction:Reconstruction",
        key="e",
    )
    yield OverlaySpec(
        name="latent",
        title="path through the codes",
        summary="The encoder's codes of the episode as a path, and all numbers of the present one",
        target="arena_overlays.latent:Latent",
        key="l",
    )
