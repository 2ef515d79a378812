"""The class that an encoder's spec names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena.errors import ArenaError

if TYPE_CHECKING:
    from arena.encoders.base import Encoder
    from arena.plugins.specs import EncoderSpec

__all__ = ["encoder_class_of"]


def encoder_class_of(spec: EncoderSpec) -> type[Encoder]:
    """The class that an encoder's spec names.

    Raises:
        ArenaError: it cannot be imported, or is not an encoder.
    """
    from arena.encoders.base import Encoder  # which needs torch

    found = spec.load()
    if not (isinstance(found, type) and issubclass(found, Encoder)):
        raise ArenaError(f"{spec.name} ({spec.target}) is not an arena.Encoder", "fix or disable its plugin")
    return found
