"""Laws of all encoders: options, losses, state, randomness and devices."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor

from arena.encoders.base import Batch, Encoder, Encodes, PartialFit, Perceives
from arena.encoders.compatibility import encoder_class_of
from arena.encoders.distributions import mode
from arena.errors import ArenaError
from arena.plugins.discovery import get_plugins
from arena.storage.codec import decode, encode
from arena.testing.configs import have_help, round_trip
from arena.testing.encoder_cases import Specimen, View, config_fields, encoder_law, made
from arena.testing.errors import DoesNotApply, LawError, require
from arena.testing.globals import globals_untouched
from arena.testing.trial import difference

__all__ = [
    "encoder_options_have_help",
    "encoder_options_round_trip",
    "encoding_changes_nothing",
    "loss_decreases",
    "loss_is_a_scalar",
    "registers_its_tensors",
    "rejects_invalid_options",
    "rejects_unsupported_spaces",
    "same_seed_same_weights",
    "training_continues_exactly",
]

#: Values of each type of field that an encoder has to accept or refuse with an `ArenaError`.
WRONG: dict[type, tuple[object, ...]] = {
    bool: (2, "perhaps"),
    int: (-1, 0, 1.5, "many"),
    float: (-1.0, 0.0, float("nan"), "much"),
    str: ("", "nonsense", 3),
    tuple: ((), (0,), (-1,), "several"),
    type(None): (-1.0, 0.0, "nonsense"),
}

#: Unusual spaces, which an encoder has to accept or refuse with an `ArenaError`.
ODD: tuple[gym.Space[Any], ...] = (
    gym.spaces.Discrete(4),
    gym.spaces.Dict({"a": gym.spaces.Discrete(2)}),
    gym.spaces.Box(-1, 1, (8, 8, 3), np.float32),
    gym.spaces.Box(0, 255, (1, 1, 1), np.uint8),
    gym.spaces.Box(0, 255, (7, 9, 3), np.uint8),
    gym.spaces.Box(0, 255, (4, 20, 17), np.uint8),
    gym.spaces.Box(0, 1, (5,), np.uint8),
    gym.spaces.Box(-np.inf, np.inf, (1,), np.float32),
)


@encoder_law
def encoder_options_have_help(encoder: str, frames: str) -> None:
    """Every option has a help text, which stands alone and names the quantity of a number."""
    have_help(encoder_class_of(get_plugins().encoders[encoder]).Config)


@encoder_law
def encoder_options_round_trip(encoder: str, frames: str) -> None:
    """Defaults and presets are canonical and survive JSON."""
    spec = get_plugins().encoders[encoder]
    round_trip(encoder_class_of(spec).Config, [{}, *(preset.options for preset in spec.presets.values())])


@encoder_law
def rejects_invalid_options(encoder: str, frames: str) -> None:
    """Each value of an option either works or is rejected with an `ArenaError`."""
    for name, default in config_fields(encoder):
        for value in WRONG.get(type(default), ()):
            _check_rejected_or_works(encoder, f"{name}={value!r}", frames, options={name: value})


@encoder_law
def rejects_unsupported_spaces(encoder: str, frames: str) -> None:
    """Each observation space either works or is rejected with an `ArenaError`."""
    labels = {"class": gym.spaces.Discrete(3, start=1), "state": gym.spaces.Box(-1, 1, (2,), np.float32)}
    for space in ODD:
        for known in (labels, {}):
            what = f"{space} with {'labels' if known else 'no label'}"
            _check_rejected_or_works(encoder, what, View(space, known))


def _check_rejected_or_works(encoder: str, what: str, view: Any, **settings: Any) -> None:
    remedy = "raise an ArenaError in the constructor that says what is wrong and how to fix it"
    try:
        specimen = Specimen(encoder, view, **settings)
    except ArenaError:
        return
    except Exception as error:
        problem = f"with {what} its constructor raises {type(error).__name__}: {error}"
        raise LawError(problem, remedy) from error
    with specimen.generators.lent("agent"):
        try:
            x = _any(specimen)
            specimen.encoder.eval()
            if isinstance(specimen.encoder, Encodes):
                mode(specimen.encoder.encode(x))
            elif isinstance(specimen.encoder, Perceives):
                specimen.encoder.perceive(x)
        except Exception as error:
            problem = f"it accepts {what}, and then raises {type(error).__name__}: {error}"
            raise LawError(problem, remedy) from error


def _any(specimen: Specimen) -> Tensor:
    """Two observations of any space."""
    space = specimen.view.space
    if isinstance(space, gym.spaces.Box):
        return specimen.observations(2)
    space.seed(0)
    return torch.as_tensor(np.stack([np.asarray(space.sample()) for _ in range(2)]))


@encoder_law
def loss_is_a_scalar(encoder: str, frames: str) -> None:
    """The loss, and that of every optimization group, is a finite scalar with a gradient for each of its parameters.

    Equal random numbers give equal losses. `metrics` are finite scalars without gradient.
    """
    values = []
    for _ in range(2):
        specimen = Specimen(encoder, frames)  # a new one, since a loss may also update the encoder
        model, batch = specimen.encoder, specimen.batch()
        with specimen.generators.lent("agent"):
            values.append(_checked("loss", model.loss(batch)))
    same = difference(values[0], values[1])
    require(
        same is None, f"equal random numbers give different losses: {same}", "draw from torch's generator"
    )
    _check_metrics(model)
    with specimen.generators.lent("agent"):
        _check_gradients(model, batch)


def _checked(name: str, loss: Tensor) -> Tensor:
    scalar = isinstance(loss, Tensor) and loss.shape == () and loss.is_floating_point()
    require(scalar, f"the {name} is {loss!r}, no scalar tensor", "give a mean or a sum")
    require(bool(loss.isfinite()), f"the {name} is {loss.item()}", "look for logarithms and divisions")
    return loss.detach()


def _check_metrics(model: Encoder) -> None:
    for name, value in model.metrics.items():
        is_scalar = isinstance(value, Tensor) and value.shape == () and not value.requires_grad
        remedy = "detach it, and give a mean"
        require(is_scalar, f"the metric {name!r} is {value!r}, no scalar without gradient", remedy)
        remedy = "look for logarithms and divisions"
        require(bool(value.isfinite()), f"the metric {name!r} is {value.item()}", remedy)


def _check_gradients(model: Encoder, batch: Batch) -> None:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    moved: set[int] = set()
    for group, one in model.optimization_groups().items():
        parameters = list(one.parameters)
        empty = f"the optimization group {group!r} has no parameters"
        require(bool(parameters), empty, "leave it out of `optimization_groups`")
        model.zero_grad(set_to_none=True)
        model.train()
        loss = one.loss(batch)
        _checked(f"loss of the group {group!r}", loss)
        require(loss.requires_grad, f"the loss of {group!r} has no gradient", "do not detach it")
        loss.backward()  # type: ignore[no-untyped-call]
        for parameter in parameters:
            name = names.get(id(parameter), "a parameter that is not the encoder's")
            remedy = "let every parameter of a group take part in its loss, or leave it out"
            gradient = parameter.grad
            require(gradient is not None, f"the loss of {group!r} has no gradient for {name}", remedy)
            assert gradient is not None
            require(bool(gradient.isfinite().all()), f"{name} has a gradient that is not finite", remedy)
        moved |= {id(parameter) for parameter in parameters}
    model.zero_grad(set_to_none=True)
    if moved:
        idle = [name for name, one in model.named_parameters() if one.requires_grad and id(one) not in moved]
        remedy = "add them to an optimization group, or call requires_grad_(False)"
        require(not idle, f"no optimization group has {', '.join(idle[:3])}", remedy)


@encoder_law
def loss_decreases(encoder: str, frames: str, *, updates: int = 30) -> None:
    """Thirty updates on one batch lower the loss; encoders with several optimization groups are not tested."""
    specimen = Specimen(encoder, frames)
    if len(specimen.fitting.optimization_groups) != 1:
        raise DoesNotApply(f"it has {len(specimen.fitting.optimization_groups)} optimization groups")
    before = specimen.loss()
    after = specimen.learn(updates).loss()
    remedy = "look for a wrong sign, a detached tensor, or a step that is far too large"
    require(after < before, f"{updates} updates took the loss from {before:.6g} to {after:.6g}", remedy)


@encoder_law
def training_continues_exactly(encoder: str, frames: str, *, updates: int = 3) -> None:
    """Training continues from a saved state exactly, bit for bit.

    Encoder, optimizers and random numbers pass through the codec into a new encoder with another seed.
    """
    first, second = Specimen(encoder, frames), Specimen(encoder, frames, seed=1)
    stored = decode(encode(first.learn(updates).state()))
    second.load(stored)
    remedy = "store everything that training needs in parameters and buffers; state_dict contains no other attributes"
    lost = difference(stored, decode(encode(second.state())))
    require(lost is None, f"the loaded state differs from the saved one: {lost}", remedy)
    for specimen in (first, second):
        model = specimen.encoder
        if isinstance(model, PartialFit):
            model.partial_fit(specimen.batch(20, seed=1))
            model.finalize()
    ends = [decode(encode(one.learn(updates).state())) for one in (first, second)]
    differs = difference(ends[0], ends[1])
    require(differs is None, f"after loading, training continues differently: {differs}", remedy)


@encoder_law
def same_seed_same_weights(encoder: str, frames: str, *, updates: int = 3) -> None:
    """Equal seeds give equal weights, independent of NumPy's global generator; different seeds give different ones."""
    states = []
    for seed, noise in ((0, 1), (0, 2), (1, 2)):
        np.random.seed(noise)
        states.append(decode(encode(Specimen(encoder, frames, seed=seed).learn(updates).state()["fitting"])))
    differs = difference(states[0], states[1])
    remedy = "draw from torch's global generator alone, and never iterate over a set or use hash() and id()"
    require(differs is None, f"two fits of one seed differ: {differs}", remedy)
    weights = any(one.dim() > 1 for one in Specimen(encoder, frames).encoder.parameters())
    if weights:
        remedy = "draw initial weights from torch's global generator, and do not seed it"
        require(difference(states[1], states[2]) is not None, "another seed changes nothing", remedy)


