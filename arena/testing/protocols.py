"""Laws of encoder protocols, each for the encoders that implement the protocol."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor

from arena.encoders.base import Decodes, Encodes, PartialFit, Perceives, Remembers, Samples
from arena.encoders.distributions import mode
from arena.environments.space_json import dtype_of
from arena.storage.codec import decode, encode
from arena.testing.encoder_cases import LENGTH, Specimen, encoder_law
from arena.testing.errors import DoesNotApply, require
from arena.testing.globals import globals_untouched
from arena.testing.trial import difference

__all__ = [
    "able",
    "codes_are_independent",
    "decodes_into_the_space",
    "loading_preserves_codes",
    "partial_fit_takes_one_epoch",
    "predictions_are_independent",
    "require_close",
    "samples_from_its_generator",
    "steps_equal_unroll",
]

ALONE = "compute each row from its observation alone: no batch statistics, no mean over the batch"


@encoder_law
def codes_are_independent(encoder: str, frames: str) -> None:
    """A code has the latent space's shape and type, is deterministic, and is independent of the other rows of a batch.

    Independence is exact for equal batch sizes, and up to rounding otherwise.
    """
    specimen = able(Encodes, encoder, frames)
    model, x = specimen.encoder, specimen.observations(6)
    assert isinstance(model, Encodes)

    def look(x: Tensor) -> Tensor:
        return mode(model.encode(x)).detach()

    codes, latent = look(x), model.latent
    _check_values("code", codes, latent, len(x))
    _check_alone("code", look, specimen)
    distribution = model.encode(x)
    for name, found, shape in (
        ("event_shape", tuple(distribution.event_shape), latent.shape),
        ("batch_shape", tuple(distribution.batch_shape), (len(x),)),
        ("shape of a draw", tuple(distribution.sample(torch.Size([2])).shape), (2, len(x), *latent.shape)),
    ):
        require(found == shape, f"q(z | x) has the {name} {found}, not {shape}", "see torch's Independent")


@encoder_law
def loading_preserves_codes(encoder: str, frames: str) -> None:
    """Saving, and loading into a new encoder with another seed, gives identical codes and labels."""
    specimen, fresh = Specimen(encoder, frames).learn(), Specimen(encoder, frames, seed=1)
    with fresh.generators.lent("agent"):
        fresh.fitting.transfer(decode(encode(specimen.fitting.snapshot())))
    fresh.encoder.eval()
    x = specimen.observations()
    remedy = "store everything that a code is computed from in parameters and buffers"
    both = (specimen.encoder, fresh.encoder)
    codes = [mode(model.encode(x)).detach() for model in both if isinstance(model, Encodes)]
    if codes:
        differs = difference(codes[0], codes[1])
        require(differs is None, f"what was loaded gives different codes: {differs}", remedy)
    labels = [dict(model.perceive(x)) for model in both if isinstance(model, Perceives)]
    if labels:
        differs = difference(labels[0], labels[1])
        require(differs is None, f"what was loaded predicts different labels: {differs}", remedy)


@encoder_law
def decodes_into_the_space(encoder: str, frames: str) -> None:
    """A decoded distribution has the observation space's shape; its mode and samples have its type and lie in it."""
    specimen = able(Decodes, encoder, frames)
    model, space, x = specimen.encoder, specimen.view.space, specimen.observations()
    assert isinstance(model, Decodes)
    if not isinstance(model, Encodes):
        raise DoesNotApply("it has no codes")
    codes = mode(model.encode(x)).detach()
    decoded = model.decode(codes)
    for name, found, shape in (
        ("event_shape", tuple(decoded.event_shape), space.shape),
        ("batch_shape", tuple(decoded.batch_shape), (len(x),)),
        ("shape of its mean", tuple(decoded.mean.shape), (len(x), *(space.shape or ()))),
    ):
        require(found == shape, f"p(x | z) has the {name} {found}, not {shape}", "see torch's Independent")
    _check_values("mode of p(x | z)", mode(decoded).detach(), space, len(x))
    _check_values("draw of p(x | z)", decoded.sample().detach(), space, len(x))


