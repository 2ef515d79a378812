"""Fits an encoder: whoever plays takes turns at going down a loss of its own."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Protocol

import torch

from arena.encoders.base import Absorbs, Batch, Encoder
from arena.encoders.standardization import CodeScale
from arena.errors import ArenaError
from arena.storage.codec import State
from arena.streams.base import Progress

__all__ = ["Fitting", "TrainingBatches", "Updates"]

#: Updates between two yields.
UPDATES = 8

#: The largest block that glibc goes by is one of 32 MiB, its head included.
KEPT_BYTES = 31 * 2**20


class Updates(Protocol):
    """Where a turn has its batches from, and notes its updates.

    Attributes:
        steps: updates so far.
    """

    steps: int

    def __next__(self) -> Batch:
        """The next batch."""
        ...

    def note(self, **metrics: float) -> None:
        """Counts an update, and averages its metrics."""
        ...


class TrainingBatches(Updates, Protocol):
    """Batches to train on, and how far training is to go before the next evaluation.

    Attributes:
        count: observations in an epoch.
        batch_size: observations in a batch.
    """

    @property
    def count(self) -> int: ...

    @property
    def batch_size(self) -> int: ...

    @property
    def remaining(self) -> int:
        """Updates until the runner's next boundary."""
        ...

    def progress(self) -> Progress:
        """Updates and whole epochs so far."""
        ...


class Fitting:
    """An encoder in training.

    In one turn every player makes its updates, each from a batch of its own and by its own Adam; then it is the next
    one's. An encoder that absorbs has one epoch of batches instead, each frame once, and is finished; one in which
    nobody plays is finished from the start.

    Source: Kingma & Ba 2015 for Adam.

    Args:
        encoder: what is fitted.
        step_size: Adam's.
        held_out: begins a pass over held-out batches; the scale of their codes is part of a snapshot.
    """

    def __init__(
        self, encoder: Encoder, step_size: float, held_out: Callable[[], Iterator[Batch]] | None = None
    ) -> None:
        self.encoder, self.held_out = encoder, held_out
        self.players = dict(encoder.players())
        self.optimizers = {
            name: _adam(list(player.parameters), step_size) for name, player in self.players.items()
        }

    def train(self, source: TrainingBatches) -> Iterator[Progress]:
        """Updates until nobody asks for more."""
        _keep_memory()
        if isinstance(self.encoder, Absorbs):
            yield from self._absorb(source, self.encoder)
            return
        turn = sum(player.updates for player in self.players.values())
        while self.players:
            self.encoder.train()
            for _ in range(max(1, min(UPDATES, -(-source.remaining // turn)))):
                self.turn(source)
            yield source.progress()

    def turn(self, source: Updates) -> None:
        """Every player's updates, each from the source's next batch.

        Raises:
            ArenaError: a loss is no number.
        """
        for name, player in self.players.items():
            optimizer = self.optimizers[name]
            key = "loss" if len(self.players) == 1 else f"{name}_loss"
            for _ in range(player.updates):
                loss = player.loss(next(source))
                value = float(loss.detach())
                if not math.isfinite(value):
                    raise ArenaError(
                        f"{key} is {value} at update {source.steps + 1:,}: the fit has diverged",
                        "use a smaller --fit.step_size, or look at the frames",
                    )
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                source.note(
                    **{name: float(said) for name, said in self.encoder.metrics.items()}, **{key: value}
                )

    def _absorb(self, source: TrainingBatches, encoder: Absorbs) -> Iterator[Progress]:
        """One epoch: what more could it learn?"""
        count, size = source.count, source.batch_size
        last = -(-count // size)
        while source.steps < last:
            batch = next(source)
            encoder.absorb(batch if source.steps < last - 1 else _first(batch, count - size * (last - 1)))
            source.note()
            if source.steps == last:
                encoder.finish()
            yield source.progress()

    def state_dict(self) -> State:
        """The encoder, and every optimiser."""
        # Copies: an optimiser changes its moments in place.
        optimizers = {name: copy.deepcopy(one.state_dict()) for name, one in self.optimizers.items()}
        return {"encoder": self._weights(), "optimizers": optimizers}

    def load_state_dict(self, state: State) -> None:
        """Takes them back."""
        self.encoder.load_state_dict(state["encoder"])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])

    def snapshot(self) -> State:
        """The encoder's parameters and buffers, and the scale of its codes."""
        self.encoder.eval()
        scale = None if self.held_out is None else CodeScale.of(self.encoder, self.held_out())
        return {"encoder": self._weights(), "codes": scale and scale._asdict()}

    def _weights(self) -> State:
        return {name: tensor.detach().clone() for name, tensor in self.encoder.state_dict().items()}

    def transfer(self, state: State) -> None:
        """Begins from another fit's encoder."""
        self.encoder.load_state_dict(state["encoder"])


def _adam(parameters: list[torch.nn.Parameter], step_size: float) -> torch.optim.Adam:
    """Adam, in one fused call for all parameters where the device has that."""
    fused = {parameter.device.type for parameter in parameters} <= {"cpu", "cuda"}
    return torch.optim.Adam(parameters, lr=step_size, fused=fused)


def _keep_memory() -> None:
    """Frees a large block, of which glibc learns to keep what is freed.

    It would give most of an update's memory back to the system, and be lent it again, page by page, at the next one:
    up to a fifth of a convolutional update's time. Other allocators do not care.
    """
    torch.empty(KEPT_BYTES, dtype=torch.uint8)


def _first(batch: Batch, count: int) -> Batch:
    """The first observations of a batch: those behind them are the next epoch's."""
    labels = {name: label[:count] for name, label in batch.labels.items()}
    return Batch(batch.observation[:count], labels)
