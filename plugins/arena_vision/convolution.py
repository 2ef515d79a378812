"""Convolution, its two gradients and its transpose, each written out once: for teaching and for tests.

One image and one kernel at a time, in numpy. Networks use torch's, which is correlation: convolution with the kernel
turned by 180°. The difference is one of naming, since the kernel is learned.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

__all__ = [
    "as_matrix",
    "convolve",
    "input_gradient",
    "output_length",
    "rot180",
    "transposed",
    "transposed_length",
    "weight_gradient",
]

Array = npt.NDArray[Any]


def output_length(length: int, kernel: int, *, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """⌊(L + 2P − D(K − 1) − 1) / S⌋ + 1: how long the output of a convolution or a pooling is."""
    return (length + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def transposed_length(
    length: int, kernel: int, *, stride: int = 1, padding: int = 0, dilation: int = 1, output_padding: int = 0
) -> int:
    """(L − 1)S − 2P + D(K − 1) + O + 1: how long the output of a transposed convolution is.

    It undoes `output_length` up to that one's rounding, which O, the output padding, makes good.
    """
    return (length - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1


def rot180(w: Array) -> Array:
    """The kernel turned by half a turn: convolving with it is correlating with `w`."""
    return w[::-1, ::-1]


def convolve(z: Array, w: Array, b: float = 0.0, *, stride: int = 1, padding: int = 0) -> Array:
    """(w * z)_ij + b = Σ_mn w_mn z_{i−m, j−n} + b, at every place where the kernel lies on the padded image.

    Args:
        z: shape (height, width).
        w: the kernel, shape (M, N).
        b: the bias.
        stride: only every so many-th place.
        padding: zeros around the image, on each side.

    Returns:
        Shape (`output_length`(height, M), `output_length`(width, N)).

    Example:
        >>> convolve(np.array([[0, 0, 5, 5]]), np.array([[1, -1]])).tolist()  # a difference
        [[0.0, 5.0, 0.0]]
    """
    windows = sliding_window_view(np.pad(z, padding), w.shape)[::stride, ::stride]
    result: Array = np.einsum("ijmn,mn->ij", windows, rot180(w)) + b
    return result


def input_gradient(delta: Array, w: Array) -> Array:
    """∂C/∂z = δ * rot180(w), over every place where the two overlap at all.

    Each δ_ij sends back, to each input that it was made of, the weight between them.

    Args:
        delta: ∂C/∂(w * z), of the output's shape.
        w: the kernel.

    Returns:
        Of the input's shape, when the convolution had stride 1 and no padding.
    """
    (M, N), turned = w.shape, rot180(w)
    return convolve(np.pad(delta, ((M - 1, M - 1), (N - 1, N - 1))), turned)


def weight_gradient(delta: Array, z: Array) -> Array:
    """∂C/∂w = δ * rot180(z), of the kernel's shape: a weight's gradient sums over all places that share it."""
    return convolve(rot180(z), delta)


def transposed(y: Array, w: Array, *, stride: int = 1, padding: int = 0, output_padding: int = 0) -> Array:
    """The transpose of a convolution, not its inverse: ⟨convolve(x), y⟩ = ⟨x, its transpose of y⟩.

    It is `input_gradient` for any stride and padding: zeros are put between the elements of `y` where the convolution
    skipped places, and the padding's share is cut off.

    Args:
        y: of the convolution's output shape.
        w: the kernel.
        stride: the convolution's.
        padding: the convolution's.
        output_padding: rows and columns at the end that the convolution's stride left unread.

    Returns:
        Shape (`transposed_length`(height, M), `transposed_length`(width, N)).
    """
    height, width = y.shape
    spread = np.zeros(((height - 1) * stride + 1, (width - 1) * stride + 1), y.dtype)
    spread[::stride, ::stride] = y
    whole = np.pad(input_gradient(spread, w), (0, output_padding))
    return whole[padding : whole.shape[0] - padding, padding : whole.shape[1] - padding]


def as_matrix(w: Array, height: int, width: int) -> Array:
    """K with K vec(z) = vec(convolve(z, w)): convolution is a matrix product, its transpose the transposed one.

    Column i is what becomes of an image that is 1 at its i-th pixel and 0 elsewhere.
    """
    pixels = np.eye(height * width).reshape(-1, height, width)
    return np.stack([convolve(pixel, w).ravel() for pixel in pixels], axis=1)
