"""Import of the class of an encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena.errors import ArenaError

if TYPE_CHECKING:
    from arena.encoders.base import Encoder
    from arena.plugins.specs import EncoderSpec

__all__ = ["encoder_class_of"]


def encoder_class_of(spec: EncoderSpec) -> type[Encoder]:
    """Import the class of an encoder from its spec.

    Raises:
        ArenaError: the class cannot be imported, or is not an encoder.
    """
    from arena.encoders.base import Encoder  # which needs torch

    encoder_class = spec.load()
    if not (isinstance(encoder_class, type) and issubclass(encoder_class, Encoder)):
        raise ArenaError(f"{spec.name} ({spec.target}) is not an arena.Encoder", "fix or disable its plugin")
    return encoder_class
