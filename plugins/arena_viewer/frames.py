"""Surfaces as arrays and as files."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt

from arena_viewer.sdl import pygame

__all__ = ["png_bytes", "rgb_array"]


def rgb_array(surface: pygame.Surface) -> npt.NDArray[np.uint8]:
    """A surface's pixels: uint8, shape (height, width, 3)."""
    width, height = surface.get_size()
    return np.frombuffer(pygame.image.tobytes(surface, "RGB"), np.uint8).reshape(height, width, 3)


def png_bytes(surface: pygame.Surface) -> bytes:
    """A surface as a PNG file; equal pixels give equal bytes."""
    out = io.BytesIO()
    pygame.image.save(surface, out, "frame.png")
    return out.getvalue()
