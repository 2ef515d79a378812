"""Observation as the encoder receives it, and its reconstruction from the code."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from arena.agents.actor import Actor
from arena.encoders.base import Decodes, Encoder, Encodes, Remembers
from arena.encoders.functional import reconstruct
from arena.encoders.preprocessing import image_shape
from arena.palette import LINE, SLATE
from arena_gallery import ObservationRenderer, Picture
from arena_viewer import SMALL, Area, Canvas, Moment, Overlay, OverlayContext, Player

__all__ = ["Reconstruction"]

#: Distance between the two pictures, and height of the text above them, in points.
GAP, WORDS = 12.0, 18.0

#: Pictures with fewer pixels on a side are enlarged without interpolation.
SMALL_PICTURE = 128


class Reconstruction(Overlay):
    """Observation and reconstruction side by side."""

    place = "beside"

    def __init__(self) -> None:
        self._kept: tuple[int, Moment, list[npt.NDArray[Any]]] | None = None

    def refusal(self, player: Player) -> str | None:
        if player.actor is None:
            return "no agent plays"
        encoder = _encoder_of(player.actor)
        if encoder is None:
            return "the agent has no encoder"
        if not (isinstance(encoder, Encodes) and isinstance(encoder, Decodes)):
            return "the encoder does not reconstruct observations"
        if isinstance(encoder, Remembers):
            return "the encoder's code depends on earlier observations"
        return None if image_shape(encoder.space) else "the observations are no images"

    def height(self, context: OverlayContext, width: float) -> float:
        assert context.player.actor is not None, "refused"
        encoder = _encoder_of(context.player.actor)
        shape = None if encoder is None else image_shape(encoder.space)
        assert shape is not None, "refused"
        return WORDS + (width - GAP) / 2 * shape[1] / shape[2]

    def draw(self, canvas: Canvas, area: Area, context: OverlayContext) -> None:
        half = (area.width - GAP) / 2
        for place, (words, pixels) in enumerate(
            zip(("frame", "reconstruction"), self.pictures(context), strict=True)
        ):
            x = area.x + place * (half + GAP)
            canvas.text((x, area.y + 6), words, SMALL, SLATE, room=half)
            room = Area(x, area.y + WORDS, half, max(1.0, area.height - WORDS))
            drawn = canvas.picture(room, pixels, smooth=max(pixels.shape[:2]) >= SMALL_PICTURE)
            canvas.frame(drawn, LINE)

    def pictures(self, context: OverlayContext) -> list[npt.NDArray[Any]]:
        """The observation and its reconstruction: uint8, shape (height, width, 3) each."""
        actor, moment = context.player.actor, context.moment
        assert actor is not None, "refused"
        kept = self._kept
        if kept is None or kept[0] != actor.version or kept[1] is not moment:
            encoder = _encoder_of(actor)
            assert encoder is not None, "refused"
            seen = np.asarray(moment.observation, encoder.space.dtype)[None]
            both = np.concatenate([seen, reconstruct(encoder, seen).cpu().numpy()])
            cells = ObservationRenderer(encoder.space, seen).cells(both)
            self._kept = kept = (
                actor.version,
                moment,
                [cell.pixels for cell in cells if isinstance(cell, Picture)],
            )
        return kept[2]


def _encoder_of(actor: Actor) -> Encoder | None:
    """The agent's encoder: a frozen one encodes its observations, a trained one is part of its network."""
    frozen = actor.environment.encoder
    if frozen is not None:
        return frozen.encoder
    found = getattr(actor.agent.problem.features, "encoder", None)
    return found if isinstance(found, Encoder) else None
