"""Functions of trained encoders: codes, reconstruction, interpolation and novelty.

None of them trains. Observations are passed to an encoder in batches of one fixed size, the last one padded, so that a
result has the same bits whatever the number of observations.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from arena.config.validation import validated_count
from arena.encoders.base import Decodes, Encoder, Encodes, Remembers, Scores
from arena.encoders.distributions import mode
from arena.encoders.preprocessing import Numbers, nearest_observation
from arena.errors import ArenaError

if TYPE_CHECKING:
    from torch.distributions import Distribution

__all__ = [
    "apply_in_batches",
    "codes",
    "evaluation_mode",
    "interpolate",
    "mean_observation",
    "novelty",
    "reconstruct",
]

#: Default number of observations in a batch.
BATCH = 64

Array = npt.NDArray[Any]


@contextlib.contextmanager
def evaluation_mode(encoder: Encoder) -> Iterator[None]:
    """Context with an encoder in evaluation mode and without gradients; module modes are restored at the end."""
    before = [(module, module.training) for module in encoder.modules()]
    encoder.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in before:
            module.training = training


def apply_in_batches(
    function: Callable[[Tensor], Tensor],
    observations: Array | Tensor,
    *,
    rows: Array | None = None,
    batch_size: int = BATCH,
    device: str | torch.device = "cpu",
) -> Array:
    """Apply a function to observations, batch by batch.

    Args:
        function: function from a batch of observations to a tensor with one row for each.
        observations: shape (count, *space.shape); of an array on disk only the rows are read.
        rows: indices of observations, in any order; all by default.
        batch_size: size of every batch; the last one is padded with its last observation.
        device: device of the batches.

    Returns:
        Shape (len(rows), …).

    Raises:
        ArenaError: there are no observations.
    """
    size = validated_count("batch_size", batch_size)
    rows = np.arange(len(observations)) if rows is None else np.asarray(rows)
    if not len(rows):
        raise ArenaError("there are no observations", "give at least one")
    results = []
    for start in range(0, len(rows), size):
        batch = rows[start : start + size]
        padded = np.concatenate([batch, np.repeat(batch[-1:], size - len(batch))])
        results.append(function(_tensor(observations, padded, device))[: len(batch)].detach().cpu().numpy())
    return np.concatenate(results)


def codes(
    encoder: Encoder,
    observations: Array | Tensor,
    *,
    rows: Array | None = None,
    batch_size: int = BATCH,
    begin: Array | None = None,
) -> Array:
    """Codes of observations: the mode of each.

    Memory holds the codes and one batch of observations. A recurrent encoder treats every observation as the first of
    an episode, unless `begin` is given.

    Args:
        encoder: encoder that implements `Encodes`.
        observations: shape (count, *space.shape), such as `Frames.observation`.
        rows: indices of observations; all by default.
        batch_size: size of every batch; a code has the same bits at any position.
        begin: bool, shape (len(rows),): an episode starts with this observation, as in `Frames.begin`; used by
            recurrent encoders only.

    Returns:
        Shape (len(rows), *latent.shape).

    Raises:
        ArenaError: the encoder has no codes.

    Example:
        >>> z = codes(encoder, frames.observation)  # doctest: +SKIP
    """
    encodes = _encodes(encoder)

    def encode(x: Tensor) -> Tensor:
        return mode(encodes.encode(x))

    if begin is not None and isinstance(encoder, Remembers):
        encode = _SequenceCodes(encoder, begin, batch_size)
    device = device_of(encoder)
    with evaluation_mode(encoder):
        return apply_in_batches(encode, observations, rows=rows, batch_size=batch_size, device=device)


class _SequenceCodes:
    """Codes of consecutive observations by a recurrent encoder, batch after batch."""

    def __init__(self, encoder: Remembers, begin: Array, size: int) -> None:
        self._encoder, self._memory = encoder, encoder.initial(1)
        self._begin, self._size, self._start = np.asarray(begin), size, 0

    def __call__(self, x: Tensor) -> Tensor:
        begin = np.zeros(self._size, np.bool_)  # the padding of the last batch comes last
        batch = self._begin[self._start : self._start + self._size]
        begin[: len(batch)] = batch
        self._start += self._size
        starts = torch.from_numpy(begin).to(x.device)[:, None]
        self._memory, code = self._encoder.unroll(self._memory, x[:, None], begin=starts)
        return mode(code)[:, 0]


def reconstruct(encoder: Encoder, x: Array | Tensor) -> Tensor:
    """Reconstruct observations x from their codes: E[x | mode of q(z | x)], rounded and clipped to the space.

    Raises:
        ArenaError: the encoder does not encode or decode.
    """
    encodes, decodes = _encodes(encoder), _decodes(encoder)
    x = _as_tensor(x, encoder)
    with evaluation_mode(encoder):
        return mean_observation(decodes.decode(mode(encodes.encode(x))), encoder.space)


def interpolate(encoder: Encoder, a: Array | Tensor, b: Array | Tensor, steps: int) -> Tensor:
    """Interpolate between observations: decode codes on the line segment between two codes.

        x_t = E[x | (1 − t) z_a + t z_b],   t = 0, 1 / (steps − 1), …, 1

    Args:
        encoder: encoder that encodes and decodes.
        a: observations at t = 0, shape (batch, *space.shape).
        b: observations at t = 1, shape (batch, *space.shape).
        steps: number of points, both ends included.

    Returns:
        Observations of the space's type, shape (steps, batch, *space.shape).

    Raises:
        ArenaError: the encoder does not encode or decode, or there are fewer than two steps.
    """
    if validated_count("steps", steps) < 2:
        raise ArenaError(f"interpolation needs two steps, and steps is {steps}", "give at least 2")
    encodes, decodes = _encodes(encoder), _decodes(encoder)
    a, b = _as_tensor(a, encoder), _as_tensor(b, encoder)
    with evaluation_mode(encoder):
        start, end = mode(encodes.encode(a)), mode(encodes.encode(b))
        weights = torch.linspace(0, 1, steps, device=start.device).tolist()
        decoded = [decodes.decode(torch.lerp(start.float(), end.float(), weight)) for weight in weights]
        return torch.stack([mean_observation(distribution, encoder.space) for distribution in decoded])


def novelty(encoder: Encoder, x: Array | Tensor) -> Tensor:
    """Novelty of observations to an encoder: −ln p(x), or else the reconstruction error.

    For an encoder that scores, `bound` determines the meaning: nats, an upper bound of nats, or an energy; estimates
    use torch's global generator. For an encoder that only encodes and decodes, it is the mean squared error of the
    reconstruction in scaled numbers (bytes divided by the greatest byte).

    Returns:
        Shape (batch,): larger for less likely observations.

    Raises:
        ArenaError: the encoder neither scores nor encodes and decodes.
    """
    x = _as_tensor(x, encoder)
    if isinstance(encoder, Scores):
        with evaluation_mode(encoder):
            return -encoder.log_prob(x)
    if not (isinstance(encoder, Encodes) and isinstance(encoder, Decodes)):
        problem = f"{type(encoder).__name__} neither scores nor decodes observations"
        raise ArenaError(problem, "use an encoder with a density or a decoder: see `arena list encoders`")
    numbers = Numbers(encoder.space)
    error: Tensor = (numbers(reconstruct(encoder, x)) - numbers(x)).flatten(1)
    return error.square().mean(1)


def mean_observation(distribution: Distribution, space: gym.Space[Any]) -> Tensor:
    """Mean of a distribution, as the nearest observation of a space; its mode if it has no mean.

    For a Bernoulli the mean is a gray image, where the mode is black and white.
    """
    try:
        value = distribution.mean
    except NotImplementedError:
        value = mode(distribution)
    assert isinstance(space, gym.spaces.Box), "observations are arrays"
    return nearest_observation(value, space)


def device_of(encoder: Encoder) -> torch.device:
    """Device of an encoder's parameters or buffers."""
    for tensor in (*encoder.parameters(), *encoder.buffers()):
        return tensor.device
    return torch.device("cpu")


def _tensor(observations: Array | Tensor, rows: Array, device: str | torch.device) -> Tensor:
    if isinstance(observations, Tensor):
        return observations[torch.from_numpy(rows.astype(np.int64))].to(device)
    taken = np.asarray(observations[rows])
    native = np.ascontiguousarray(taken.astype(taken.dtype.newbyteorder("="), copy=False))
    return torch.from_numpy(native).to(device)


def _as_tensor(x: Array | Tensor, encoder: Encoder) -> Tensor:
    """Observations as a tensor on the encoder's device."""
    return x if isinstance(x, Tensor) else _tensor(x, np.arange(len(x)), device_of(encoder))


def _encodes(encoder: Encoder) -> Encodes:
    if not isinstance(encoder, Encodes):
        problem = f"{type(encoder).__name__} has no codes"
        raise ArenaError(problem, "use an encoder that encodes: see `arena list encoders`")
    return encoder


def _decodes(encoder: Encoder) -> Decodes:
    if not isinstance(encoder, Decodes):
        problem = f"{type(encoder).__name__} does not decode codes"
        raise ArenaError(problem, "use an encoder that decodes: see `arena list encoders`")
    return encoder
