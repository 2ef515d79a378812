"""The law that truncation bootstraps and termination does not."""

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
    """Learned values of a two-state chain are the exact ones, wherever its episodes are cut off.

    A learner that takes truncation for an end learns too little where episodes are cut off; one that
    bootstraps at an end learns too much where they end. There is one action, so the policy does not matter.

    Args:
        agent: the agent's name or class; it must tell its values (`arena.agents.base.StateValues`) and have an
            option ``discount``.
        env: stays as it is.
        num_envs: how many lanes.
        steps: how long to train.
        tolerance: how far a value may be from the exact one.
        options: hyperparameters with which it learns the chain so well.
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
                cause = "an end was bootstrapped" if high else "a truncation was taken for an end"
                raise LawError(
                    f"on a chain that {'ends' if ends else 'goes on'}, cut off after {limit} steps, it "
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
            raise DoesNotApply("it tells no values")
        return np.asarray(learner.values(trial.train(steps).stream.observations.encode(np.arange(2))))
