"""Test cases of the encoder laws: every registered encoder, with small frames of every supported kind."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor

from arena.config.options import coerce
from arena.encoders.base import Batch, Encoder, PartialFit, Remembers
from arena.encoders.compatibility import encoder_class_of
from arena.encoders.trainer import EncoderTrainer
from arena.environments.space_json import dtype_of
from arena.errors import ArenaError
from arena.plugins.discovery import get_plugins
from arena.random.generators import Generators
from arena.storage.codec import State
from arena.streams.base import Progress
from arena.testing.cases import blamed, registered
from arena.testing.errors import DoesNotApply

__all__ = ["FRAMES", "EncoderCase", "Specimen", "View", "built", "encoder_law", "every_encoder", "made"]


class View(NamedTuple):
    """Spaces of an encoder's data.

    Attributes:
        space: space of one observation.
        labels: space of each label, by name.
    """

    space: gym.Space[Any]
    labels: Mapping[str, gym.Space[Any]]


def _view(space: gym.spaces.Box) -> View:
    """View of a space with a label of every kind: a class, numbers and, for images, a coarser map of classes."""
    labels: dict[str, gym.Space[Any]] = {
        "class": gym.spaces.Discrete(3, start=1),
        "state": gym.spaces.Box(-1, 1, (2,), np.float32),
    }
    if len(space.shape) == 3:
        height, width, _ = space.shape
        labels["semantic"] = gym.spaces.Box(0, 3, (height // 2, width // 2), np.uint8)
    return View(space, labels)


#: Small frames of every kind: images with few and many pixels, gray and colored, and vectors.
FRAMES: Mapping[str, View] = {
    "8x8": _view(gym.spaces.Box(0, 255, (8, 8, 1), np.uint8)),
    "16x16": _view(gym.spaces.Box(0, 255, (16, 16, 3), np.uint8)),
    "32x32": _view(gym.spaces.Box(0, 255, (32, 32, 3), np.uint8)),
    "vector": _view(gym.spaces.Box(-2, 2, (20,), np.float32)),
}

#: Length of sequences, for recurrent encoders.
LENGTH = 5


class EncoderCase(NamedTuple):
    """Encoder, and frames that it takes.

    Attributes:
        encoder: name of the encoder.
        frames: a key of `FRAMES`.
    """

    encoder: str
    frames: str

    def __str__(self) -> str:
        return f"{self.encoder} on {self.frames}"


def every_encoder(frames: Sequence[str] = tuple(FRAMES), *, most: int | None = 1) -> list[EncoderCase]:
    """Cases of every registered encoder; each encoder is constructed, which takes some time.

    Encoders that cannot be imported here, such as those of an extra that is not installed, are left out.

    Args:
        frames: keys of `FRAMES` to choose from, the preferred one first.
        most: largest number of cases for each encoder; None: all.
    """
    cases: list[EncoderCase] = []
    for name in get_plugins().encoders:
        cases += [EncoderCase(name, where) for where in taken(name, frames)[:most]]
    return cases


def taken(encoder: str, frames: Sequence[str] = tuple(FRAMES)) -> list[str]:
    """Keys of the frames that an encoder takes; for others its constructor raises an `ArenaError`."""
    try:
        target = encoder_class_of(get_plugins().encoders[encoder])
    except ArenaError as error:
        if isinstance(error.__cause__, ImportError):  # of an extra that is not installed
            return []
        raise
    return [where for where in frames if _takes(encoder, target, where)]


@functools.cache
def _takes(encoder: str, target: type[Encoder], where: str) -> bool:
    with contextlib.suppress(ArenaError), Generators(0).lent("agent"):
        made(encoder, FRAMES[where])
        return True
    return False


def made(encoder: str, view: View, options: Mapping[str, object] | None = None) -> Encoder:
    """Create an encoder with its preset's options and these, and weights from torch's global generator."""
    spec = get_plugins().encoders[encoder]
    target = encoder_class_of(spec)
    chosen = {**spec.preset("").options, **(options or {})}
    return target(view.space, coerce(target.Config, chosen, where="encoder", owner=encoder), view.labels)


def built(view: View, n: int, seed: int = 0, length: int | None = None) -> Batch:
    """Batch of synthetic observations: the class sets the brightness, the state a slope, the map the local brightness.

    Args:
        view: space of the observations, and of the labels.
        n: number of observations, or of sequences.
        seed: seed of the data.
        length: length of sequences; None for single observations.
    """
    random = np.random.default_rng(seed)
    count = n * (length or 1)
    state, kind = random.uniform(-1, 1, (count, 2)), random.integers(3, size=count)
    space = view.space
    assert isinstance(space, gym.spaces.Box), "frames are arrays"
    places = np.stack(np.meshgrid(*(np.linspace(-1, 1, side) for side in space.shape[:2]), indexing="ij"), -1)
    slope = np.einsum("...d,nd->n...", places, state[:, : places.shape[-1]])
    picture = (0.2 + 0.25 * kind.reshape(-1, *(1,) * (slope.ndim - 1)) + 0.15 * slope).clip(0, 1)
    shades = picture.reshape(count, *picture.shape[1:], *(1,) * (len(space.shape) - picture.ndim + 1))
    shades = (shades + random.normal(0, 0.05, (count, *space.shape))).clip(0, 1)
    low, high = (
        np.where(np.isfinite(side), side, bound) for side, bound in ((space.low, -2), (space.high, 2))
    )
    observation = low + shades * (high - low)
    values: dict[str, np.ndarray[Any, Any]] = {"class": kind + 1, "state": state}
    if "semantic" in view.labels:
        rows, columns = view.labels["semantic"].shape or (0, 0)
        values["semantic"] = np.minimum(4 * picture[:, : 2 * rows : 2, : 2 * columns : 2], 3)
    labels = {name: values[name].astype(dtype_of(label)) for name, label in view.labels.items()}
    observation = (np.round(observation) if space.dtype == np.uint8 else observation).astype(space.dtype)
    tensors = [torch.from_numpy(array) for array in (observation, *labels.values())]
    if length is None:
        return Batch(tensors[0], dict(zip(labels, tensors[1:], strict=True)))
    tensors = [tensor.reshape(length, n, *tensor.shape[1:]) for tensor in tensors]
    begin = torch.zeros(length, n, dtype=torch.bool)
    begin[0], begin[2, 0] = True, True
    return Batch(tensors[0], dict(zip(labels, tensors[1:], strict=True)), None, begin)


class Specimen:
    """Encoder under test, with its data and random numbers.

    Args:
        encoder: name of the encoder.
        frames: a key of `FRAMES`, or a view.
        seed: seed of all random numbers, but not of the data.
        options: options other than the preset's.

    Attributes:
        encoder: the encoder.
        view: spaces of the data.
        generators: its random numbers.
        fitting: its trainer.
    """

    def __init__(
        self,
        encoder: str,
        frames: str | View,
        *,
        seed: int = 0,
        options: Mapping[str, object] | None = None,
    ) -> None:
        self.view = FRAMES[frames] if isinstance(frames, str) else frames
        self.generators = Generators(seed)
        with self.generators.lent("agent"):
            self.encoder = made(encoder, self.view, options)
            self.fitting = EncoderTrainer(self.encoder, 1e-3)
        size = 20 if isinstance(self.encoder, PartialFit) else 12
        self._source = _Fixed(self.batch(size), size)

    def batch(self, n: int = 6, seed: int = 0) -> Batch:
        """Training batch; sequences for a recurrent encoder."""
        length = LENGTH if isinstance(self.encoder, Remembers) else None
        return built(self.view, n, seed, length)

    def observations(self, n: int = 6, seed: int = 0) -> Tensor:
        """Observations, shape (n, *space.shape)."""
        return built(self.view, n, seed).observation

    def learn(self, updates: int = 1) -> Specimen:
        """Make updates on one batch; an encoder that implements `PartialFit` reads one epoch."""
        turns = self.fitting.train(self._source)
        until = self._source.steps + updates
        if self.fitting.optimization_groups or isinstance(self.encoder, PartialFit):
            while self._source.steps < until:
                self._source.boundary = until
                with self.generators.lent("agent"):
                    if next(turns, None) is None:
                        break
        self.encoder.eval()
        return self

    def loss(self, draws: int = 4) -> float:
        """Training loss of that batch, averaged over draws with equal random numbers every time."""
        self.encoder.train()
        with torch.no_grad(), Generators(0).lent("agent"):
            losses = [float(self.encoder.loss(self._source.batch)) for _ in range(draws)]
        self.encoder.eval()
        return math.fsum(losses) / draws

    def state(self) -> State:
        """State as in a checkpoint."""
        return {
            "steps": self._source.steps,
            "fitting": self.fitting.state_dict(),
            "generators": self.generators.state_dict(),
        }

    def load(self, state: State) -> None:
        """Continue from a state, with its seed."""
        self._source.steps = state["steps"]
        self.generators = Generators(state["generators"]["seed"])
        self.generators.load_state_dict(state["generators"])
        with self.generators.lent("agent"):
            self.fitting.load_state_dict(state["fitting"])
        self.generators.load_state_dict(state["generators"])  # as before loading, which may draw


class _Fixed:
    """Stand-in for `arena.encoders.trainer.Minibatches`: always one batch, which is the whole epoch.

    Args:
        batch: the batch.
        size: number of observations or sequences in it.

    Attributes:
        steps: number of updates so far.
        boundary: number of updates at which the next turn stops.
        batches: itself.
    """

    def __init__(self, batch: Batch, size: int) -> None:
        self.batch, self.steps, self.boundary = batch, 0, 0
        self.batches, self.count, self.batch_size = self, size, size

    def __next__(self) -> Batch:
        return self.batch

    @property
    def remaining(self) -> int:
        return max(0, self.boundary - self.steps)

    def note(self, **said: float) -> None:
        self.steps += 1

    def progress(self) -> Progress:
        return Progress(self.steps)


def encoder_law(law: Callable[..., None]) -> Callable[..., None]:
    """Decorator of encoder laws, for calls ``law(encoder, frames=None, **settings)``.

    The encoder is a name or a class; the default frames are the first of `FRAMES` that it takes. Any error of the
    encoder breaks the law.
    """

    @functools.wraps(law)
    def face(encoder: str | type[Encoder], frames: str | None = None, **settings: Any) -> None:
        with contextlib.ExitStack() as stack:
            name = encoder if isinstance(encoder, str) else stack.enter_context(registered(encoder))
            with blamed(law, name):
                where = frames or next(iter(taken(name)), None)
            if where is None:
                raise DoesNotApply(f"{name} takes none of the frames {', '.join(FRAMES)}")
            threads = torch.get_num_threads()
            torch.set_num_threads(1)  # the number of threads decides how sums are rounded
            stack.callback(torch.set_num_threads, threads)
            with blamed(law, f"{name} on {where}"):
                law(name, where, **settings)

    return face


def config_fields(encoder: str) -> Iterator[tuple[str, Any]]:
    """Names and defaults of an encoder's options."""
    config = encoder_class_of(get_plugins().encoders[encoder]).Config
    for field in dataclasses.fields(config):
        yield field.name, getattr(config(), field.name)
