"""Fits an encoder: whoever plays takes turns at going down a loss of its own."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from arena.agents.base import Progress
from arena.encoders.base import Absorbs, Batch, Encoder, Remembers
from arena.encoders.standardization import CodeScale
from arena.errors import ArenaError
from arena.frames import Batches
from arena.random.generators import Generators, derive
from arena.storage.codec import State
from arena.training.session import Setup

if TYPE_CHECKING:
    from arena.experiments.fit import Fit

__all__ = ["Fitting", "Minibatches", "Updates", "set_up"]

#: Updates between two yields.
UPDATES = 8

#: The largest block that glibc goes by is one of 32 MiB, its head included.
KEPT_BYTES = 31 * 2**20

#: Held-out batches that an evaluation looks at, at most.
MOST_BATCHES = 32


class Minibatches:
    """Batches as a source: what is fitted counts its updates here.

    Args:
        batches: of the frames to learn from.

    Attributes:
        steps: updates so far.
        boundary: the number of updates at which the runner wants to be asked again.
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
        """Updates until the runner's next boundary."""
        return max(0, self.boundary - self.steps)

    def note(self, **said: float) -> None:
        """An update was made, and said this."""
        self.steps += 1
        for name, value in said.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
            self._counts[name] = self._counts.get(name, 0) + 1

    def progress(self) -> Progress:
        """What a fit yields now: updates, and whole epochs."""
        return Progress(self.steps, int(self.batches.epoch))

    def take_log(self) -> dict[str, float | None]:
        """Means since the last call, each over the updates that said something of it."""
        log: dict[str, float | None] = {n: total / self._counts[n] for n, total in self._sums.items()}
        self._sums, self._counts = {}, {}
        return log

    def state_dict(self) -> State:
        """Where it stands."""
        return {
            "steps": self.steps,
            "batches": self.batches.state_dict(),
            "sums": dict(self._sums),
            "counts": dict(self._counts),
        }

    def load_state_dict(self, state: State) -> None:
        """Goes back there."""
        self.batches.load_state_dict(state["batches"])
        self.steps, self._sums, self._counts = state["steps"], dict(state["sums"]), dict(state["counts"])


class Updates(Protocol):
    """Where a turn has its batches from, and notes its updates.

    Attributes:
        steps: updates so far.
    """

    steps: int

    def __next__(self) -> Batch:
        """The next batch."""
        ...

    def note(self, **said: float) -> None:
        """An update was made, and said this."""
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
        held_out: observations whose codes' scale is to be part of a snapshot.
    """

    def __init__(self, encoder: Encoder, step_size: float, held_out: Batches | None = None) -> None:
        self.encoder, self.held_out = encoder, held_out
        self.players = dict(encoder.players())
        self.optimizers = {
            name: _adam(list(player.parameters), step_size) for name, player in self.players.items()
        }

    def train(self, source: Minibatches) -> Iterator[Progress]:
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

    def _absorb(self, source: Minibatches, encoder: Absorbs) -> Iterator[Progress]:
        """One epoch: what more could it learn?"""
        count, size = source.batches.count, source.batches.batch_size
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
        scale = None if self.held_out is None else CodeScale.of(self.encoder, self.held_out.once())
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


def set_up(fit: Fit, seed: int, generators: Generators) -> Setup:
    """An encoder, its batches, and its evaluation on what is held out: minus the loss, batch by batch."""
    frames, options = fit.frames.open(), fit.options
    with generators.lent("agent"):
        encoder = fit.encoder().to(fit.device)
    length = options["sequence"] if isinstance(encoder, Remembers) else None
    common: dict[str, Any] = {
        "seed": seed,
        "holdout": options["holdout"],
        "length": length,
        "device": fit.device,
    }
    source = Minibatches(Batches(frames, options["batch_size"], **common))
    held_out = Batches(frames, options["batch_size"], part="validation", **common)
    epoch = -(-source.batches.count // source.batches.batch_size)
    if isinstance(encoder, Absorbs) and fit.steps < epoch:
        raise ArenaError(
            f"{fit.agent} learns from every frame once, which takes {epoch:,} updates and not {fit.steps:,}",
            f"give --steps {epoch} or more, or a larger --fit.batch_size",
        )

    def evaluate() -> list[float]:
        return held_out_scores(encoder, held_out, seed)

    learner = Fitting(encoder, options["step_size"], held_out)
    return Setup(learner, source, evaluate, lambda: {"optimum": None, "policy_value": None}, lambda: None)


def held_out_scores(encoder: Encoder, batches: Batches, seed: int) -> list[float]:
    """Minus the loss of each held-out batch, with the same random numbers every time."""
    encoder.eval()
    scores = []
    with torch.no_grad(), Generators(derive(seed, "evaluation", bits=64)).lent("agent"):
        for number, batch in enumerate(batches.once()):
            if number == MOST_BATCHES:
                break
            scores.append(-float(encoder.loss(batch)))
    return scores
