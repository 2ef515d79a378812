"""Training of encoders: optimization groups in turns, or one pass without gradients."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from arena.agent import Progress
from arena.code_scale import CodeScale
from arena.codec import State
from arena.encoder import Batch, Encoder, PartialFit, Remembers
from arena.errors import ArenaError
from arena.frames import Batches
from arena.random import Generators, derive
from arena.setup import Setup

if TYPE_CHECKING:
    from arena.fit import Fit

__all__ = ["EncoderTrainer", "Minibatches", "Updates", "set_up"]

#: Number of updates between two yields.
UPDATES = 8

#: glibc adapts its threshold to freed blocks of up to 32 MiB, header included.
KEPT_BYTES = 31 * 2**20

#: Largest number of held-out batches in an evaluation.
MOST_BATCHES = 32


class Minibatches:
    """Source of training batches, which also counts updates and averages metrics.

    Args:
        batches: batches of the training frames.

    Attributes:
        steps: number of updates so far.
        boundary: number of updates at which training returns control to the runner.
    """

    notice: str | None = None

    def __init__(self, batches: Batches) -> None:
        self.batches = batches
        self.steps, self.boundary = 0, np.iinfo(np.int64).max
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def __next__(self) -> Batch:
        return next(self.batches)

    @property
    def remaining(self) -> int:
        """Number of updates until the runner's next boundary."""
        return max(0, self.boundary - self.steps)

    def note(self, **said: float) -> None:
        """Count an update, with its metrics."""
        self.steps += 1
        for name, value in said.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
            self._counts[name] = self._counts.get(name, 0) + 1

    def progress(self) -> Progress:
        """Progress of the fit: updates, and completed epochs."""
        return Progress(self.steps, int(self.batches.epoch))

    def take_log(self) -> dict[str, float | None]:
        """Mean of each metric since the last call, over the updates that have it."""
        log: dict[str, float | None] = {n: total / self._counts[n] for n, total in self._sums.items()}
        self._sums, self._counts = {}, {}
        return log

    def state_dict(self) -> State:
        """State for a checkpoint."""
        return {
            "steps": self.steps,
            "batches": self.batches.state_dict(),
            "sums": dict(self._sums),
            "counts": dict(self._counts),
        }

    def load_state_dict(self, state: State) -> None:
        """Restore a state."""
        self.batches.load_state_dict(state["batches"])
        self.steps, self._sums, self._counts = state["steps"], dict(state["sums"]), dict(state["counts"])


class Updates(Protocol):
    """Protocol of a source of batches that counts updates.

    Attributes:
        steps: number of updates so far.
    """

    steps: int

    def __next__(self) -> Batch:
        """Next batch."""
        ...

    def note(self, **said: float) -> None:
        """Count an update, with its metrics."""
        ...