@encoder_law
def encoding_changes_nothing(encoder: str, frames: str) -> None:
    """Encoding and perceiving change neither the encoder nor global state: generators, threads, types, gradients."""
    before = _settings()
    specimen = Specimen(encoder, frames).learn()
    x = specimen.observations()
    remedy = "do not change settings of the process"
    for training in (True, False):
        specimen.encoder.train(training)
        state = copy.deepcopy(specimen.encoder.state_dict())
        modes = [module.training for module in specimen.encoder.modules()]
        with globals_untouched("encoding (encode's mode, perceive)"):
            for look in _looks(specimen.encoder):
                look(x)
        changed = difference(dict(state), dict(specimen.encoder.state_dict()))
        learned = "change parameters and buffers in `loss` only"
        require(changed is None, f"encoding changed the encoder: {changed}", learned)
        same = modes == [module.training for module in specimen.encoder.modules()]
        require(same, "encoding left a module in another mode (train, eval)", "restore it")
    require(_settings() == before, f"settings of torch went from {before} to {_settings()}", remedy)


def _looks(model: Encoder) -> Iterator[Any]:
    if isinstance(model, Encodes):
        yield lambda x: mode(model.encode(x))
    if isinstance(model, Perceives):
        yield model.perceive


def _settings() -> tuple[object, ...]:
    return (
        torch.get_num_threads(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.are_deterministic_algorithms_enabled(),
    )


@encoder_law
def registers_its_tensors(encoder: str, frames: str) -> None:
    """All tensors are parameters or buffers, so that `.to(device)` moves them, and none is on another device."""
    specimen = Specimen(encoder, frames).learn()
    model = specimen.encoder
    remedy = "register it: self.register_buffer(name, tensor); functions make theirs with `device=x.device`"
    for place, module in model.named_modules():
        for name, value in vars(module).items():
            loose = not name.startswith("_") and name != "metrics" and any(_tensors(value))
            path = f"{place}.{name}".strip(".")
            require(not loose, f"the attribute {path} is a tensor, but no parameter or buffer", remedy)
    model.zero_grad(set_to_none=True)
    away = made(encoder, specimen.view).to("meta")
    x = specimen.observations().to("meta")
    for look in _looks(away.eval()):
        try:
            look(x)
        except Exception as error:  # meta tensors have no values: other errors are no evidence
            message = " ".join(str(error).split())
            phrases = ("same device", "two devices", "is not on the expected device")
            mixed = any(phrase in message for phrase in phrases)
            require(not mixed, f"moved to another device, it mixes devices: {message[:200]}", remedy)


def _tensors(value: Any) -> Iterator[bool]:
    """True for each tensor in plain containers that is not a parameter."""
    if isinstance(value, torch.nn.Parameter):
        return
    if isinstance(value, Tensor):
        yield True
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for item in value:
            yield from _tensors(item)
