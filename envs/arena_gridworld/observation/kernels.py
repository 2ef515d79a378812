"""Compiled loops of the observers; each fills a whole batch of observations in one call."""

from __future__ import annotations

import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["fill_egocentric", "fill_onehot", "fill_pixels"]


@njit(cache=True)
def fill_onehot(states, out):  # type: ignore[no-untyped-def]
    """Fill one-hot vectors of states: ``out[i, states[i]] = 1``, 0 elsewhere; out has the shape (n, num_states)."""
    out[:] = 0
    for i in range(len(states)):
        out[i, states[i]] = 1


@njit(cache=True)
def fill_egocentric(states, position, layout, layouts, out):  # type: ignore[no-untyped-def]
    """Fill egocentric views, one-hot, shape (n, k, k, 1 + tiles); channel 0 marks cells outside the map."""
    _, rows, columns = layouts.shape
    k = out.shape[1]
    half = k // 2
    out[:] = 0
    for i in range(len(states)):
        state = states[i]
        which = layout[state]
        top, left = position[state] // columns - half, position[state] % columns - half
        for down in range(k):
            row = top + down
            if row < 0 or row >= rows:
                for right in range(k):
                    out[i, down, right, 0] = 1
                continue
            for right in range(k):
                column = left + right
                channel = 0
                if 0 <= column < columns:
                    channel = 1 + layouts[which, row, column]
                out[i, down, right, channel] = 1


@intrinsic
def copy_bytes(_, target, source, count):  # type: ignore[no-untyped-def]
    """Copy bytes between addresses by C's memcpy: twice as fast as a loop, which must allow for overlap."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        target, source, count = arguments
        to, origin = (builder.inttoptr(address, cgutils.voidptr_t) for address in (target, source))
        cgutils.raw_memcpy(builder, to, origin, count, 1)  # type: ignore[no-untyped-call]
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp), generate


@njit(cache=True)
def fill_pixels(states, position, layout, layouts, block_of, blocks, walkers, out):  # type: ignore[no-untyped-def]
    """Fill images from prepared blocks, with the walker's tile over them.

    A block is a picture, height lines of as many bytes: of a row of cells (taken as one line, which a row of cells
    is in memory), or of a single cell.

    Args:
        states: indices of states, int64, shape (n,).
        position: cell of the walker in each state, int32, shape (num_states,).
        layout: index into ``layouts`` of each state, int32, shape (num_states,).
        layouts: indices into ``walkers``, uint8, shape (num_layouts, rows, columns).
        block_of: index of the block at each place, int32, shape (num_layouts, rows, blocks in a row).
        blocks: prepared blocks, uint8, shape (num_blocks, height, bytes).
        walkers: pictures of the walker on each kind of tile, uint8, shape (tiles, tile, 3 · tile).
        out: images, uint8, shape (n, rows · tile, columns · tile, 3); written to. All arrays are contiguous.
    """
    _, rows, columns = layouts.shape
    _, height, width = blocks.shape
    _, tile, span = walkers.shape
    places = block_of.shape[2]
    line = columns * span
    target, source, sprites = out.ctypes.data, blocks.ctypes.data, walkers.ctypes.data
    for i in range(len(states)):
        state = states[i]
        which = layout[state]
        frame = target + i * rows * tile * line
        for row in range(rows):
            band = frame + row * tile * line
            for place in range(places):
                block = source + block_of[which, row, place] * height * width
                for y in range(height):
                    copy_bytes(band + (y * places + place) * width, block + y * width, width)  # type: ignore[call-arg]
        row, column = position[state] // columns, position[state] % columns
        corner = frame + row * tile * line + column * span
        picture = sprites + np.int64(layouts[which, row, column]) * tile * span
        for y in range(tile):
            copy_bytes(corner + y * line, picture + y * span, span)  # type: ignore[call-arg]