class EncoderTrainer:
    """Trainer of an encoder.

    In one turn every optimization group makes its updates with its own Adam optimizer, each on a new batch. An encoder
    that implements `PartialFit` instead reads one epoch of batches, each frame once. An encoder without optimization
    groups is not trained.

    Source: Kingma & Ba 2015 for Adam.

    Args:
        encoder: encoder to train.
        learning_rate: Adam's learning rate.
        held_out: held-out batches for the standardization of codes, which is part of a snapshot.
    """

    def __init__(self, encoder: Encoder, learning_rate: float, held_out: Batches | None = None) -> None:
        self.encoder, self.held_out = encoder, held_out
        self.optimization_groups = dict(encoder.optimization_groups())
        self.optimizers = {
            name: _adam(list(group.parameters), learning_rate)
            for name, group in self.optimization_groups.items()
        }

    def train(self, source: Minibatches) -> Iterator[Progress]:
        """Train, and yield the progress every few updates."""
        _keep_memory()
        if isinstance(self.encoder, PartialFit):
            yield from self._partial_fit(source, self.encoder)
            return
        turn = sum(group.updates for group in self.optimization_groups.values())
        while self.optimization_groups:
            self.encoder.train()
            for _ in range(max(1, min(UPDATES, -(-source.remaining // turn)))):
                self.turn(source)
            yield source.progress()

    def turn(self, source: Updates) -> None:
        """One turn: the updates of every optimization group, each on the source's next batch.

        Raises:
            ArenaError: a loss is not finite.
        """
        for name, group in self.optimization_groups.items():
            optimizer = self.optimizers[name]
            key = "loss" if len(self.optimization_groups) == 1 else f"{name}_loss"
            for _ in range(group.updates):
                loss = group.loss(next(source))
                value = float(loss.detach())
                if not math.isfinite(value):
                    raise ArenaError(
                        f"{key} is {value} at update {source.steps + 1:,}: the fit has diverged",
                        "use a smaller --fit.learning_rate, or check the frames for outliers",
                    )
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                source.note(
                    **{name: float(said) for name, said in self.encoder.metrics.items()}, **{key: value}
                )

    def _partial_fit(self, source: Minibatches, encoder: PartialFit) -> Iterator[Progress]:
        """One epoch, since further ones change nothing."""
        count, size = source.batches.count, source.batches.batch_size
        last = -(-count // size)
        while source.steps < last:
            batch = next(source)
            encoder.partial_fit(
                batch if source.steps < last - 1 else _first(batch, count - size * (last - 1))
            )
            source.note()
            if source.steps == last:
                encoder.finalize()
            yield source.progress()

    def state_dict(self) -> State:
        """State of the encoder and of every optimizer."""
        # Copies, because an optimizer changes its moments in place.
        optimizers = {name: copy.deepcopy(one.state_dict()) for name, one in self.optimizers.items()}
        return {"encoder": self._weights(), "optimizers": optimizers}

    def load_state_dict(self, state: State) -> None:
        """Restore a state."""
        self.encoder.load_state_dict(state["encoder"])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])

    def snapshot(self) -> State:
        """Parameters and buffers of the encoder, and the standardization of its codes."""
        self.encoder.eval()
        scale = None if self.held_out is None else CodeScale.from_batches(self.encoder, self.held_out.once())
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


def set_up(fit: Fit, seed: int, generators: Generators) -> Setup:
    """Create the encoder of a fit, its batches, and its evaluation on held-out batches."""
    frames, options = fit.frames.open(), fit.options
    with generators.lent("agent"):
        encoder = fit.encoder().to(fit.device)
    length = options["sequence_length"] if isinstance(encoder, Remembers) else None
    common: dict[str, Any] = {
        "seed": seed,
        "holdout": options["holdout"],
        "length": length,
        "device": fit.device,
    }
    source = Minibatches(Batches(frames, options["batch_size"], **common))
    held_out = Batches(frames, options["batch_size"], part="validation", **common)
    epoch = -(-source.batches.count // source.batches.batch_size)
    if isinstance(encoder, PartialFit) and fit.steps < epoch:
        raise ArenaError(
            f"{fit.agent} learns from every frame once, which takes {epoch:,} updates and not {fit.steps:,}",
            f"give --steps {epoch} or more, or a larger --fit.batch_size",
        )

    def evaluate() -> list[float]:
        return held_out_scores(encoder, held_out, seed)

    learner = EncoderTrainer(encoder, options["learning_rate"], held_out)
    return Setup(learner, source, evaluate, lambda: {"optimum": None, "policy_value": None}, lambda: None)


def held_out_scores(encoder: Encoder, batches: Batches, seed: int) -> list[float]:
    """Scores of an evaluation: minus the loss of each held-out batch, with equal random numbers every time."""
    encoder.eval()
    scores = []
    with torch.no_grad(), Generators(derive(seed, "evaluation", bits=64)).lent("agent"):
        for number, batch in enumerate(batches.once()):
            if number == MOST_BATCHES:
                break
            scores.append(-float(encoder.loss(batch)))
    return scores
