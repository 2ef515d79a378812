"""Running mean and variance of observations, and of returns for scaling rewards."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from arena.storage.codec import State

__all__ = ["RewardScale", "RunningMoments"]

Array = npt.NDArray[Any]

#: Greatest absolute value of a normalized number: greater ones are clipped.
CLIP = 10.0


class RunningMoments:
    """Running mean and variance over batches of any size.

        δ = m_b − m,   m ← m + δ n_b / (n + n_b),   M ← M + M_b + δ² n n_b / (n + n_b),   variance = M / n

    Before the first batch the mean is 0 and the variance 1.

    Args:
        shape: shape of one value, such as an observation.

    Source: Chan, Golub & LeVeque, Updating formulae and a pairwise algorithm for computing sample variances (1979).
    """

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        self.count = 0
        self.mean = np.zeros(shape)
        self.squares = np.zeros(shape)
        self._refresh()

    @property
    def variance(self) -> npt.NDArray[np.float64]:
        """Population variance of all values so far, of the given shape; 1 before the first."""
        return self.squares / self.count if self.count else np.ones_like(self.squares)

    def update(self, batch: Array) -> None:
        """Add a batch of shape (n, *shape)."""
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

    def normalize(self, values: Array) -> npt.NDArray[np.float32]:
        """ValueHead of shape (…, *shape) with mean 0 and variance 1, no further than `CLIP` from 0."""
        return np.asarray(np.clip((values - self._shift) * self._factor, -CLIP, CLIP), dtype=np.float32)

    def state_dict(self) -> State:
        """Count, mean, and sum of squared distances from the mean."""
        return {"count": self.count, "mean": self.mean.copy(), "squares": self.squares.copy()}

    def load_state_dict(self, state: State) -> None:
        """Restore count, mean and squared distances."""
        self.count = state["count"]
        self.mean, self.squares = state["mean"].copy(), state["squares"].copy()
        self._refresh()

    def _refresh(self) -> None:
        # Single precision, as networks use: half the work of every action.
        self._shift = self.mean.astype(np.float32)
        self._factor = (1 / np.sqrt(self.variance + 1e-8)).astype(np.float32)


class RewardScale:
    """Standard deviation of discounted returns, by which rewards are divided so that values are near 1 in every task.

    The returns are R ← γ R + r, which start at 0 with each episode. Rewards are not centred: subtracting a mean would
    change the value of long episodes.

    Args:
        num_envs: number of environments.
        discount: γ.

    Attributes:
        moments: moments of all returns so far.
        discounted_return: R of each environment, shape (num_envs,).

    Source: Engstrom et al., Implementation matters in deep policy gradients (2020), section 3.
    """

    def __init__(self, num_envs: int, discount: float) -> None:
        self.discount = discount
        self.moments = RunningMoments()
        self.discounted_return = np.zeros(num_envs)

    @property
    def scale(self) -> float:
        """Divisor of rewards; 1 before the first reward."""
        return float(np.sqrt(self.moments.variance + 1e-8))

    def update(self, reward: npt.NDArray[np.float64], done: npt.NDArray[np.bool_]) -> None:
        """Add rewards and ends of episodes, both of shape (T, num_envs)."""
        returns = np.empty_like(reward)
        for t, (earned, ended) in enumerate(zip(reward, done, strict=True)):
            returns[t] = self.discounted_return = self.discount * self.discounted_return + earned
            self.discounted_return = np.where(ended, 0.0, self.discounted_return)
        self.moments.update(returns.ravel())
