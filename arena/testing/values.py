"""Law of truncation: values bootstrap through truncation, and not through termination."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from arena.agents.base import StateValues
from arena.environments.spaces import DISCRETE
from arena.plugins.discovery import get_plugins
from arena.plugins.specs import AgentSpec
from arena.testing.cases import agent_law
from arena.testing.chain import chain_values
from arena.testing.errors import DoesNotApply, LawError
from arena.testing.trial import Trial

__all__ = ["bootstraps_through_truncation"]

CHAIN = "arena.testing.chain:two_states"
DISCOUNT = 0.5


@agent_law
def bootstraps_through_truncation(
    agent: str,
    env: str = CHAIN,
    *,
    num_envs: int = 2,
    steps: int = 3000,
    tolerance: float = 1e-6,
    options: Mapping[str, object] | None = None,
) -> None:
    """Learned values of a two-state chain are exact for every step limit that truncates its episodes.

    A learner that treats truncation as termination learns values that are too small; one that bootstraps at
    termination learns values that are too large. There is one action, so the policy does not matter.

    Args:
        agent: name or class of an agent that is a `arena.agents.base.StateValues` with an option ``discount``.
        env: the chain; no other environment is allowed.
        num_envs: number of lanes.
        steps: environment steps to train.
        tolerance: largest absolute error of a value.
        options: hyperparameters with which the agent learns the chain to that tolerance.
    """
    spec: AgentSpec = get_plugins().agents[agent]
    agent_class = spec.load()
    fields = {field.name for field in dataclasses.fields(agent_class.Config)}
    if DISCRETE not in agent_class.needs.observations or "discount" not in fields:
        raise DoesNotApply("it takes no discrete observations, or has no discount")
    for ends in (True, False):
        for limit in (1, 2, 3):
            values = _learned(agent, num_envs, steps, ends, limit, options or {})
            expected = chain_values(ends, DISCOUNT)
            if np.abs(values - expected).max() > tolerance:
                high = (values > np.array(expected) + tolerance).any()
                cause = (
                    "a termination was bootstrapped" if high else "a truncation was treated as a termination"
                )
                raise LawError(
                    f"on a chain that {'terminates' if ends else 'never terminates'}, cut off after {limit} steps, it "
                    f"learned the values {values.tolist()}, not {expected}",
                    f"perhaps {cause}: the successor's value counts unless `transition.terminated`, and it "
                    "is that of `transition.next_observation`",
                )


def _learned(
    agent: str, num_envs: int, steps: int, ends: bool, limit: int, options: Mapping[str, object]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    with Trial(
        agent,
        CHAIN,
        num_envs=num_envs,
        agent_options={**options, "discount": DISCOUNT},
        env_options={"ends": ends, "limit": limit},
    ) as trial:
        learner = trial.agent
        if not isinstance(learner, StateValues):
            raise DoesNotApply("it reports no state values")
        return np.asarray(learner.values(trial.train(steps).stream.observations.encode(np.arange(2))))
