"""Jack's car rental: two locations, Poisson demand, cars moved overnight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt

from arena.config.options import Between
from arena.environments.mdp import TransitionModel
from arena.errors import ArenaError
from arena_gridworld.base import MdpEnv, make_vector_class
from arena_gridworld.options import Reward, TabularOptions

__all__ = ["JacksCarRental", "JacksCarRentalOptions", "JacksCarRentalVector"]

Float = npt.NDArray[np.float64]
Rate = Annotated[float, Between(0, 500)]


@dataclass(frozen=True, kw_only=True)
class JacksCarRentalOptions(TabularOptions):
    """Options of the car rental of Sutton & Barto's example 4.2."""

    max_cars: Annotated[int, Between(1, 40)] = 20
    """Most cars at a location, from 1 to 40; cars returned beyond it disappear."""

    max_moves: Annotated[int, Between(0, 40)] = 5
    """Most cars that can be moved overnight, at most `max_cars`."""

    request_rates: tuple[Rate, Rate] = (3.0, 4.0)
    """Mean number of cars requested at each location per day."""

    return_rates: tuple[Rate, Rate] = (3.0, 2.0)
    """Mean number of cars returned at each location per day; they can be rented on the next day."""

    rental_reward: Reward = 10.0
    """Reward for each car that is rented."""

    move_cost: Reward = 2.0
    """Cost of each car that is moved."""

    def build(self) -> TransitionModel:
        """Build the MDP: state ``first * (max_cars + 1) + second``, for the cars at each location in the evening.

        Raises:
            ArenaError: more cars can be moved than a location holds.
        """
        if self.max_moves > self.max_cars:
            raise ArenaError(
                f"max_moves is {self.max_moves}, and a location holds {self.max_cars} cars",
                "give a max_moves of at most max_cars",
            )
        size = self.max_cars + 1
        first, second = (cars.ravel()[:, None] for cars in np.indices((size, size)))
        moved = np.clip(np.arange(-self.max_moves, self.max_moves + 1), -second, first)
        # Cars beyond a full location disappear on the way; moving them costs all the same.
        morning = [np.minimum(cars, self.max_cars).ravel() for cars in (first - moved, second + moved)]
        days = [_day(size, *rates) for rates in zip(self.request_rates, self.return_rates, strict=True)]
        (chance_1, rented_1), (chance_2, rented_2) = (
            (chance[cars], rented[cars]) for cars, (chance, rented) in zip(morning, days, strict=True)
        )
        probability = (chance_1[:, :, None] * chance_2[:, None, :]).reshape(len(chance_1), -1)
        reward = self.rental_reward * (rented_1[:, :, None] + rented_2[:, None, :]).reshape(probability.shape)
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
            initial=np.arange(size * size) == self.max_cars // 2 * (size + 1),
        )


class JacksCarRental(MdpEnv):
    """Jack's car rental: move cars between two locations overnight to meet the demand.

    The observation is ``first * 21 + second``, the cars at each location in the evening; an episode begins with both
    half full. Action a moves ``a − 5`` cars from the first location to the second. A move of more cars than there are
    moves all of them, and costs only those. Demand and returns are Poisson distributed and exact: the probability
    beyond the limits is summed in closed form, not truncated. The reward of a transition is its expectation given the
    cars on both evenings. Episodes never terminate: the values of the book are for a discount of 0.9, and the time
    limit of 100 days only truncates.

    Source: Sutton & Barto, *Reinforcement Learning: An Introduction* (2018), example 4.2.

    Args:
        render_mode: None.
        options: fields of `JacksCarRentalOptions`, by name.
    """

    Options = JacksCarRentalOptions


JacksCarRentalVector = make_vector_class(JacksCarRental)


def _day(size: int, requests: float, returns: float) -> tuple[Float, Float]:
    """Transition of one location over a day.

    Args:
        size: number of possible numbers of cars, from 0 on.
        requests: mean number of cars requested.
        returns: mean number of cars returned.

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
    """Distribution of the minimum of a Poisson number and `most`: shape (most + 1,)."""
    chance = np.exp(-rate) * np.cumprod(np.concatenate(([1.0], rate / np.arange(1, most + 1))))
    chance[-1] = max(0.0, 1 - chance[:-1].sum())
    return np.asarray(chance)
