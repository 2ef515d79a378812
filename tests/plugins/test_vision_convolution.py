"""Convolution and what comes back through it, against scipy, torch and the definition of a transpose."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from scipy import signal

from arena_vision.convolution import (
    as_matrix,
    convolve,
    input_gradient,
    output_length,
    rot180,
    transposed,
    transposed_length,
    weight_gradient,
)
from arena_vision.unpooling import bed_of_nails, max_pool, max_unpool, nearest, unpool

RNG = np.random.default_rng(0)
GEOMETRIES = list(itertools.product((1, 2, 3), (0, 1, 2)))


def image(*shape):
    return RNG.normal(size=shape)


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 5), (6, 7)])
def test_convolution_is_scipys(shape):
    z, w = image(6, 7), image(*shape)
    np.testing.assert_allclose(convolve(z, w, 0.5), signal.convolve2d(z, w, mode="valid") + 0.5, atol=1e-12)


def test_convolution_with_a_turned_kernel_is_correlation():
    z, w = image(6, 7), image(3, 2)
    np.testing.assert_allclose(convolve(z, rot180(w)), signal.correlate2d(z, w, mode="valid"), atol=1e-12)


def test_convolution_is_linear_and_equivariant_to_shifts():
    u, v, w = image(8, 8), image(8, 8), image(3, 3)
    np.testing.assert_allclose(
        convolve(2 * u - 3 * v, w), 2 * convolve(u, w) - 3 * convolve(v, w), atol=1e-12
    )
    shifted = np.roll(u, 2, axis=1)
    np.testing.assert_allclose(convolve(shifted, w)[:, 2:], convolve(u, w)[:, :-2], atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (1, 1)])
def test_both_gradients_are_autograds(shape):
    z, w = (torch.tensor(image(*s), requires_grad=True) for s in ((6, 7), shape))
    y = functional.conv2d(z[None, None], w.flip(0, 1)[None, None])[0, 0]
    delta = image(*y.shape)
    y.backward(torch.tensor(delta))
    np.testing.assert_allclose(input_gradient(delta, w.detach().numpy()), z.grad, atol=1e-12)
    np.testing.assert_allclose(weight_gradient(delta, z.detach().numpy()), w.grad, atol=1e-12)


def test_the_input_gradient_is_delta_convolved_with_the_turned_kernel():
    delta, w = image(5, 4), image(3, 2)
    np.testing.assert_allclose(
        input_gradient(delta, w), signal.convolve2d(delta, w[::-1, ::-1], mode="full"), atol=1e-12
    )


@pytest.mark.parametrize(("stride", "padding"), GEOMETRIES)
def test_the_transpose_is_the_adjoint(stride, padding):
    x, w = image(9, 9), image(3, 3)
    y = convolve(x, w, stride=stride, padding=padding)
    unread = 9 - transposed_length(y.shape[0], 3, stride=stride, padding=padding)
    other = image(*y.shape)
    back = transposed(other, w, stride=stride, padding=padding, output_padding=unread)
    assert np.vdot(y, other) == pytest.approx(np.vdot(x, back), abs=1e-10)


@pytest.mark.parametrize(("stride", "padding"), GEOMETRIES)
def test_transposed_convolution_is_torchs(stride, padding):
    y, w = image(4, 5), image(4, 4)
    for output_padding in range(stride):
        found = transposed(y, w, stride=stride, padding=padding, output_padding=output_padding)
        # torch's convolution correlates: its kernel is turned.
        expected = functional.conv_transpose2d(
            *(torch.tensor(a[None, None].copy()) for a in (y, rot180(w))),
            stride=stride,
            padding=padding,
            output_padding=output_padding,
        )[0, 0]
        np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("length", "kernel", "stride", "padding", "dilation"),
    list(itertools.product((11, 16), (1, 3, 4), (1, 2, 3), (0, 1), (1, 2))),
)
def test_lengths_are_those_of_torch(length, kernel, stride, padding, dilation):
    x, w = torch.zeros(1, 1, length), torch.zeros(1, 1, kernel)
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    y = functional.conv1d(x, w, **options)
    assert y.shape[-1] == output_length(length, kernel, **options)
    rest = length - transposed_length(y.shape[-1], kernel, **options)
    assert 0 <= rest < stride, "the output padding makes good what the stride left unread"
    if rest < max(stride, dilation):
        back = functional.conv_transpose1d(y, w, **options, output_padding=rest)
        assert (
            back.shape[-1] == transposed_length(y.shape[-1], kernel, **options, output_padding=rest) == length
        )


def test_convolution_is_a_matrix_product_and_its_transpose_the_transposed_one():
    z, w = image(5, 6), image(2, 3)
    matrix = as_matrix(w, 5, 6)
    y = convolve(z, w)
    np.testing.assert_allclose(matrix @ z.ravel(), y.ravel(), atol=1e-12)
    np.testing.assert_allclose(matrix.T @ y.ravel(), transposed(y, w).ravel(), atol=1e-12)


@pytest.mark.parametrize("way", ["nearest", "nails", "max"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_pooling_what_was_unpooled_gives_it_back(way, size):
    x = torch.rand(2, 3, 4 * size, 5 * size, dtype=torch.float64)
    pooled, switches = max_pool(x, size)
    again, _ = max_pool(unpool(pooled, size, way, switches), size)
    assert torch.equal(again, pooled)


def test_unpoolings_on_paper():
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])[None, None]
    assert nearest(x, 2)[0, 0].tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    assert bed_of_nails(x, 2)[0, 0].tolist() == [[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]]


def test_max_unpooling_restores_positions():
    x = torch.rand(2, 3, 6, 8, dtype=torch.float64)
    pooled, switches = max_pool(x, 2)
    restored = max_unpool(pooled, switches, 2)
    kept = restored != 0
    assert torch.equal(restored[kept], x[kept])
    assert kept.sum() == pooled.numel()
    assert torch.equal(restored, functional.max_unpool2d(pooled, switches, 2))


def test_max_unpooling_is_the_gradient_of_max_pooling():
    x = torch.rand(2, 3, 6, 8, dtype=torch.float64, requires_grad=True)
    pooled, switches = max_pool(x, 2)
    delta = torch.randn_like(pooled)
    pooled.backward(delta)
    assert torch.equal(x.grad, max_unpool(delta, switches, 2))
