"""What `arena_gridworld` contributes; the entry point names this module, because it imports nothing heavy.

The package registers the same list with Gymnasium: an environment's class is called as its options without
``Options``, and its vector with ``Vector`` in their place.
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


#: The environments, each once.
ENVIRONMENTS = (
    _spec(
        "Grid",
        "environments",
        "A walk through a map of your own, drawn in characters",
        f"{BOOK}, example 3.5",
        1000,
    ),
    _spec(
        "CliffWalk",
        "environments",
        "The shortest way home runs along a cliff",
        f"{BOOK}, example 6.6",
        1000,
    ),
    _spec(
        "WindyGrid",
        "environments",
        "Across columns in which wind pushes upwards",
        f"{BOOK}, example 6.5, exercises 6.9 and 6.10",
        1000,
    ),
    _spec(
        "FrozenLake",
        "environments",
        "Over a frozen lake with holes, where one may slip: Gymnasium's",
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
        "Through a maze drawn by a seed, of any size",
        "Wilson, Generating random spanning trees more quickly than the cover time (1996)",
        1000,
    ),
    _spec(
        "DynaMaze",
        "dyna",
        "A maze that changes after a number of steps (discount 0.95)",
        f"{BOOK}, figures 8.2, 8.4 and 8.5",
        1000,
    ),
    _spec(
        "GridWorld",
        "book",
        "Home to one of two corners of a 4 × 4 grid",
        f"{BOOK}, example 4.1",
        100,
    ),
    _spec(
        "BookGrid",
        "book",
        "Two cells of a 5 × 5 grid that pay and take away; never ends (discount 0.9)",
        f"{BOOK}, examples 3.5 and 3.8",
        100,
    ),
    _spec(
        "RandomWalk",
        "chains",
        "To the left or to the right by a coin, until an end is reached",
        f"{BOOK}, examples 6.2 and 7.1",
        1000,
    ),
    _spec(
        "GamblersProblem",
        "chains",
        "Stake capital on a coin until it is gone or the goal is reached",
        f"{BOOK}, example 4.3",
        1000,
    ),
    _spec(
        "JacksCarRental",
        "rental",
        "Move cars between two locations overnight; never ends (discount 0.9)",
        f"{BOOK}, example 4.2",
        100,
    ),
    _spec(
        "Garnet",
        "garnet",
        "A random MDP of any size and branching; never ends (discount 0.95)",
        "Archibald, McKinnon & Thomas (1995); Bhatnagar et al., Natural actor-critic algorithms (2009)",
        200,
    ),
)


@hookimpl
def arena_environments() -> Iterable[EnvironmentSpec]:
    """The gridworlds, and the classic finite MDPs."""
    return ENVIRONMENTS
