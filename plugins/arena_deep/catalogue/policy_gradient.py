"""REINFORCE, actor-critic and PPO, and how they do well."""

from __future__ import annotations

from typing import Any

from arena.plugins.specs import AgentSpec, Preset

__all__ = ["POLICY_GRADIENT_SPECS"]


def _annealed(steps: int, num_envs: int, **options: Any) -> Preset:
    """Five seeds, whose step size goes down to zero by the end: what is learned stays learned."""
    return Preset(steps=steps, num_envs=num_envs, seeds=5, options={"anneal_steps": steps, **options})


#: One environment: of several, all but one would wait for the longest episode, and lose what they do meanwhile.
REINFORCE = {
    "*": Preset(steps=200_000, num_envs=1, seeds=5),
    "CartPole-v1": _annealed(150_000, 1, step_size=0.01),
}

#: The best policy of a linear system is linear, and knows what to do however far away it is. Whole episodes, for a
#: linear critic says little of quadratic costs.
LINEAR: dict[str, Any] = {
    "hidden": (),
    "rollout": 100,
    "trace": 1.0,
    "discount": 0.98,
    "initial_deviation": 0.1,
}

ACTOR_CRITIC = {
    "*": Preset(steps=200_000, num_envs=8, seeds=5),
    "CartPole-v1": _annealed(
        200_000,
        16,
        rollout=8,
        step_size=0.002,
        entropy=0.01,
        max_gradient=None,
        normalise_advantages=True,
        normalise_returns=True,
    ),
    "Acrobot-v1": _annealed(
        300_000,
        16,
        entropy=0.01,
        normalise_observations=True,
        normalise_advantages=True,
        normalise_returns=True,
    ),
    "arena/LQR-v0": _annealed(2_000_000, 64, **LINEAR, step_size=0.005, normalise_advantages=True),
    "Pendulum-v1": _annealed(
        600_000,
        8,
        activation="relu",
        discount=0.95,
        normalise_observations=True,
        normalise_advantages=True,
        normalise_returns=True,
    ),
}

PPO = {
    "*": Preset(steps=200_000, num_envs=8, seeds=5),
    "CartPole-v1": _annealed(100_000, 16, epochs=6, trace=0.9, discount=0.98, step_size=0.002),
    # Without an entropy bonus two seeds of five never swing up.
    "Acrobot-v1": _annealed(
        150_000,
        16,
        rollout=64,
        step_size=0.001,
        entropy=0.01,
        normalise_observations=True,
        normalise_returns=True,
    ),
    "arena/LQR-v0": _annealed(2_000_000, 64, **LINEAR, step_size=0.005),
    "Pendulum-v1": _annealed(
        150_000, 8, rollout=128, minibatches=16, epochs=10, discount=0.9, step_size=0.001
    ),
}

POLICY_GRADIENT_SPECS = (
    AgentSpec(
        name="reinforce",
        summary="Monte-Carlo policy gradient; baselines are the average return, a learned value, or nothing",
        reference="Williams 1992; Sutton & Barto 2018, sections 13.3 and 13.4",
        target="arena_deep.reinforce:REINFORCE",
        presets=REINFORCE,
    ),
    AgentSpec(
        name="actor-critic",
        summary="Advantage actor-critic (A2C): one-step, n-step or generalised advantages of parallel episodes",
        reference="Mnih et al. 2016; Schulman et al. 2016; Sutton & Barto 2018, section 13.5",
        target="arena_deep.actor_critic:ActorCritic",
        presets=ACTOR_CRITIC,
    ),
    AgentSpec(
        name="ppo",
        summary="Proximal policy optimisation: several epochs over each rollout, kept near the policy that made it",
        reference="Schulman et al. 2017; Huang et al. 2022",
        target="arena_deep.ppo:PPO",
        presets=PPO,
    ),
)
