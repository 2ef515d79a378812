"""What can be asked of any encoder that has the methods for it: to tell again, to walk between, to find new, to know.

Nothing here learns, and nothing depends on how many observations are asked about at once: they go through an encoder in
batches of one fixed shape, the last one filled up, so that an observation's answer has the same bits in any company.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from arena.config.validation import validated_count
from arena.encoders.base import Decodes, Encoder, Encodes, Remembers, Scores
from arena.encoders.distributions import mode
from arena.encoders.preprocessing import Numbers
from arena.errors import ArenaError

if TYPE_CHECKING:
    import gymnasium as gym
    from torch.distributions import Distribution

__all__ = [
    "Probe",
    "at_rest",
    "codes",
    "expected",
    "in_batches",
    "interpolate",
    "novelty",
    "probe",
    "reconstruct",
]

#: Observations of a batch, unless told otherwise.
BATCH = 64

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float64]


@contextlib.contextmanager
def at_rest(encoder: Encoder) -> Iterator[None]:
    """An encoder in evaluation mode and without gradients; each of its modules is as it was at the end."""
    before = [(module, module.training) for module in encoder.modules()]
    encoder.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in before:
            module.training = training


def in_batches(
    ask: Callable[[Tensor], Tensor],
    observations: Array | Tensor,
    *,
    rows: Array | None = None,
    batch_size: int = BATCH,
    device: str | torch.device = "cpu",
) -> Array:
    """What a function says of observations, which are read and asked about a batch at a time.

    Args:
        ask: a batch of observations to a tensor with a row for each.
        observations: shape (count, *space.shape); an array on disk is read as far as it is asked about.
        rows: which of them, and in what order; all of them by default.
        batch_size: of every batch; the last one is filled up with its last observation.
        device: where batches are to be.

    Returns:
        Shape (len(rows), …).

    Raises:
        ArenaError: there are none.
    """
    size = validated_count("batch_size", batch_size)
    rows = np.arange(len(observations)) if rows is None else np.asarray(rows)
    if not len(rows):
        raise ArenaError("there are no observations to ask about", "give one at least")
    answers = []
    for start in range(0, len(rows), size):
        asked = rows[start : start + size]
        filled = np.concatenate([asked, np.repeat(asked[-1:], size - len(asked))])
        answers.append(ask(_tensor(observations, filled, device))[: len(asked)].detach().cpu().numpy())
    return np.concatenate(answers)


def codes(
    encoder: Encoder,
    observations: Array | Tensor,
    *,
    rows: Array | None = None,
    batch_size: int = BATCH,
    begin: Array | None = None,
) -> Array:
    """The mode of each observation's code.

    Beside the codes, memory holds one batch, whatever the number of observations. Of an encoder that remembers they are
    the codes of observations with which episodes begin, unless `begin` says where that is.

    Args:
        encoder: one that encodes.
        observations: shape (count, *space.shape), such as `Frames.observation`.
        rows: which of them; all by default.
        batch_size: of every batch; codes are the same to the bit wherever an observation stands.
        begin: bool, shape (len(rows),): an episode begins with this observation, and goes on with those behind it, as
            `Frames.begin` says. Who remembers nothing does not mind.

    Returns:
        Shape (len(rows), *latent.shape).

    Raises:
        ArenaError: it gives no codes.

    Example:
        >>> z = codes(encoder, frames.observation)  # doctest: +SKIP
    """
    encodes = _encodes(encoder)

    def ask(x: Tensor) -> Tensor:
        return mode(encodes.encode(x))

    if begin is not None and isinstance(encoder, Remembers):
        ask = _Follows(encoder, begin, batch_size)
    with at_rest(encoder):
        return in_batches(
            ask,
            observations,
            rows=rows,
            batch_size=batch_size,
            device=device_of(encoder),
        )


class _Follows:
    """What an encoder that remembers makes of observations in order, a batch after the other."""

    def __init__(self, encoder: Remembers, begin: Array, size: int) -> None:
        self._encoder, self._memory = encoder, encoder.initial(1)
        self._begin, self._size, self._start = np.asarray(begin), size, 0

    def __call__(self, x: Tensor) -> Tensor:
        begin = np.zeros(self._size, np.bool_)  # what fills up the last batch is behind all others
        given = self._begin[self._start : self._start + self._size]
        begin[: len(given)] = given
        self._start += self._size
        told = torch.from_numpy(begin).to(x.device)[:, None]
        self._memory, code = self._encoder.unroll(self._memory, x[:, None], begin=told)
        return mode(code)[:, 0]


def reconstruct(encoder: Encoder, x: Array | Tensor) -> Tensor:
    """What an encoder tells of observations from their codes: E[x | mode of q(z | x)], brought into the space.

    Args:
        encoder: one that encodes and decodes.
        x: shape (batch, *space.shape).

    Returns:
        Likewise, of the space's type.

    Raises:
        ArenaError: it does not.
    """
    encodes, decodes = _encodes(encoder), _decodes(encoder)
    x = _as_tensor(x, encoder)
    with at_rest(encoder):
        return expected(decodes.decode(mode(encodes.encode(x))), encoder.space)


def interpolate(encoder: Encoder, a: Array | Tensor, b: Array | Tensor, steps: int) -> Tensor:
    """What lies between observations: codes on the straight line from one to the other, decoded.

        x_t = E[x | (1 − t) z_a + t z_b],   t = 0, 1 / (steps − 1), …, 1

    Args:
        encoder: one that encodes and decodes.
        a: shape (batch, *space.shape).
        b: likewise.
        steps: how many, both ends included.

    Returns:
        Of the space's type, shape (steps, batch, *space.shape).

    Raises:
        ArenaError: it does not, or fewer than two steps.
    """
    if validated_count("steps", steps) < 2:
        raise ArenaError("a walk of one step has no two ends", "take two at least")
    encodes, decodes = _encodes(encoder), _decodes(encoder)
    a, b = _as_tensor(a, encoder), _as_tensor(b, encoder)
    with at_rest(encoder):
        start, end = mode(encodes.encode(a)), mode(encodes.encode(b))
        shares = torch.linspace(0, 1, steps, device=start.device).tolist()
        told = [decodes.decode(torch.lerp(start.float(), end.float(), share)) for share in shares]
        return torch.stack([expected(distribution, encoder.space) for distribution in told])


def novelty(encoder: Encoder, x: Array | Tensor) -> Tensor:
    """How little an encoder expected observations: −ln p(x), or else how badly it tells them again.

    Where it scores, its `bound` says what the number is: nats, an upper bound of them, or an energy; an estimate draws
    from torch's global generator. Where it only encodes and decodes, it is the mean squared error of the reconstruction
    in scaled numbers (bytes over the greatest one).

    Args:
        encoder: one that scores, or that encodes and decodes.
        x: shape (batch, *space.shape).

    Returns:
        Shape (batch,): the greater, the newer.

    Raises:
        ArenaError: it does neither.
    """
    x = _as_tensor(x, encoder)
    if isinstance(encoder, Scores):
        with at_rest(encoder):
            return -encoder.log_prob(x)
    if not (isinstance(encoder, Encodes) and isinstance(encoder, Decodes)):
        raise ArenaError(
            f"{_name(encoder)} neither scores observations nor tells them again",
            "take an encoder with a density or a decoder: see `arena list encoders`",
        )
    numbers = Numbers(encoder.space)
    error: Tensor = (numbers(reconstruct(encoder, x)) - numbers(x)).flatten(1)
    return error.square().mean(1)


@dataclass(frozen=True)
class Probe:
    """How much of the truth can be read off codes by a line.

    Attributes:
        r2: of each number of the truth: 1 − Σ(y − ŷ)² / Σ(y − ȳ)² of held-out predictions; NaN of one that never
            changes.
        mean: of those that change.
    """

    r2: tuple[float, ...]
    mean: float


def probe(
    codes: Array,
    truth: Array,
    *,
    held_out: tuple[Array, Array] | None = None,
    folds: int = 5,
    starts: Array | None = None,
    penalty: float = 1e-6,
) -> Probe:
    """Reads the truth off codes by ridge regression, and asks how right that is where it was not fitted.

        Ŵ = (ZᵀZ + λ n I)⁻¹ Zᵀ Y,   Z and Y centred, Z scaled to unit variance, over the n rows that are fitted

    Without `held_out` every row is held out once: folds are stretches of rows that follow one another, as episodes do.

    Args:
        codes: shape (count, …); flattened.
        truth: numbers, shape (count, …) or (count,); flattened.
        held_out: other codes and their truth, to be asked about once all of the above are fitted.
        folds: how many, without `held_out`.
        starts: the row of each episode's first frame, `Frames.starts`, so that no episode lies in two folds.
        penalty: λ, so small that it only decides between codes that say the same; take more where there are hardly more
            rows than numbers of a code.

    Raises:
        ArenaError: too few rows or episodes, unequal lengths, or a truth that never changes.

    Source: Alain & Bengio 2017, "Understanding intermediate layers using linear classifier probes"; Hastie,
    Tibshirani & Friedman 2009, section 3.4.1, for ridge regression.
    """
    if not penalty > 0:
        raise ArenaError(f"penalty is {penalty!r}", "give a number above 0")
    z, y = _pair(codes, truth)
    if held_out is not None:
        asked, fact = _pair(*held_out)
        if asked.shape[1] != z.shape[1] or fact.shape[1] != y.shape[1]:
            raise ArenaError(
                "what is held out has another shape than what is fitted", "give the same codes and labels"
            )
        return _scored(fact, _ridge(z, y, asked, penalty))
    told = np.empty_like(y)
    for low, high in itertools.pairwise(_edges(len(z), folds, starts)):
        fitted = np.r_[0:low, high : len(z)]
        told[low:high] = _ridge(z[fitted], y[fitted], z[low:high], penalty)
    return _scored(y, told)


def expected(distribution: Distribution, space: gym.Space[Any]) -> Tensor:
    """A distribution's mean as the nearest observation of a space; its mode where it has no mean.

    Of a Bernoulli it is the grey picture, where the mode is black and white.
    """
    try:
        value = distribution.mean
    except NotImplementedError:
        value = mode(distribution)
    low, high = (torch.as_tensor(side, device=value.device) for side in (space.low, space.high))  # type: ignore[attr-defined]
    dtype: torch.dtype = getattr(torch, str(space.dtype))
    if not dtype.is_floating_point and value.is_floating_point():
        value = value.round()
    return value.clamp(low.to(value.dtype), high.to(value.dtype)).to(dtype)


def device_of(encoder: Encoder) -> torch.device:
    """Where an encoder's parameters are, or its buffers."""
    for tensor in (*encoder.parameters(), *encoder.buffers()):
        return tensor.device
    return torch.device("cpu")


