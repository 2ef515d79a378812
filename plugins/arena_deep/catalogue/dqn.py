"""Specs and presets of deep Q-networks."""

from __future__ import annotations

from typing import Any

from arena.plugins.specs import AgentSpec, Preset

__all__ = ["DQN_SPECS"]

#: Half an update per step, in rounds of 32, from step 1000 on; for 8 parallel environments.
ROUNDS: dict[str, Any] = {"train_frequency": 64, "gradient_steps": 32, "learning_starts": 1000}

#: Early and frequent updates, so that the laws of agents cover learning within a few hundred steps.
GENERAL: dict[str, Any] = {
    "buffer_size": 50_000,
    "learning_starts": 128,
    "train_frequency": 16,
    "gradient_steps": 8,
    "target_update_interval": 100,
    "epsilon_steps": 20_000,
}

DQN = {
    "*": Preset(steps=100_000, seeds=5, num_envs=4, options=GENERAL),
    # The pole is soon balanced; then a slow drift ends episodes near 200 steps; returns of three steps correct it.
    # Without double Q-learning and a decreasing learning rate, two or three seeds of ten forget how to balance.
    "CartPole-v1": Preset(
        steps=80_000,
        num_envs=8,
        options={
            **ROUNDS,
            "hidden_sizes": (128, 128),
            "activation": "tanh",
            "discount": 0.99,
            "learning_rate_final": 1e-5,
            "learning_rate_steps": 80_000,
            "double": True,
            "n_steps": 3,
            "target_update_interval": 64,
            "epsilon_final": 0.01,
            "epsilon_steps": 5000,
        },
    ),
    # Returns of three steps with a copied target network did not learn here.
    "Acrobot-v1": Preset(
        steps=60_000,
        num_envs=8,
        options={
            **ROUNDS,
            "hidden_sizes": (128, 128),
            "learning_rate_final": 1e-5,
            "learning_rate_steps": 60_000,
            "discount": 0.99,
            "target_update_interval": 1,
            "tau": 0.02,
            "epsilon_final": 0.02,
            "epsilon_steps": 10_000,
        },
    ),
    "arena/FourRooms-v0": Preset(
        steps=20_000,
        num_envs=8,
        horizon=100,
        env={"observation": "pixels", "tile_size": 1},
        options={
            "hidden_sizes": (64,),
            "buffer_size": 20_000,
            "learning_starts": 500,
            "batch_size": 32,
            "train_frequency": 32,
            "gradient_steps": 8,
            "discount": 0.97,
            "n_steps": 5,
            "target_update_interval": 1,
            "tau": 0.05,
            "epsilon_final": 0.1,
            "epsilon_steps": 8000,
        },
    ),
}

DRQN = {
    "*": Preset(
        steps=100_000, seeds=5, num_envs=8, options={**GENERAL, "train_frequency": 32, "gradient_steps": 2}
    ),
}

DQN_SPECS = (
    AgentSpec(
        name="dqn",
        summary="Deep Q-network (DQN); options: double, dueling, n-step, prioritized, distributional, noisy",
        reference="Mnih et al. 2015; Hessel et al. 2018 for the options together",
        target="arena_deep.dqn:DQN",
        presets=DQN,
    ),
    AgentSpec(
        name="drqn",
        summary="Recurrent deep Q-network (DRQN), for partially observable tasks",
        reference="Hausknecht & Stone 2015; Kapturowski et al. 2019",
        target="arena_deep.drqn:DRQN",
        presets=DRQN,
    ),
)
