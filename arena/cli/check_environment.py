"""The checks of an environment."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

import numpy as np

from arena.cli.checks import Check, Doubt
from arena.environments import EnvironmentFactory
from arena.errors import ArenaError
from arena.experiment import fitting_agents
from arena.gymnasium_stream import probe
from arena.mdp import TransitionModel
from arena.spaces import view

__all__ = ["environment_checks"]

#: Steps of the simulator that are compared with the model.
STEPS = 500


def environment_checks(factory: EnvironmentFactory) -> Iterator[Check]:
    """Everything that arena asks of an environment; most of it is optional, and then only doubted."""
    yield Check("can be made", lambda: _spaces(factory), stops=True)
    yield Check("passes Gymnasium's own checks", lambda: _gymnasium(factory))
    yield Check("its states can be enumerated", lambda: _enumerable(factory))
    if factory.facts.model is not None:
        yield Check("its model agrees with its simulator", lambda: _agreement(factory))
    yield Check("its runs resume exactly", lambda: _resumable(factory))
    yield Check("agents fit", lambda: _agents(factory))


def _spaces(factory: EnvironmentFactory) -> str:
    facts = factory.facts
    limit = "" if facts.limit is None else f", at most {facts.limit:,} steps"
    return " ".join(f"{facts.observation_space} → {facts.action_space}{limit}".split())


def _gymnasium(factory: EnvironmentFactory) -> None:
    from gymnasium.utils.env_checker import check_env

    env = factory.make()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            check_env(env.unwrapped, skip_render_check=True)
    finally:
        env.close()
    said = [re.sub(r"\x1b\[\d*m|WARN: ", "", str(warning.message)) for warning in caught]
    if said:
        raise Doubt("; ".join(dict.fromkeys(" ".join(text.split()) for text in said)))


def _enumerable(factory: EnvironmentFactory) -> str:
    model = factory.facts.model
    if model is None:
        raise Doubt(
            "no: planners and exact answers are not to be had; give it `unwrapped.model` if they could be"
        )
    return f"{model.num_states:,} states, {model.num_actions:,} actions, {model.transitions:,} transitions"


def _agreement(factory: EnvironmentFactory) -> str:
    """Every step that the simulator takes must be an outcome of the model, of positive probability."""
    model = factory.facts.model
    assert model is not None, "asked only where there is one"
    env = factory.make()
    try:
        env.action_space.seed(0)
        state, _ = env.reset(seed=0)
        _begins(model, int(state))
        for step in range(STEPS):
            action = int(env.action_space.sample())
            successor, reward, terminated, truncated, _ = env.step(action)
            outcomes = model.row(int(state), action)
            fits = (
                (model.successor[outcomes] == successor)
                & np.isclose(model.reward[outcomes], float(reward))
                & (model.terminated[outcomes] == terminated)
                & (model.probability[outcomes] > 0)
            )
            if not fits.any():
                took = f"state {state}, action {action} gave state {successor}, reward {reward}"
                ends = "the end" if terminated else "no end"
                raise ArenaError(
                    f"at step {step}, {took} and {ends}, which the model has not", "mend the model"
                )
            state = successor
            if terminated or truncated:
                state, _ = env.reset(seed=step + 1)
                _begins(model, int(state))
    finally:
        env.close()
    return f"{STEPS} random steps"


def _begins(model: TransitionModel, state: int) -> None:
    if not model.initial[state] > 0:
        raise ArenaError(
            f"an episode began in state {state}, which model.initial gives no probability", "mend it"
        )


def _resumable(factory: EnvironmentFactory) -> str:
    if factory.is_native:
        return "its whole state is saved"
    facts = factory.facts
    kinds = ("box", "discrete")
    observations, actions = view(facts.observation_space, kinds), view(facts.action_space, kinds)
    if observations is None or actions is None:
        raise Doubt(f"not tried: no agent takes {facts.observation_space} and {facts.action_space}")
    reason = probe(factory.make, observations, actions)
    if reason is not None:
        raise Doubt(
            f"no: {reason}; a resumed run begins new episodes. Draw random numbers from self.np_random only"
        )
    return "by replaying its episodes from their seeds"


def _agents(factory: EnvironmentFactory) -> str:
    fitting = fitting_agents(factory)
    if not fitting:
        raise Doubt("none of those installed: see `arena list agents --for` for the reasons")
    return ", ".join(fitting)
