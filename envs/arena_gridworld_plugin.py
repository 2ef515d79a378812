"""Plugin of `arena_gridworld`: the specs of its environments, in a module that imports nothing heavy.

The package registers the specs with Gymnasium: the class of an environment is named like its options without
``Options``, and its vector class ends with ``Vector`` instead.
"""

from __future__ import annotations

from collections.abc import Iterable

from arena.plugins.hookspecs import hookimpl
from arena.plugins.specs import EnvironmentSpec

__all__ = ["ENVIRONMENTS", "arena_environments"]

BOOK = "Sutton & Barto, Reinforcement Learning: An Introduction (2018)"


def _spec(name: str, module: str, summary: str, reference: str, horizon: int) -> EnvironmentSpec:
    return EnvironmentSpec(
        name=f"arena/{name}-v0",
        summary=summary,
        reference=reference,
        target=f"arena_gridworld.{module}:{name}Options",
        package="arena_gridworld",
        horizon=horizon,
    )


#: Specs of all environments.
ENVIRONMENTS = (
    _spec(
        "Grid",
        "environments",
        "Gridworld with your own map, drawn in characters",
        f"{BOOK}, example 3.5",
        1000,
    ),
    _spec(
        "CliffWalk",
        "environments",
        "Cliff walk: the shortest way to the goal runs along a cliff",
        f"{BOOK}, example 6.6",
        1000,
    ),
    _spec(
        "WindyGrid",
        "environments",
        "Windy gridworld: wind pushes upwards in some columns",
        f"{BOOK}, example 6.5, exercises 6.9 and 6.10",
        1000,
    ),
    _spec(
        "FrozenLake",
        "environments",
        "Frozen lake with holes and slippery ice, as in Gymnasium",
        "Gymnasium, FrozenLake-v1",
        100,
    ),
    _spec(
        "FourRooms",
        "rooms",
        "Four rooms joined by four hallways (discount 0.9)",
        "Sutton, Precup & Singh, Between MDPs and semi-MDPs (1999), section 3",
        1000,
    ),
    _spec(
        "KeyDoor",
        "rooms",
        "Fetch the key, open the door, reach the goal",
        "Chevalier-Boisvert et al., Minigrid & Miniworld (2023), DoorKey",
        1000,
    ),
    _spec(
        "Maze",
        "mazes",
        "Random maze of any size, drawn from a seed",
        "Wilson, Generating random spanning trees more quickly than the cover time (1996)",
        1000,
    ),
    _spec(
        "DynaMaze",
        "dyna_maze",
        "Maze that changes after a number of steps (discount 0.95)",
        f"{BOOK}, figures 8.2, 8.4 and 8.5",
        1000,
    ),
    _spec(
        "GridWorld",
        "textbook",
        "4 × 4 gridworld with a goal in two corners",
        f"{BOOK}, example 4.1",
        100,
    ),
    _spec(
        "BookGrid",
        "textbook",
        "5 × 5 gridworld with two special cells; never terminates (discount 0.9)",
        f"{BOOK}, examples 3.5 and 3.8",
        100,
    ),
    _spec(
        "RandomWalk",
        "chains",
        "Random walk on a chain of states until an end is reached",
        f"{BOOK}, examples 6.2 and 7.1",
        1000,
    ),
    _spec(
        "GamblersProblem",
        "chains",
        "Gambler's problem: stake capital on a coin until it is lost or the goal is reached",
        f"{BOOK}, example 4.3",
        1000,
    ),
    _spec(
        "JacksCarRental",
        "car_rental",
        "Move rental cars between two locations overnight; never terminates (discount 0.9)",
        f"{BOOK}, example 4.2",
        100,
    ),
    _spec(
        "Garnet",
        "garnet",
        "Random MDP of any size and branching factor; never terminates (discount 0.95)",
        "Archibald, McKinnon & Thomas (1995); Bhatnagar et al., Natural actor-critic algorithms (2009)",
        200,
    ),
)


@hookimpl
def arena_environments() -> Iterable[EnvironmentSpec]:
    """Gridworlds and classic finite MDPs."""
    return ENVIRONMENTS
