"""Laws of agents that are checked in one process within a second: state, randomness, boundaries, actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from arena.random.generators import Generators
from arena.storage.codec import decode, encode
from arena.testing.cases import agent_law
from arena.testing.errors import DoesNotApply, require
from arena.testing.trial import Trial, difference

__all__ = [
    "acted",
    "acts_from_its_generator",
    "acts_in_its_space",
    "batch_equals_singles",
    "boundaries_change_nothing",
    "compiled_equals_generic",
    "same_seed_same_bytes",
    "state_round_trips",
    "transfers",
]

STEPS = 300


@agent_law
def state_round_trips(agent: str, env: str, *, num_envs: int = 2, steps: int = STEPS) -> None:
    """State and snapshot from the middle of training survive the codec and loading into a fresh agent.

    The agent that loaded the snapshot acts as its original does. Taking a snapshot changes nothing, since a run that is
    watched takes one at any time.
    """
    with Trial(agent, env, num_envs=num_envs) as trial:
        trial.train(steps)
        before, first = (decode(encode(state)) for state in (trial.state(), {"it": trial.agent.snapshot()}))
        other = difference(first, {"it": trial.agent.snapshot()})
        remedy = "let `snapshot` change nothing: a watched run takes one at any time"
        require(other is None, f"a second snapshot differs: {other}", remedy)
        other = difference(before, trial.state())
        require(other is None, f"snapshot changed the run: {other}", remedy)
        for kind, load in (("state_dict", "load_state_dict"), ("snapshot", "load_snapshot")):
            fresh = Trial(agent, env, num_envs=num_envs, seed=1)
            fresh.stream.close()  # it only acts
            state = getattr(trial.agent, kind)()
            stored = decode(encode(state))
            lost = difference(state, stored)
            problem = f"{kind} does not survive the codec: {lost}"
            require(lost is None, problem, "let it hold plain values and arrays")
            with fresh.generators.lent("agent"):
                getattr(fresh.agent, load)(stored)
            changed = difference(state, getattr(fresh.agent, kind)())
            remedy = f"{load} must restore everything that {kind} returns, with its type"
            require(changed is None, f"{load} does not restore what {kind} returned: {changed}", remedy)
            batch = trial.observations(16)
            same = difference(*(acted(one, batch, explore=False)[0] for one in (trial, fresh)))
            remedy = f"everything that `act` reads must be in {kind}"
            require(same is None, f"after {load} it acts differently: {same}", remedy)


@agent_law
def transfers(agent: str, env: str, *, num_envs: int = 2, steps: int = STEPS) -> None:
    """`transfer` loads what another run's agent learned: the agent acts like that one, and counts steps from zero."""
    with (
        Trial(agent, env, num_envs=num_envs) as trained,
        Trial(agent, env, num_envs=num_envs, seed=1) as fresh,
    ):
        trained.train(steps)
        with fresh.generators.lent("agent"):
            fresh.agent.transfer(decode(encode(trained.agent.snapshot())))
        batch = trained.observations(16)
        same = difference(*(acted(one, batch, explore=False)[0] for one in (trained, fresh)))
        require(
            same is None,
            f"after transfer it acts differently: {same}",
            "transfer everything that `act` reads",
        )
        fresh.turn(num_envs)
        counted = fresh.progress.steps
        require(counted <= num_envs, f"after transfer its first turn is step {counted}", "count from zero")


@agent_law
def same_seed_same_bytes(agent: str, env: str, *, num_envs: int = 2, steps: int = STEPS) -> None:
    """One seed gives one outcome, independent of global generators; another seed gives another, except for planners."""
    outcomes = []
    for seed, noise in ((0, 1), (0, 2), (1, 2)):
        np.random.seed(noise)
        with Trial(agent, env, seed=seed, num_envs=num_envs) as trial:
            outcomes.append(trial.train(steps).learned())
            plans = trial.agent.needs.model
    differs = difference(outcomes[0], outcomes[1])
    remedy = "draw from problem.generators alone, and never iterate over a set or use hash() and id()"
    require(differs is None, f"two runs of one seed differ: {differs}", remedy)
    if not plans:
        remedy = "derive the agent's random numbers from problem.generators, which knows the seed"
        require(difference(outcomes[1], outcomes[2]) is not None, "another seed changes nothing", remedy)


