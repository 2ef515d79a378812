"""Sets up the fit of an encoder, for a session of the runner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from arena.encoders.base import Batch, Encoder, PartialFit, Remembers
from arena.encoders.trainer import EncoderTrainer
from arena.errors import ArenaError
from arena.frames.batches import Batches
from arena.frames.references import open_data
from arena.random.generators import Generators, derive
from arena.storage.codec import State
from arena.streams.base import Progress
from arena.training.setup import Setup

if TYPE_CHECKING:
    from arena.experiments.fit import Fit

__all__ = ["Minibatches", "held_out_scores", "set_up"]

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
    def count(self) -> int:
        """Number of observations in an epoch."""
        return self.batches.count

    @property
    def batch_size(self) -> int:
        """Number of observations in a batch."""
        return self.batches.batch_size

    @property
    def remaining(self) -> int:
        """Number of updates until the runner's next boundary."""
        return max(0, self.boundary - self.steps)

    def note(self, **metrics: float) -> None:
        """Count an update, with its metrics."""
        self.steps += 1
        for name, value in metrics.items():
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


def set_up(fit: Fit, seed: int, generators: Generators) -> Setup:
    """Create the encoder of a fit, its batches, and its evaluation on held-out batches."""
    frames, options = open_data(fit.data), fit.fitting
    with generators.lent("agent"):
        encoder = fit.build_encoder().to(fit.device)
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
            f"{fit.name} learns from every frame once, which takes {epoch:,} updates and not {fit.steps:,}",
            f"give --steps {epoch} or more, or a larger --fit.batch_size",
        )

    def evaluate() -> list[float]:
        return held_out_scores(encoder, held_out, seed)

    learner = EncoderTrainer(encoder, options["learning_rate"], held_out.once)
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
