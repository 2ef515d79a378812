"""Convolution in numpy, its two gradients and its transpose, for teaching and for tests.

Each function takes one image and one kernel. Networks use torch's, which is correlation: convolution with the kernel
rotated by 180°. For a learned kernel the two are equivalent.
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
    """Output length of a convolution or a pooling: ⌊(L + 2P − D(K − 1) − 1) / S⌋ + 1."""
    return (length + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def transposed_length(
    length: int, kernel: int, *, stride: int = 1, padding: int = 0, dilation: int = 1, output_padding: int = 0
) -> int:
    """Output length of a transposed convolution: (L − 1)S − 2P + D(K − 1) + O + 1.

    It inverts `output_length` up to rounding, which the output padding O compensates.
    """
    return (length - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1


def rot180(w: Array) -> Array:
    """Kernel rotated by 180°: convolution with it is correlation with `w`."""
    return w[::-1, ::-1]


def convolve(z: Array, w: Array, b: float = 0.0, *, stride: int = 1, padding: int = 0) -> Array:
    """Convolution (w * z)_ij + b = Σ_mn w_mn z_{i−m, j−n} + b, wherever the kernel lies on the padded image.

    Args:
        z: shape (height, width).
        w: the kernel, shape (M, N).
        b: the bias.
        stride: distance between output positions.
        padding: number of zeros on each side of the image.

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
    """Gradient by the input of a convolution: ∂C/∂z = δ * rot180(w), over all positions where the two overlap.

    Args:
        delta: ∂C/∂(w * z), of the output's shape.
        w: the kernel.

    Returns:
        Of the input's shape, when the convolution had stride 1 and no padding.
    """
    (M, N), turned = w.shape, rot180(w)
    return convolve(np.pad(delta, ((M - 1, M - 1), (N - 1, N - 1))), turned)


def weight_gradient(delta: Array, z: Array) -> Array:
    """Gradient by the kernel of a convolution: ∂C/∂w = δ * rot180(z), summed over all positions that share a weight."""
    return convolve(rot180(z), delta)


def transposed(y: Array, w: Array, *, stride: int = 1, padding: int = 0, output_padding: int = 0) -> Array:
    """Adjoint of a convolution, which is not its inverse: ⟨convolve(x), y⟩ = ⟨x, A y⟩ for the adjoint A.

    Equals `input_gradient` for any stride and padding: zeros are inserted between the elements of `y` where the
    convolution skipped positions, and the padding is removed.

    Args:
        y: array of the convolution's output shape.
        w: the kernel.
        stride: stride of the convolution.
        padding: padding of the convolution.
        output_padding: rows and columns at the end that the convolution did not read because of its stride.

    Returns:
        Shape (`transposed_length`(height, M), `transposed_length`(width, N)).
    """
    height, width = y.shape
    spread = np.zeros(((height - 1) * stride + 1, (width - 1) * stride + 1), y.dtype)
    spread[::stride, ::stride] = y
    whole = np.pad(input_gradient(spread, w), (0, output_padding))
    return whole[padding : whole.shape[0] - padding, padding : whole.shape[1] - padding]


def as_matrix(w: Array, height: int, width: int) -> Array:
    """Matrix K of a convolution, with K vec(z) = vec(convolve(z, w)); Kᵀ is the transposed convolution.

    Column i is the convolution of an image that is 1 at its i-th pixel and 0 elsewhere.
    """
    pixels = np.eye(height * width).reshape(-1, height, width)
    return np.stack([convolve(pixel, w).ravel() for pixel in pixels], axis=1)