def _pair(codes: Array, truth: Array) -> tuple[Float, Float]:
    z, y = _flat("codes", codes), _flat("truth", truth)
    if len(z) != len(y):
        raise ArenaError(f"there are {len(z):,} codes and {len(y):,} truths", "give one for each")
    return z, y


def _scored(y: Float, told: Float) -> Probe:
    spread = ((y - y.mean(0)) ** 2).sum(0)
    changing = spread > 1e-12 * np.maximum(1.0, (y**2).sum(0))
    if not changing.any():
        raise ArenaError("the truth never changes, so that nothing tells it", "take other frames")
    wrong = ((y - told) ** 2).sum(0)
    r2 = np.where(changing, 1 - wrong / np.where(changing, spread, 1.0), np.nan)
    return Probe(tuple(map(float, r2)), float(r2[changing].mean()))


def _ridge(z: Float, y: Float, asked: Float, penalty: float) -> Float:
    centre, scale = z.mean(0), z.std(0)
    scale = np.where(
        scale > 1e-12 * np.maximum(1.0, np.abs(centre)), scale, np.inf
    )  # what never varies says nothing
    white, middle = (z - centre) / scale, y.mean(0)
    ridge = penalty * len(z)
    if z.shape[1] <= len(z):
        weights = np.linalg.solve(white.T @ white + ridge * np.eye(z.shape[1]), white.T @ (y - middle))
    else:  # the same by (ZᵀZ + r I)⁻¹ Zᵀ = Zᵀ (Z Zᵀ + r I)⁻¹, which is smaller here
        weights = white.T @ np.linalg.solve(white @ white.T + ridge * np.eye(len(z)), y - middle)
    found: Float = (asked - centre) / scale @ weights + middle
    return found


