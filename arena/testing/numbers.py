"""Law of reported values: an agent acts according to the action values and probabilities that it reports."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena.agents.base import ActionValues, BehaviorPolicy, StateValues, TabularPolicy
from arena.storage.codec import decode, encode
from arena.testing.agents import STEPS, acted
from arena.testing.cases import agent_law
from arena.testing.errors import DoesNotApply, LawError, require
from arena.testing.globals import globals_untouched
from arena.testing.trial import Trial, difference

__all__ = ["reported_values_match_actions"]

Array = npt.NDArray[Any]

#: The probability that a correct value is rejected is at most 2 exp(-DOUBT), for each value.
DOUBT = 16.0

#: Tolerances for float32 numbers, and for values at which a planner stopped.
RELATIVE, ABSOLUTE = 1e-4, 1e-5


#: Methods of the protocols, each of which returns a number for every action.
REPORTS: dict[type[Any], str] = {
    ActionValues: "action_values",
    TabularPolicy: "probabilities",
    BehaviorPolicy: "behavior_probabilities",
}


@agent_law
def reported_values_match_actions(
    agent: str, env: str, *, steps: int = STEPS, batch: int = 3, draws: int = 2000
) -> None:
    """Reported action probabilities equal the frequencies of `act`, and reported Q agrees with the action taken.

    If the agent reports V too, V is the mean of Q under its policy without exploration; otherwise the action without
    exploration has the greatest Q. Reporting changes neither the agent nor any random numbers. The law
    applies to agents with finitely many actions, whose draws for the rows of a batch are independent.
    """
    with Trial(agent, env) as trial:
        space, one = trial.stream.action_space, trial.agent
        if not isinstance(space, gym.spaces.Discrete):
            raise DoesNotApply("its action space is not discrete")
        if not isinstance(one, tuple(REPORTS)):
            raise DoesNotApply("it reports no values or probabilities of actions")
        observation = trial.train(steps).observations(batch)
        before = decode(encode(trial.state()))
        with globals_untouched("asking for values or probabilities"):
            reported = {
                name: _reported(one, name, observation, int(space.n))
                for protocol, name in REPORTS.items()
                if isinstance(one, protocol)
            }
        changed = difference(before, decode(encode(trial.state())))
        remedy = "compute them from copies, and draw no random numbers"
        require(changed is None, f"asking for {', '.join(reported)} changed the run: {changed}", remedy)
        for name, explore in (("probabilities", False), ("behavior_probabilities", True)):
            if name in reported:
                _is_as_frequent(trial, name, reported[name], observation, explore, draws)
        # Before a planner has converged, its V is one sweep behind its Q.
        if "action_values" in reported and (trial.converged or trial.stream.steps):
            _acts_by_them(trial, reported, observation)


def _reported(agent: Any, name: str, observation: Array, actions: int) -> Array:
    """Numbers that the agent reports, after a check of dtype, shape and range."""
    found = getattr(agent, name)(observation.copy())
    form = (np.asarray(found).dtype, np.shape(found))
    expected = (np.dtype(np.float64), (len(observation), actions))
    remedy = "return a number for each action of each row"
    require(form == expected, f"{name} gave {form}, not {expected}", remedy)
    if name == "action_values":
        require(bool(np.isfinite(found).all()), f"{name} gave {found.tolist()}", "return finite values")
    else:
        sound = (found >= 0).all() and np.allclose(found.sum(axis=1), 1, atol=1e-6)
        remedy = "return probabilities that are at least 0 and sum to 1"
        require(bool(sound), f"{name} gave {found.tolist()}", remedy)
    return np.array(found)


def _is_as_frequent(
    trial: Trial, name: str, probability: Array, observation: Array, explore: bool, draws: int
) -> None:
    """Checks frequencies against probabilities by Bernstein's inequality."""
    index = _indices(trial, observation.repeat(draws, axis=0), explore).reshape(-1, draws, 1)
    frequency = (index == np.arange(probability.shape[1])).mean(axis=1)
    reach = DOUBT / draws
    bound = reach / 3 + np.sqrt((reach / 3) ** 2 + 2 * reach * probability * (1 - probability))
    for row, action in np.argwhere(np.abs(frequency - probability) > bound):
        where = f"action {action} in {observation[row].tolist()}"
        problem = f"{name} gives {where} {probability[row, action]:.4f}"
        happened = f"act(explore={explore}) took it in {frequency[row, action]:.4f} of {draws} draws"
        raise LawError(f"{problem}, and {happened}", "return the probabilities that `act` draws with")


def _acts_by_them(trial: Trial, reported: dict[str, Array], observation: Array) -> None:
    """Checks the action without exploration against V, or against the greatest Q if the agent reports no V."""
    q, agent = reported["action_values"], trial.agent
    policy = reported.get("probabilities")
    if policy is None:
        policy = np.eye(q.shape[1])[_indices(trial, observation, explore=False)]
    mean, which = (policy * q).sum(axis=1), "the greatest"
    expected = q.max(axis=1)
    if isinstance(agent, StateValues):
        expected, which = agent.values(observation.copy()), "V"
    problem = (
        f"the Q of its action is by its action_values {mean.tolist()}, but {which} is {expected.tolist()}"
    )
    require(np.allclose(mean, expected, RELATIVE, ABSOLUTE), problem, "return the Q that `act` uses")


def _indices(trial: Trial, observation: Array, explore: bool) -> npt.NDArray[np.int64]:
    """Actions of `act`, counted from 0, in a batch of observations at which episodes begin."""
    space = trial.stream.action_space
    assert isinstance(space, gym.spaces.Discrete)
    return np.asarray(acted(trial, observation, explore=explore)[0] - space.start, dtype=np.int64)