@encoder_law
def predictions_are_independent(encoder: str, frames: str) -> None:
    """All required labels are predicted, lie in their spaces, and are independent of the other rows of a batch."""
    specimen = able(Perceives, encoder, frames)
    model, x = specimen.encoder, specimen.observations()
    assert isinstance(model, Perceives)
    predicted = model.perceive(x)
    missing = [name for name in specimen.encoder.required_labels if name not in predicted]
    problem = f"it needs the label {', '.join(missing)} and does not predict it"
    require(not missing, problem, "predict every required label")
    known = specimen.view.labels
    require(bool(predicted), "it predicts no label", "leave out `perceive`, or predict a label")
    for name, value in predicted.items():
        problem = f"it predicts {name!r}, and its labels are {', '.join(known)}"
        require(name in known, problem, "see self.labels")
        _check_values(f"label {name!r}", value.detach(), known[name], len(x))
        _check_alone(f"label {name!r}", functools.partial(_predicted, model, name), specimen)


def _predicted(model: Perceives, name: str, x: Tensor) -> Tensor:
    return model.perceive(x)[name].detach()


@encoder_law
def samples_from_its_generator(encoder: str, frames: str) -> None:
    """Samples lie in the space, and depend on the given generator alone."""
    specimen = able(Samples, encoder, frames)
    model = specimen.encoder
    assert isinstance(model, Samples)
    draws = []
    for seed, noise in ((1, 1), (1, 2), (2, 2)):
        torch.manual_seed(noise)
        with globals_untouched("sampling with a generator"):
            draws.append(model.sample(5, generator=torch.Generator().manual_seed(seed)).detach())
    _check_values("sample", draws[0], specimen.view.space, 5)
    remedy = "pass `generator` to every random function"
    differs = difference(draws[0], draws[1])
    require(differs is None, f"equal generators gave different samples: {differs}", remedy)
    require(difference(draws[1], draws[2]) is not None, "another seed gives equal samples", remedy)


@encoder_law
def partial_fit_takes_one_epoch(encoder: str, frames: str) -> None:
    """One epoch lowers the loss, repeated `finalize` changes nothing, and a second epoch changes the loss by little."""
    specimen = Specimen(encoder, frames)
    model = specimen.encoder
    if not isinstance(model, PartialFit):
        raise DoesNotApply("it learns by gradients")
    batches, losses = [specimen.batch(40, seed) for seed in range(3)], [specimen.loss()]
    for _ in range(2):
        for batch in batches:
            model.partial_fit(batch)
        model.finalize()
        losses.append(specimen.loss())
    state = {name: value.clone() for name, value in specimen.encoder.state_dict().items()}
    model.finalize()
    differs = difference(state, dict(specimen.encoder.state_dict()))
    remedy = "let `finalize` compute everything from the statistics of `partial_fit`"
    require(differs is None, f"repeated `finalize` changed the encoder: {differs}", remedy)
    before, first, second = losses
    remedy = "let `partial_fit` accumulate the statistics that `finalize` uses"
    require(first < before, f"an epoch took the loss from {before:.6g} to {first:.6g}", remedy)
    most = 0.02 * max(1.0, abs(before - first))
    problem = f"a second epoch took the loss from {first:.6g} to {second:.6g}"
    require(abs(second - first) <= most, problem, "weight every observation equally")


