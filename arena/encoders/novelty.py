"""Novelty bonus: an encoder learns the distribution of observations, and unlikely ones give a bonus."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from arena.encoders.base import Batch, Encoder, PartialFit
from arena.encoders.functional import novelty
from arena.encoders.novelty_options import NoveltyOptions
from arena.encoders.trainer import EncoderTrainer
from arena.environments.space_json import array_space
from arena.errors import ArenaError
from arena.streams.wrapper import StreamWrapper

if TYPE_CHECKING:
    from arena.storage.codec import State
    from arena.streams.base import Stream, Transition

__all__ = ["NoveltyStream"]

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float64]


class NoveltyStream(StreamWrapper):
    """Stream with a novelty bonus from an encoder, which learns from every step's next observation once.

        b = scale · max(0, (n − m) / s),

    where n is the novelty of the next observation (`arena.encoders.functional.novelty`), and m and s are mean and
    standard deviation of all novelties before this step. The reward is unchanged.

    Metrics: `bonus`, the mean bonus since the last line of metrics.

    Source: novelty from a density model, Bellemare et al. 2016, "Unifying count-based exploration and intrinsic
    motivation"; in units of its running standard deviation, as Burda et al. 2019, "Exploration by random network
    distillation".

    Args:
        inner: stream of the environment's own observations.
        encoder: encoder that computes the novelty.
        options: options of the bonus.
        device: device of the encoder.
    """

    def __init__(self, inner: Stream, encoder: Encoder, options: NoveltyOptions, device: str) -> None:
        super().__init__(inner)
        self.encoder, self.options, self._device = encoder, options, device
        space = array_space(inner.observation_space)
        self._trainer = EncoderTrainer(encoder, options.learning_rate or 1.0)
        self._recent = np.zeros((options.batch_size, *space.shape), space.dtype)
        self._filled, self._updates = 0, 0
        self._moments = _Moments()
        self._bonus, self._count = 0.0, 0
        self._observe()

    def take_log(self) -> dict[str, float | None]:
        log = {**super().take_log(), "bonus": self._bonus / self._count if self._count else None}
        self._bonus, self._count = 0.0, 0
        return log

    def _transform(self, inner: Transition, transition: Transition) -> None:
        super()._transform(inner, transition)
        rows = np.asarray(inner.next_observation, self._recent.dtype)
        values = novelty(self.encoder, torch.from_numpy(rows).to(self._device)).double().cpu().numpy()
        if not math.isfinite(values.sum()):
            problem = f"the novelty of an observation of {self.label} is not finite at step {self.steps}"
            raise ArenaError(problem, "use a smaller --novelty.learning_rate")
        transition.bonus[...] += self.options.scale * np.maximum(0.0, self._moments.standardized(values))
        self._moments.update(values)
        self._bonus, self._count = self._bonus + float(transition.bonus.sum()), self._count + len(values)
        if self.options.learning_rate:
            self._learn(rows)

    def _learn(self, rows: Array) -> None:
        size = len(self._recent)
        while len(rows):
            taken = rows[: size - self._filled]
            self._recent[self._filled : self._filled + len(taken)] = taken
            self._filled, rows = self._filled + len(taken), rows[len(taken) :]
            if self._filled == size:
                self._update(Batch(torch.from_numpy(self._recent.copy()).to(self._device)))
                self._filled = 0

    def _update(self, batch: Batch) -> None:
        if isinstance(self.encoder, PartialFit):
            self.encoder.partial_fit(batch)
            self.encoder.finalize()
            return
        self.encoder.train()
        try:
            for _ in self._trainer.turn(lambda: batch, self._updates):
                self._updates += 1
        except ArenaError as error:
            raise ArenaError(f"novelty: {error.problem}", "use a smaller --novelty.learning_rate") from error

    def _source_state(self) -> State:
        return {
            **super()._source_state(),
            "fitting": self._trainer.state_dict(),
            "recent": self._recent[: self._filled].copy(),
            "updates": self._updates,
            "moments": self._moments.state_dict(),
            "bonus": [self._bonus, self._count],
        }

    def _restore_source(self, state: State) -> None:
        super()._restore_source(state)
        self._trainer.load_state_dict(state["fitting"])
        self._filled, self._updates = len(state["recent"]), state["updates"]
        self._recent[: self._filled] = state["recent"]
        self._moments.load_state_dict(state["moments"])
        self._bonus, self._count = state["bonus"]


class _Moments:
    """Running mean and standard deviation of numbers in batches.

    Source: Chan, Golub & LeVeque 1983, equation 1.5.
    """

    def __init__(self) -> None:
        self._count, self._mean, self._squares = 0, 0.0, 0.0

    def standardized(self, values: Float) -> Float:
        """Standardize values; 0 as long as the variance is 0."""
        if self._squares <= 0:
            return np.zeros_like(values)
        return (values - self._mean) / math.sqrt(self._squares / self._count)

    def update(self, values: Float) -> None:
        count, shift = self._count + len(values), values.mean() - self._mean
        spread = ((values - values.mean()) ** 2).sum()
        self._squares += float(spread + shift**2 * self._count * len(values) / count)
        self._mean += float(shift * len(values) / count)
        self._count = count

    def state_dict(self) -> State:
        return {"count": self._count, "mean": self._mean, "squares": self._squares}

    def load_state_dict(self, state: State) -> None:
        self._count, self._mean, self._squares = state["count"], state["mean"], state["squares"]
