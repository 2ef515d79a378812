"""Laws of encoders with a density, and of bijections."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor

from arena.encoders.base import Inverts, Scores
from arena.errors import ArenaError
from arena.random.generators import Generators
from arena.testing.encoder_cases import FRAMES, Specimen, View, config_fields, encoder_law
from arena.testing.errors import DoesNotApply, require
from arena.testing.protocols import able, require_close

__all__ = ["densities_sum_to_one", "inverts_exactly", "scores_are_independent"]

#: Grid on which a density is integrated: [-REACH, REACH] in every dimension, with a number of points per dimension.
REACH, POINTS = 12.0, {1: 4001, 2: 201}

#: Spaces with few observations, whose probabilities are summed.
COUNTABLE: tuple[gym.Space[Any], ...] = (
    gym.spaces.Box(0, 1, (2, 2, 1), np.uint8),
    gym.spaces.Box(0, 2, (5,), np.uint8),
    gym.spaces.Box(0, 1, (4, 3, 1), np.uint8),
)
UNBOUNDED: tuple[gym.Space[Any], ...] = tuple(
    gym.spaces.Box(-np.inf, np.inf, (size,), np.float32) for size in (2, 1)
)

#: Largest error of an integral, and number of samples over which a bound's noise is averaged.
TOLERANCE, DRAWS = 0.01, 4

#: Largest number of rows of a Jacobian.
LARGEST = 256


@encoder_law
def scores_are_independent(encoder: str, frames: str) -> None:
    """A score is a finite number for each observation, and deterministic if it is exact or an energy."""
    specimen = able(Scores, encoder, frames)
    model, x = specimen.encoder, specimen.observations()
    assert isinstance(model, Scores)
    kinds = ("exact", "lower", "energy")
    require(model.bound in kinds, f"its bound is {model.bound!r}", f"say which of {', '.join(kinds)} it is")
    with specimen.generators.lent("agent"):
        scores = model.log_prob(x).detach()
        again = model.log_prob(x).detach()
        alone = torch.cat([model.log_prob(one[None]).detach() for one in x])
    shape = (len(x),)
    require(tuple(scores.shape) == shape, f"log_prob has the shape {tuple(scores.shape)}, not {shape}", "")
    require(bool(scores.isfinite().all()), f"log_prob is {scores.tolist()}", "look for logarithms of zero")
    if model.bound != "lower":
        same = torch.equal(scores, again)
        require(same, "an exact log_prob is not deterministic", "an estimate is a 'lower' bound")
        problem = "log_prob of an observation differs in a batch of one"
        require_close(alone, scores, 1e-4, problem, "sum over dimensions alone")


@encoder_law
def densities_sum_to_one(encoder: str, frames: str) -> None:
    """Exact densities sum to one over a tiny space, and lower bounds sum to at most one.

    The sum is an integral over one or two unbounded numbers if the encoder takes them; for an encoder of bytes, a sum
    over all observations of a small space. A lower bound is averaged over a few samples first.
    """
    if getattr(able(Scores, encoder, frames).encoder, "bound", None) == "energy":
        raise DoesNotApply("an energy is not normalized")
    labels = _classes(FRAMES[frames])
    tried = (_tiny(encoder, View(space, labels)) for space in [*UNBOUNDED, *COUNTABLE])
    specimen = next((one for one in tried if one is not None), None)
    if specimen is None:
        raise DoesNotApply("it takes no space that is small enough")
    specimen.learn(20)
    total = math.fsum(_masses(specimen))
    kind = specimen.encoder.bound
    what = f"over {specimen.view.space}, exp(log_prob) sums to {total:.6g}"
    remedy = "look for a constant that is missing, a sign, or a Jacobian of a scaling"
    if kind == "exact":
        require(abs(total - 1) <= TOLERANCE, f"{what}, not to 1", remedy)
    else:
        require(total <= 1 + TOLERANCE, f"{what}, and a lower bound of a density to no more than 1", remedy)


def _classes(view: View) -> Mapping[str, gym.Space[Any]]:
    return {name: space for name, space in view.labels.items() if name != "semantic"}


def _tiny(encoder: str, view: View) -> Specimen | None:
    """Specimen for a tiny space, or None if the encoder rejects it; options larger than the space are set to 1."""
    size = math.prod(view.space.shape or ())
    whole = {name: value for name, value in config_fields(encoder) if type(value) is int}
    for options in ({}, {name: 1 for name, value in whole.items() if value > size}):
        try:
            return Specimen(encoder, view, options=options)
        except ArenaError:
            continue
    return None


def _masses(specimen: Specimen) -> Iterator[float]:
    """Probabilities of the parts of the space."""
    space = specimen.view.space
    assert isinstance(space, gym.spaces.Box)
    cell, observations = 1.0, _every(space)
    if space.dtype == np.float32:
        points = POINTS[space.shape[0]]
        cell = (2 * REACH / (points - 1)) ** space.shape[0]
        line = torch.linspace(-REACH, REACH, points)
        observations = torch.cartesian_prod(*[line] * space.shape[0]).reshape(-1, *space.shape)
    model = specimen.encoder
    assert isinstance(model, Scores)
    draws = 1 if model.bound == "exact" else DRAWS
    generators = Generators(0)
    with torch.no_grad(), generators.lent("agent"):
        for part in torch.split(observations, 2**14):
            score = torch.stack([model.log_prob(part).double() for _ in range(draws)]).mean(0)
            yield float(score.exp().sum()) * cell


def _every(space: gym.spaces.Box) -> Tensor:
    """All observations of a small space of bytes."""
    if space.dtype != np.uint8:
        return torch.empty(0)
    levels, size = int(space.high.max()) + 1, math.prod(space.shape)
    rows = torch.tensor([*itertools.product(range(levels), repeat=size)], dtype=torch.uint8)
    return rows.reshape(-1, *space.shape)


@encoder_law
def inverts_exactly(encoder: str, frames: str) -> None:
    """`inverse` inverts `transform`, and `ladj` is the log absolute determinant of autograd's Jacobian.

    In double precision, on observations as floating-point numbers.
    """
    specimen = able(Inverts, encoder, frames)
    model = specimen.encoder.double()
    assert isinstance(model, Inverts)
    x = specimen.observations(3).double()
    z, ladj = model.transform(x)
    back, undone = model.inverse(z)
    remedy = "let `inverse` undo `transform` step by step, from the last to the first"
    problem = f"ladj has the shape {tuple(ladj.shape)}, not (3,)"
    require(tuple(ladj.shape) == (3,), problem, "sum over dimensions")
    require_close(back.detach(), x, 1e-6, "inverse(transform(x)) is not x", remedy)
    require_close(undone.detach(), -ladj.detach(), 1e-6, "the two log determinants do not cancel", remedy)
    if x[0].numel() > LARGEST:
        return

    def transformed(flat: Tensor) -> Tensor:
        return model.transform(flat.reshape(1, *x.shape[1:]))[0].flatten()

    _check_determinants(transformed, x, ladj.detach())


def _check_determinants(transformed: Callable[[Tensor], Tensor], x: Tensor, ladj: Tensor) -> None:
    for one, said in zip(x, ladj, strict=True):
        jacobian: Any = torch.autograd.functional.jacobian(transformed, one.flatten())  # type: ignore[no-untyped-call]
        found = torch.linalg.slogdet(jacobian).logabsdet
        problem = f"ladj is {said.item():.6g}, and autograd's Jacobian has {found.item():.6g}"
        require_close(said, found, 1e-6, problem, "it is ln |det ∂z/∂x|, from data to latent")