@encoder_law
def steps_equal_unroll(encoder: str, frames: str) -> None:
    """Stepping through a sequence equals the full pass, also where episodes begin; sequences are independent."""
    specimen = able(Remembers, encoder, frames)
    model = specimen.encoder
    assert isinstance(model, Remembers)
    x = specimen.batch(4).observation
    begin = torch.zeros(x.shape[:2], dtype=torch.bool, device=x.device)
    begin[0] = begin[2, 1] = begin[3, :2] = True
    with globals_untouched("stepping"), torch.no_grad():
        codes = _stepped(model, x, begin)
        again, alone = _stepped(model, x, begin), _stepped(model, x[:, 1:2], begin[:, 1:2])
        passed = mode(model.unroll(model.initial(4), x, begin=begin)[1])
    differs = difference(codes, again)
    require(
        differs is None,
        f"repeated steps gave different codes: {differs}",
        "keep the whole memory in `memory`",
    )
    require_close(alone, codes[:, 1:2], 1e-4, "a sequence has different codes alone and in a batch", ALONE)
    shape = (LENGTH, *codes.shape[1:])
    problem = f"the full pass gives {tuple(passed.shape)}, not {shape}"
    require(passed.shape == shape, problem, "let time be the first dimension")
    require_close(
        passed, codes, 1e-4, "the full pass and its steps give different codes", "use one cell in both"
    )


def _stepped(model: Remembers, x: Tensor, begin: Tensor) -> Tensor:
    """Codes of sequences, computed step by step: shape (length, batch, …)."""
    fresh = memory = model.initial(x.shape[1])
    codes = []
    for one, begins in zip(x, begin, strict=True):
        memory = torch.where(begins.reshape(-1, *[1] * (memory.dim() - 1)), fresh, memory)
        memory, distribution = model.step(memory, one)
        codes.append(mode(distribution))
    return torch.stack(codes)


def able(protocol: type[Any], encoder: str, frames: str) -> Specimen:
    """Specimen after one update, if it implements the protocol."""
    specimen = Specimen(encoder, frames)
    if not isinstance(specimen.encoder, protocol):
        raise DoesNotApply(f"the encoder does not implement {protocol.__name__}")
    return specimen.learn()


def _check_values(what: str, values: Tensor, space: gym.Space[Any], n: int) -> None:
    """Checks that n values have the shape and type of a space, and lie in it."""
    shape, dtype = (n, *(space.shape or ())), dtype_of(space)
    require(tuple(values.shape) == shape, f"the {what} has the shape {tuple(values.shape)}, not {shape}", "")
    kind = getattr(torch, str(dtype))
    require(values.dtype == kind, f"the {what} is {values.dtype}, not {kind}", f"cast it: .to({kind})")
    if isinstance(space, gym.spaces.Box) and dtype.kind == "f":
        low, high = (np.asarray(side, np.float64) for side in (space.low, space.high))
        numbers = values.double().cpu().numpy()
        slack = 1e-5 * np.maximum(1, np.abs(numbers))
        within = (numbers >= low - slack) & (numbers <= high + slack)
        inside = bool(np.isfinite(numbers).all() and within.all())
    else:
        inside = all(space.contains(one) for one in values.cpu().numpy())
    require(inside, f"the {what} is not in {space}", "clamp it, or widen the space")


def _check_alone(what: str, look: Callable[[Tensor], Tensor], specimen: Specimen) -> None:
    """Checks that an output is deterministic and independent of the other rows of a batch."""
    x, others = specimen.observations(6), specimen.observations(6, seed=1)
    first, again = look(x), look(x)
    differs = difference(first, again)
    remedy = "compute it without random numbers"
    require(differs is None, f"the {what} is not deterministic: {differs}", remedy)
    mixed = look(torch.cat([x[:3], others[3:]]))[:3]
    differs = difference(first[:3], mixed)
    require(differs is None, f"the {what} depends on the other rows of the batch: {differs}", ALONE)
    single = torch.cat([look(one[None]) for one in x])
    require_close(single, first, 1e-4, f"the {what} differs in a batch of one", ALONE)


def require_close(found: Tensor, expected: Tensor, rounding: float, problem: str, remedy: str) -> None:
    """Raises a `LawError` unless two tensors are equal up to rounding, relative to the largest number."""
    away = (found.double() - expected.double()).abs().max().item()
    most = max(1.0, expected.double().abs().max().item())
    require(away <= rounding * most, f"{problem}, by {away:.3g} of {most:.3g}", remedy)
