"""Running means and variances: of observations, and of returns, whose scale rewards are divided by."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from arena.codec import State

__all__ = ["Moments", "RewardScale"]

Array = npt.NDArray[Any]

#: Numbers further from the mean than so many standard deviations say no more than that they are far.
FAR = 10.0


class Moments:
    """Mean and variance of everything seen so far, in batches of any size.

        δ = m_b − m,   m ← m + δ n_b / (n + n_b),   M ← M + M_b + δ² n n_b / (n + n_b),   variance = M / n

    Before the first batch the mean is 0 and the variance 1.

    Args:
        shape: of one number's place, such as an observation's.

    Source: Chan, Golub & LeVeque, Updating formulae and a pairwise algorithm for computing sample variances (1979).
    """

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        self.count = 0
        self.mean = np.zeros(shape)
        self.squares = np.zeros(shape)
        self._refresh()

    @property
    def variance(self) -> npt.NDArray[np.float64]:
        """Of what was seen, as a population; shape as given."""
        return self.squares / self.count if self.count else np.ones_like(self.squares)

    def update(self, batch: Array) -> None:
        """Takes in a batch of shape (n, *shape)."""
        new = len(batch)
        if not new:
            return
        batch = np.asarray(batch, dtype=np.float64)
        mean, total = batch.mean(axis=0), self.count + new
        difference = mean - self.mean
        self.mean = self.mean + difference * (new / total)
        self.squares = (
            self.squares + ((batch - mean) ** 2).sum(axis=0) + difference**2 * (self.count * new / total)
        )
        self.count = total
        self._refresh()

    def __call__(self, values: Array) -> npt.NDArray[np.float32]:
        """Values of shape (…, *shape) with mean 0 and variance 1, no further than `FAR` from 0."""
        return np.asarray(np.clip((values - self._shift) * self._factor, -FAR, FAR), dtype=np.float32)

    def state_dict(self) -> State:
        """Count, mean and sum of squared distances from it."""
        return {"count": self.count, "mean": self.mean.copy(), "squares": self.squares.copy()}

    def load_state_dict(self, state: State) -> None:
        """Goes on from there."""
        self.count = state["count"]
        self.mean, self.squares = state["mean"].copy(), state["squares"].copy()
        self._refresh()

    def _refresh(self) -> None:
        # Single precision, as networks read: half the work of every action.
        self._shift = self.mean.astype(np.float32)
        self._factor = (1 / np.sqrt(self.variance + 1e-8)).astype(np.float32)


class RewardScale:
    """Divides rewards by the standard deviation of returns, so that values stay near one whatever the task's unit.

    The returns are those of the past, R ← γ R + r, begun anew with each episode. Rewards are not centred: a mean
    taken off would make long episodes worth more, or less.

    Args:
        num_envs: how many lanes.
        discount: γ.

    Attributes:
        moments: of all returns so far.
        past: each lane's return so far, shape (num_envs,).

    Source: Engstrom et al., Implementation matters in deep policy gradients (2020), section 3.
    """

    def __init__(self, num_envs: int, discount: float) -> None:
        self.discount = discount
        self.moments = Moments()
        self.past = np.zeros(num_envs)

    @property
    def scale(self) -> float:
        """What a reward is divided by; 1 before the first was seen."""
        return float(np.sqrt(self.moments.variance + 1e-8))

    def update(self, reward: npt.NDArray[np.float64], done: npt.NDArray[np.bool_]) -> None:
        """Takes in rewards, and where episodes ended; shapes (T, num_envs)."""
        past = np.empty_like(reward)
        for t, (earned, ended) in enumerate(zip(reward, done, strict=True)):
            past[t] = self.past = self.discount * self.past + earned
            self.past = np.where(ended, 0.0, self.past)
        self.moments.update(past.ravel())
