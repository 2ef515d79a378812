"""Deep Q-networks, and how they do well."""

from __future__ import annotations

from typing import Any

from arena.specs import AgentSpec, Preset

__all__ = ["DQN_SPECS"]

#: Learns from early on, in rounds: half an update a step, in eight lanes at once.
ROUNDS: dict[str, Any] = {"train_frequency": 64, "gradient_steps": 32, "learning_starts": 1000}

#: Small enough that every law of agents sees it learn.
GENERAL: dict[str, Any] = {
    "capacity": 50_000,
    "learning_starts": 128,
    "train_frequency": 16,
    "gradient_steps": 8,
    "target_every": 100,
    "epsilon_steps": 20_000,
}

DQN = {
    "*": Preset(steps=100_000, seeds=5, num_envs=4, options=GENERAL),
    # Balance comes soon; what then ends episodes near 200 steps is a slow drift, which returns of three steps unlearn.
    # Without double estimates and ever smaller steps, two or three seeds of ten lose their balance again.
    "CartPole-v1": Preset(
        steps=80_000,
        num_envs=8,
        options={
            **ROUNDS,
            "hidden": (128, 128),
            "activation": "tanh",
            "discount": 0.99,
            "step_size_final": 1e-5,
            "step_size_steps": 80_000,
            "double": True,
            "n_step": 3,
            "target_every": 64,
            "epsilon_final": 0.01,
            "epsilon_steps": 5000,
        },
    ),
    # Returns of three steps with a copied target did not get off the ground here.
    "Acrobot-v1": Preset(
        steps=60_000,
        num_envs=8,
        options={
            **ROUNDS,
            "hidden": (128, 128),
            "step_size_final": 1e-5,
            "step_size_steps": 60_000,
            "discount": 0.99,
            "target_every": 1,
            "target_rate": 0.02,
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
            "hidden": (64,),
            "capacity": 20_000,
            "learning_starts": 500,
            "batch_size": 32,
            "train_frequency": 32,
            "gradient_steps": 8,
            "discount": 0.97,
            "n_step": 5,
            "target_every": 1,
            "target_rate": 0.05,
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
        summary="Deep Q-network; as options double, dueling, n-step, prioritised, distributional, noisy",
        reference="Mnih et al. 2015; Hessel et al. 2018 for the options together",
        target="arena_deep.dqn:DQN",
        presets=DQN,
    ),
    AgentSpec(
        name="drqn",
        summary="Recurrent deep Q-network, for what one observation does not show",
        reference="Hausknecht & Stone 2015; Kapturowski et al. 2019",
        target="arena_deep.drqn:DRQN",
        presets=DRQN,
    ),
)
