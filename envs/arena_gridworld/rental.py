"""Jack's car rental: two locations, Poisson demand, cars moved overnight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt

from arena.config.options import Between
from arena.environments.mdp import TransitionModel
from arena.errors import ArenaError
from arena_gridworld.base import MdpEnv, vector_of
from arena_gridworld.options import Reward, ShownState

__all__ = ["JacksCarRental", "JacksCarRentalOptions", "JacksCarRentalVector"]

Float = npt.NDArray[np.float64]
Rate = Annotated[float, Between(0, 500)]


@dataclass(frozen=True, kw_only=True)
class JacksCarRentalOptions(ShownState):
    """The two car rentals of Sutton & Barto's example 4.2."""

    cars: Annotated[int, Between(1, 40)] = 20
    """How many cars a location holds; what is returned beyond it disappears."""

    moves: Annotated[int, Between(0, 40)] = 5
    """How many cars can be moved overnight."""

    requests: tuple[Rate, Rate] = (3.0, 4.0)
    """Cars that are asked for at each location on a day, on average."""

    returns: tuple[Rate, Rate] = (3.0, 2.0)
    """Cars that are returned at each location on a day, on average; they can be rented on the next day."""

    credit: Reward = 10.0
    """Reward of a car that is rented."""

    move_cost: Reward = 2.0
    """Cost of a car that is moved."""

    def build(self) -> TransitionModel:
        """State ``first * (cars + 1) + second``, with the cars at each location at the end of a day.

        Raises:
            ArenaError: more cars can be moved than a location holds.
        """
        if self.moves > self.cars:
            raise ArenaError(
                f"moves is {self.moves}, and a location holds {self.cars} cars", "move at most as many"
            )
        size = self.cars + 1
        first, second = (cars.ravel()[:, None] for cars in np.indices((size, size)))
        moved = np.clip(np.arange(-self.moves, self.moves + 1), -second, first)
        # Cars beyond a full location disappear on the way; moving them costs all the same.
        morning = [np.minimum(cars, self.cars).ravel() for cars in (first - moved, second + moved)]
        days = [_day(size, *rates) for rates in zip(self.requests, self.returns, strict=True)]
        (chance_1, rented_1), (chance_2, rented_2) = (
            (chance[cars], rented[cars]) for cars, (chance, rented) in zip(morning, days, strict=True)
        )
        probability = (chance_1[:, :, None] * chance_2[:, None, :]).reshape(len(chance_1), -1)
        reward = self.credit * (rented_1[:, :, None] + rented_2[:, None, :]).reshape(probability.shape)
        reward -= self.move_cost * np.abs(moved).reshape(-1, 1)
        kept = probability > 0
        return TransitionModel(
            num_states=size * size,
            num_actions=moved.shape[1],
            indptr=np.concatenate(([0], np.cumsum(np.count_nonzero(kept, axis=1)))),
            successor=np.broadcast_to(np.arange(size * size, dtype=np.int32), kept.shape)[kept],
            probability=probability[kept],
            reward=reward[kept],
            terminated=np.zeros(np.count_nonzero(kept), dtype=np.bool_),
            initial=np.arange(size * size) == self.cars // 2 * (size + 1),
        )


class JacksCarRental(MdpEnv):
    """Move cars overnight so that they are where they are asked for.

    The observation is ``first * 21 + second``, the cars at each location in the evening; it begins with half of what
    each holds. Action a moves ``a − 5`` cars from the first to the second. A move of more cars than there are moves
    those that there are, and costs what was moved. Demand and returns are Poisson, and exact: what exceeds the cars
    there, or the places, is summed up in closed form, not cut off. The reward of a transition is its expectation given
    the cars in the evening and on the next one. It never ends: the values of the book are for a discount of 0.9, and
    the time limit of 100 days only cuts episodes off.

    Source: Sutton & Barto, *Reinforcement Learning: An Introduction* (2018), example 4.2.

    Args:
        render_mode: None.
        options: the fields of `JacksCarRentalOptions`, by name.
    """

    Options = JacksCarRentalOptions


JacksCarRentalVector = vector_of(JacksCarRental)


def _day(size: int, requests: float, returns: float) -> tuple[Float, Float]:
    """One location's day.

    Args:
        size: how many numbers of cars there are, from 0.
        requests: cars asked for, on average.
        returns: cars returned, on average.

    Returns:
        The probability of each number of cars in the evening and the expected number of rented cars given it, both of
        shape (cars in the morning, cars in the evening).
    """
    chance, rented = np.zeros((2, size, size))
    for cars in range(size):
        for rents, likely in enumerate(_capped_poisson(requests, cars)):
            left = cars - rents
            arrive = likely * _capped_poisson(returns, size - 1 - left)
            chance[cars, left:] += arrive
            rented[cars, left:] += rents * arrive
    return chance, np.divide(rented, chance, out=np.zeros_like(rented), where=chance > 0)


def _capped_poisson(rate: float, most: int) -> Float:
    """Shape (most + 1,): the distribution of the smaller of a Poisson number and `most`."""
    chance = np.exp(-rate) * np.cumprod(np.concatenate(([1.0], rate / np.arange(1, most + 1))))
    chance[-1] = max(0.0, 1 - chance[:-1].sum())
    return np.asarray(chance)