@agent_law
def boundaries_change_nothing(
    agent: str, env: str, *, num_envs: int = 1, steps: int = STEPS, paces: Sequence[int] = (1, 7)
) -> None:
    """The runner's boundaries change neither what is learned nor the metrics at a step."""
    halves = (steps // 2, steps)
    reference = _paced(agent, env, num_envs, halves, None)
    for pace in paces:
        found = _paced(agent, env, num_envs, halves, pace)
        differs = difference(reference, found)
        remedy = "nothing may depend on how many steps `stream.remaining` allowed: count steps, not yields"
        require(
            differs is None, f"with a boundary every {pace} steps, the outcome differs: {differs}", remedy
        )


def _paced(agent: str, env: str, num_envs: int, stops: Sequence[int], pace: int | None) -> list[Any]:
    with Trial(agent, env, num_envs=num_envs) as trial:
        return [decode(encode(trial.train(stop, pace).state())) for stop in stops]


@agent_law
def compiled_equals_generic(agent: str, env: str, *, num_envs: int = 3, steps: int = STEPS) -> None:
    """The compiled path over tables and the generic path, one step per call, give the same bits."""
    outcomes = []
    for fast in (True, False):
        with Trial(agent, env, num_envs=num_envs, fast=fast) as trial:
            if fast and getattr(trial.stream, "tabular", None) is None:
                raise DoesNotApply(f"{env} has no tables for compiled code")
            outcomes.append(trial.train(steps).state())
    differs = difference(outcomes[0], outcomes[1])
    remedy = "call the same compiled update from both paths, with the same random numbers in the same order"
    require(differs is None, f"the generic path differs from the compiled one: {differs}", remedy)


@agent_law
def batch_equals_singles(agent: str, env: str, *, steps: int = STEPS, batch: int = 16) -> None:
    """Acting on a batch without exploring equals acting on its observations one by one.

    Discrete actions are equal; others are equal up to rounding.
    """
    with Trial(agent, env) as trial:
        observation = trial.train(steps).observations(batch)
        together, _ = acted(trial, observation, explore=False)
        generator = np.random.default_rng(0)
        one_by_one = [
            np.asarray(acted(trial, observation[i : i + 1], explore=False, generator=generator)[0])[0]
            for i in range(batch)
        ]
        expected = np.array(one_by_one)
        exact = isinstance(trial.stream.action_space, gym.spaces.Discrete)
    tolerance = {"rtol": 0, "atol": 0} if exact else {"rtol": 1e-4, "atol": 1e-6}
    remedy = "an action may depend on its own observation only, with equally many random numbers for each"
    problem = f"a batch acts {together.tolist()}, its observations alone {expected.tolist()}"
    require(np.allclose(together, expected, **tolerance), problem, remedy)


@agent_law
def acts_from_its_generator(agent: str, env: str, *, steps: int = STEPS) -> None:
    """`act` draws random numbers from its argument `generator` alone, and does not change the agent."""
    with Trial(agent, env) as trial:
        observation = trial.train(steps).observations(64)
        before = decode(encode(trial.agent.state_dict()))  # a copy, since a journal in it keeps growing
        for explore in (False, True):
            actions = [acted(trial, observation, explore=explore, noise=noise)[0] for noise in (1, 2)]
            differs = difference(*actions)
            remedy = "draw from `generator`; seed a torch.Generator from it where torch must draw"
            problem = f"act(explore={explore}) twice with equal generators gave different actions: {differs}"
            require(differs is None, problem, remedy)
        changed = difference(before, trial.agent.state_dict())
        remedy = "evaluation must not change training: keep counters out of `act`, and networks in eval mode"
        require(changed is None, f"acting changed the agent: {changed}", remedy)


@agent_law
def acts_in_its_space(agent: str, env: str, *, steps: int = STEPS) -> None:
    """`act` returns one action of the action space for each observation of the batch, exploring or not."""
    with Trial(agent, env) as trial:
        trial.train(steps)
        space = trial.stream.action_space
        for batch in (1, 5):
            observation = trial.observations(batch)
            for explore in (False, True):
                action = np.asarray(acted(trial, observation, explore=explore)[0])
                shape = (batch, *(space.shape or ()))
                where = f"act(explore={explore}) on {batch} observations"
                problem = f"{where} gave the shape {action.shape}, not {shape}"
                require(action.shape == shape, problem, "return one action for each observation")
                for one in action:
                    inside = one.astype(space.dtype) in space
                    require(
                        inside, f"{where} gave {one!r}, which is not in {space}", "clip or squash the action"
                    )


def acted(
    trial: Trial,
    observation: Any,
    *,
    explore: bool,
    generator: np.random.Generator | None = None,
    noise: int = 0,
) -> tuple[Any, Any]:
    """Actions and memory of `act`, with global generators lent in a state that depends on `noise`."""
    generators = Generators(noise)
    with generators.lent("act"):
        action, memory = trial.agent.act(
            observation.copy(), None, explore=explore, generator=generator or np.random.default_rng(0)
        )
    return np.array(action), memory
