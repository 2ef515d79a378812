"""Training of encoders: optimization groups in turns, or one pass without gradients."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Protocol

import torch

from arena.encoders.base import Batch, Encoder, PartialFit
from arena.encoders.standardization import CodeStandardization
from arena.errors import ArenaError
from arena.storage.codec import State
from arena.streams.base import Progress

__all__ = ["EncoderTrainer", "TrainingBatches"]

#: Number of updates between two yields.
UPDATES = 8

#: glibc adapts its threshold to freed blocks of up to 32 MiB, header included.
KEPT_BYTES = 31 * 2**20


class TrainingBatches(Protocol):
    """Source of training batches that counts updates.

    Attributes:
        steps: number of updates so far.
        count: number of observations in an epoch.
        batch_size: number of observations in a batch.
    """

    steps: int

    @property
    def count(self) -> int: ...

    @property
    def batch_size(self) -> int: ...

    def __next__(self) -> Batch:
        """Next batch."""

    def note(self, **metrics: float) -> None:
        """Count an update, with its metrics."""

    @property
    def remaining(self) -> int:
        """Number of updates until the runner's next boundary."""

    def progress(self) -> Progress:
        """Progress record: updates and complete epochs so far."""


class EncoderTrainer:
    """Trainer of an encoder.

    In one turn every optimization group makes its updates with its own Adam optimizer, each on a new batch. An encoder
    that implements `PartialFit` instead reads one epoch of batches, each frame once. An encoder without optimization
    groups is not trained.

    Source: Kingma & Ba 2015 for Adam.

    Args:
        encoder: encoder to train.
        learning_rate: Adam's learning rate.
        held_out: function that returns held-out batches, for the standardization of codes in a snapshot.
    """

    def __init__(
        self, encoder: Encoder, learning_rate: float, held_out: Callable[[], Iterator[Batch]] | None = None
    ) -> None:
        self.encoder, self.held_out = encoder, held_out
        self.optimization_groups = dict(encoder.optimization_groups())
        self.optimizers = {
            name: _adam(list(group.parameters), learning_rate)
            for name, group in self.optimization_groups.items()
        }

    def train(self, source: TrainingBatches) -> Iterator[Progress]:
        """Train, and yield the progress every few updates."""
        _keep_memory()
        if isinstance(self.encoder, PartialFit):
            yield from self._partial_fit(source, self.encoder)
            return
        turn = sum(group.updates for group in self.optimization_groups.values())
        while self.optimization_groups:
            self.encoder.train()
            for _ in range(max(1, min(UPDATES, -(-source.remaining // turn)))):
                for metrics in self.turn(source.__next__, source.steps):
                    source.note(**metrics)
            yield source.progress()

    def turn(self, next_batch: Callable[[], Batch], steps: int) -> Iterator[dict[str, float]]:
        """Make one turn: the updates of every optimization group, each on a new batch; yield each update's metrics.

        Args:
            next_batch: function that returns the next batch.
            steps: number of updates before the turn, for the error.

        Raises:
            ArenaError: a loss is not finite.
        """
        for name, group in self.optimization_groups.items():
            optimizer = self.optimizers[name]
            key = "loss" if len(self.optimization_groups) == 1 else f"{name}_loss"
            for _ in range(group.updates):
                loss = group.loss(next_batch())
                steps += 1
                value = float(loss.detach())
                if not math.isfinite(value):
                    problem = f"{key} is {value} at update {steps:,}: the fit has diverged"
                    remedy = "use a smaller --fit.learning_rate, or check the frames for outliers"
                    raise ArenaError(problem, remedy)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                metrics = {name: float(metric) for name, metric in self.encoder.metrics.items()}
                yield {**metrics, key: value}

    def _partial_fit(self, source: TrainingBatches, encoder: PartialFit) -> Iterator[Progress]:
        """Fit in one epoch, since further ones change nothing."""
        count, size = source.count, source.batch_size
        last = -(-count // size)
        while source.steps < last:
            batch = next(source)
            if source.steps == last - 1:
                batch = _first(batch, count - size * (last - 1))
            encoder.partial_fit(batch)
            source.note()
            if source.steps == last:
                encoder.finalize()
            yield source.progress()

    def state_dict(self) -> State:
        # Copies, because an optimizer changes its moments in place.
        optimizers = {name: copy.deepcopy(one.state_dict()) for name, one in self.optimizers.items()}
        return {"encoder": self._weights(), "optimizers": optimizers}

    def load_state_dict(self, state: State) -> None:
        self.encoder.load_state_dict(state["encoder"])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])

    def snapshot(self) -> State:
        """Parameters and buffers of the encoder, and the standardization of its codes."""
        self.encoder.eval()
        scale = self.held_out and CodeStandardization.from_batches(self.encoder, self.held_out())
        return {"encoder": self._weights(), "codes": scale and scale._asdict()}

    def _weights(self) -> State:
        return {name: tensor.detach().clone() for name, tensor in self.encoder.state_dict().items()}

    def transfer(self, state: State) -> None:
        """Start from the encoder of another fit's snapshot."""
        self.encoder.load_state_dict(state["encoder"])


def _adam(parameters: list[torch.nn.Parameter], learning_rate: float) -> torch.optim.Adam:
    """Adam optimizer, fused over all parameters where the device supports it."""
    fused = {parameter.device.type for parameter in parameters} <= {"cpu", "cuda"}
    return torch.optim.Adam(parameters, lr=learning_rate, fused=fused)


def _keep_memory() -> None:
    """Free a large block, after which glibc keeps freed memory in the process.

    Otherwise it returns most of an update's memory to the system and requests it again, page by page, in the next
    update: up to a fifth of a convolutional update's time. Other allocators are not affected.
    """
    torch.empty(KEPT_BYTES, dtype=torch.uint8)


def _first(batch: Batch, count: int) -> Batch:
    """First observations of a batch; the others belong to the next epoch."""
    labels = {name: label[:count] for name, label in batch.labels.items()}
    return Batch(batch.observation[:count], labels)
