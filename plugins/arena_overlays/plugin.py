"""Overlays of this plugin; pygame is not imported here."""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import OverlaySpec


@hookimpl
def arena_overlays() -> Iterable[OverlaySpec]:
    """All overlays of this plugin, off at first."""
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
        summary="Arrows along the greedy actions, or with the actions' probabilities as lengths",
        target="arena_overlays.policy:Policy",
        key="a",
    )
    yield OverlaySpec(
        name="visits",
        layer=0,
        title="visits of each cell",
        summary="Number of visits of each cell in training, or else while watched",
        target="arena_overlays.visits:Visits",
        key="c",
    )
    yield OverlaySpec(
        name="q-values",
        layer=2,
        title="value of each action in a cell",
        summary="Action values Q(s, a) of the cell under the mouse, or else of the walker's cell",
        target="arena_overlays.q_values:QValues",
        key="q",
    )
    yield OverlaySpec(
        name="action-probabilities",
        title="probability of each action",
        summary="Probabilities π(a | s) of the actions at the moment, as bars",
        target="arena_overlays.probabilities:Probabilities",
        key="b",
    )
    yield OverlaySpec(
        name="reconstruction",
        title="the encoder's reconstruction",
        summary="Observation as the encoder receives it, and its reconstruction from the code",
        target="arena_overlays.reconstruction:Reconstruction",
        key="e",
    )
    yield OverlaySpec(
        name="latent",
        title="path through the codes",
        summary="Path of the episode through the encoder's codes, and the present code as bars",
        target="arena_overlays.latent:Latent",
        key="l",
    )
