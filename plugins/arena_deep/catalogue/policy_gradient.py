"""Specs and presets of REINFORCE, actor-critic and PPO."""

from __future__ import annotations

from typing import Any

from arena.plugins.specs import AgentSpec, Preset

__all__ = ["POLICY_GRADIENT_SPECS"]


def _annealed(steps: int, num_envs: int, **options: Any) -> Preset:
    """Preset with five seeds, whose learning rate decreases to zero at the end: the final policy is then stable."""
    return Preset(steps=steps, num_envs=num_envs, seeds=5, options={"anneal_steps": steps, **options})


#: One environment: of several, all but one would wait for the longest episode, and their steps would be lost.
REINFORCE = {
    "*": Preset(steps=200_000, num_envs=1, seeds=5),
    "CartPole-v1": _annealed(150_000, 1, learning_rate=0.01),
}

#: Linear networks, since the optimal policy of a linear system is linear. Returns of whole episodes, since a linear
#: critic is a poor estimate of quadratic costs.
LINEAR: dict[str, Any] = {
    "hidden_sizes": (),
    "rollout_steps": 100,
    "gae_lambda": 1.0,
    "discount": 0.98,
    "initial_std": 0.1,
}

ACTOR_CRITIC = {
    "*": Preset(steps=200_000, num_envs=8, seeds=5),
    "CartPole-v1": _annealed(
        200_000,
        16,
        rollout_steps=8,
        learning_rate=0.002,
        entropy_coef=0.01,
        max_grad_norm=None,
        normalize_advantage=True,
        normalize_reward=True,
    ),
    "Acrobot-v1": _annealed(
        300_000,
        16,
        entropy_coef=0.01,
        normalize_observation=True,
        normalize_advantage=True,
        normalize_reward=True,
    ),
    "arena/LQR-v0": _annealed(2_000_000, 64, **LINEAR, learning_rate=0.005, normalize_advantage=True),
    "Pendulum-v1": _annealed(
        600_000,
        8,
        activation="relu",
        discount=0.95,
        normalize_observation=True,
        normalize_advantage=True,
        normalize_reward=True,
    ),
}

PPO = {
    "*": Preset(steps=200_000, num_envs=8, seeds=5),
    "CartPole-v1": _annealed(100_000, 16, n_epochs=6, gae_lambda=0.9, discount=0.98, learning_rate=0.002),
    # Without an entropy bonus two seeds of five never swing up.
    "Acrobot-v1": _annealed(
        150_000,
        16,
        rollout_steps=64,
        learning_rate=0.001,
        entropy_coef=0.01,
        normalize_observation=True,
        normalize_reward=True,
    ),
    "arena/LQR-v0": _annealed(2_000_000, 64, **LINEAR, learning_rate=0.005),
    "Pendulum-v1": _annealed(
        150_000, 8, rollout_steps=128, num_minibatches=16, n_epochs=10, discount=0.9, learning_rate=0.001
    ),
}

POLICY_GRADIENT_SPECS = (
    AgentSpec(
        name="reinforce",
        summary="Monte Carlo policy gradient; baseline: average return, learned value, or none",
        reference="Williams 1992; Sutton & Barto 2018, sections 13.3 and 13.4",
        target="arena_deep.reinforce:REINFORCE",
        presets=REINFORCE,
    ),
    AgentSpec(
        name="actor-critic",
        summary="Advantage actor-critic (A2C): one-step, n-step or generalized advantages (GAE)",
        reference="Mnih et al. 2016; Schulman et al. 2016; Sutton & Barto 2018, section 13.5",
        target="arena_deep.actor_critic:ActorCritic",
        presets=ACTOR_CRITIC,
    ),
    AgentSpec(
        name="ppo",
        summary="Proximal policy optimization (PPO): clipped updates over several epochs of each rollout",
        reference="Schulman et al. 2017; Huang et al. 2022",
        target="arena_deep.ppo:PPO",
        presets=PPO,
    ),
)