def _edges(count: int, folds: int, starts: Array | None) -> Sequence[int]:
    """Where the folds begin and the last one ends."""
    units = np.arange(count) if starts is None else np.asarray(starts)
    what = "rows" if starts is None else "episodes"
    if validated_count("folds", folds) < 2 or folds > len(units):
        raise ArenaError(
            f"{len(units):,} {what} cannot be {folds:,} folds", f"take from 2 to {max(2, len(units)):,} folds"
        )
    chosen = [round(fold * len(units) / folds) for fold in range(folds)]
    return [0, *map(int, units[chosen[1:]]), count]


def _flat(name: str, values: Array) -> Float:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0 or not len(array):
        raise ArenaError(f"{name} has no rows", "give one a frame")
    if not np.isfinite(array).all():
        raise ArenaError(f"{name} has numbers that are not finite", "look at what made them")
    return array.reshape(len(array), -1)


def _tensor(observations: Array | Tensor, rows: Array, device: str | torch.device) -> Tensor:
    if isinstance(observations, Tensor):
        return observations[torch.from_numpy(rows.astype(np.int64))].to(device)
    taken = np.asarray(observations[rows])
    return torch.from_numpy(np.ascontiguousarray(taken.astype(taken.dtype.newbyteorder("="), copy=False))).to(
        device
    )


def _as_tensor(x: Array | Tensor, encoder: Encoder) -> Tensor:
    """Observations where the encoder is."""
    return x if isinstance(x, Tensor) else _tensor(x, np.arange(len(x)), device_of(encoder))


def _encodes(encoder: Encoder) -> Encodes:
    if not isinstance(encoder, Encodes):
        raise ArenaError(
            f"{_name(encoder)} gives no codes", "take one that encodes: see `arena list encoders`"
        )
    return encoder


def _decodes(encoder: Encoder) -> Decodes:
    if not isinstance(encoder, Decodes):
        raise ArenaError(
            f"{_name(encoder)} tells no observations from codes",
            "take one that decodes: see `arena list encoders`",
        )
    return encoder


def _name(encoder: Encoder) -> str:
    return type(encoder).__name__
