"""The agents' specs: names, summaries, papers and presets. Light, since every command reads it.

Presets for environments are those of RL Baselines3 Zoo, where they need no running normalization of observations and
rewards, which streams do not have. The others are Stable-Baselines3's defaults, with rollouts and target intervals
short enough for an environment that is solved in some ten thousand steps.

Source: https://github.com/DLR-RM/rl-baselines3-zoo, hyperparams.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from arena.plugins.specs import AgentSpec, Preset

__all__ = ["specs"]

CARTPOLE, ACROBOT, CAR, PENDULUM = "CartPole-v1", "Acrobot-v1", "MountainCar-v0", "Pendulum-v1"

#: Modules of the agents.
OWN, CONTRIB = "agents", "contrib"


def specs() -> Iterable[AgentSpec]:
    """The specs of all agents."""
    yield from _on_policy()
    yield from _value_based()
    yield from _continuous()
    yield _spec(
        CONTRIB,
        "ARS",
        "Augmented random search",
        "Mania et al. 2018, Simple random search of static linear policies",
        {"*": _preset(100_000), CARTPOLE: _preset(50_000, n_delta=2)},
    )


def _spec(
    module: str, algorithm: str, summary: str, reference: str, presets: Mapping[str, Preset]
) -> AgentSpec:
    return AgentSpec(
        name=f"sb3-{algorithm.lower()}",
        summary=f"{summary} (Stable-Baselines3)",
        reference=reference,
        target=f"arena_sb3.{module}:{algorithm}",
        presets=presets,
    )


def _preset(steps: int, envs: int | None = None, /, **options: Any) -> Preset:
    """A preset whose schedules end with the training that it was found for."""
    return Preset(steps=steps, num_envs=envs, options={"schedule_steps": steps, **options})


def _on_policy() -> Iterable[AgentSpec]:
    yield _spec(
        OWN,
        "A2C",
        "Advantage actor-critic",
        "Mnih et al. 2016, Asynchronous methods for deep reinforcement learning",
        {"*": _preset(100_000), CARTPOLE: _preset(500_000, 8)},
    )
    cartpole = {
        **{"n_steps": 32, "batch_size": 256, "gae_lambda": 0.8, "gamma": 0.98, "n_epochs": 20},
        **{"learning_rate": 1e-3, "learning_rate_schedule": "linear"},
        **{"clip_range": 0.2, "clip_range_schedule": "linear"},
    }
    pendulum = {
        **{"n_steps": 1024, "gae_lambda": 0.95, "gamma": 0.9, "learning_rate": 1e-3},
        **{"use_sde": True, "sde_sample_freq": 4},
    }
    short = {"n_steps": 128, "batch_size": 64}
    yield _spec(
        OWN,
        "PPO",
        "Proximal policy optimization",
        "Schulman et al. 2017, Proximal policy optimization algorithms",
        {
            "*": _preset(100_000, **short),
            CARTPOLE: _preset(100_000, 8, **cartpole),
            PENDULUM: _preset(100_000, 4, **pendulum),
        },
    )
    lstm = {"lstm_hidden_size": 64}
    tuned_lstm = {**lstm, "enable_critic_lstm": True, "ortho_init": False}
    yield _spec(
        CONTRIB,
        "RecurrentPPO",
        "Proximal policy optimization with an LSTM",
        "Pleines et al. 2023, Memory gym; Schulman et al. 2017",
        {
            "*": _preset(100_000, **short, policy_kwargs=lstm),
            CARTPOLE: _preset(
                100_000, 8, **cartpole, net_arch=(64,), activation="relu", policy_kwargs=tuned_lstm
            ),
        },
    )
    yield _spec(
        CONTRIB,
        "TRPO",
        "Trust-region policy optimization",
        "Schulman et al. 2015, Trust region policy optimization",
        {
            "*": _preset(100_000, **short),
            CARTPOLE: _preset(
                *(100_000, 2),
                **{"n_steps": 512, "batch_size": 512, "cg_damping": 1e-3, "gae_lambda": 0.98},
                **{"gamma": 0.99, "learning_rate": 1e-3, "n_critic_updates": 20},
            ),
            PENDULUM: _preset(100_000, 2, **pendulum, n_critic_updates=15),
        },
    )


def _value_based() -> Iterable[AgentSpec]:
    wide = (256, 256)
    tuned = {
        CARTPOLE: _preset(
            50_000,
            **{"learning_rate": 2.3e-3, "batch_size": 64, "buffer_size": 100_000, "learning_starts": 1000},
            **{"gamma": 0.99, "target_update_interval": 10, "train_freq": 256, "gradient_steps": 128},
            **{"exploration_fraction": 0.16, "exploration_final_eps": 0.04, "net_arch": wide},
        ),
        CAR: _preset(
            120_000,
            **{"learning_rate": 4e-3, "batch_size": 128, "buffer_size": 10_000, "learning_starts": 1000},
            **{"gamma": 0.98, "target_update_interval": 600, "train_freq": 16, "gradient_steps": 8},
            **{"exploration_fraction": 0.2, "exploration_final_eps": 0.07, "net_arch": wide},
        ),
        ACROBOT: _preset(
            100_000,
            **{"learning_rate": 6.3e-4, "batch_size": 128, "buffer_size": 50_000, "learning_starts": 0},
            **{"gamma": 0.99, "target_update_interval": 250, "train_freq": 4, "gradient_steps": -1},
            **{"exploration_fraction": 0.12, "exploration_final_eps": 0.1, "net_arch": wide},
        ),
    }
    short = {"target_update_interval": 250}
    yield _spec(
        OWN,
        "DQN",
        "Deep Q-network",
        "Mnih et al. 2015, Human-level control through deep reinforcement learning",
        {"*": _preset(100_000, **short), **tuned},
    )
    quantiles = {CARTPOLE: 10, CAR: 25, ACROBOT: 25}
    yield _spec(
        CONTRIB,
        "QRDQN",
        "Quantile-regression deep Q-network",
        "Dabney et al. 2018, Distributional reinforcement learning with quantile regression",
        {
            "*": _preset(100_000, **short, exploration_fraction=0.1, policy_kwargs={"n_quantiles": 25}),
            **{
                env: preset.updated(Preset(options={"policy_kwargs": {"n_quantiles": quantiles[env]}}))
                for env, preset in tuned.items()
            },
        },
    )


def _continuous() -> Iterable[AgentSpec]:
    # Learning begins with a whole batch: before, the same few transitions would be drawn repeatedly.
    batch = {"learning_starts": 256}
    noise = {"action_noise": "normal", "action_noise_std": 0.1}
    deterministic = {
        "*": _preset(100_000, **batch, **noise),
        PENDULUM: _preset(
            20_000,
            **{"gamma": 0.98, "buffer_size": 200_000, "learning_starts": 10_000, "learning_rate": 1e-3},
            **{"gradient_steps": 1, "train_freq": 1, "net_arch": (400, 300), **noise},
        ),
    }
    entropy = {"*": _preset(100_000, **batch), PENDULUM: _preset(20_000, learning_rate=1e-3, **batch)}
    yield _spec(
        OWN,
        "DDPG",
        "Deep deterministic policy gradient",
        "Lillicrap et al. 2016, Continuous control with deep reinforcement learning",
        deterministic,
    )
    yield _spec(
        OWN,
        "TD3",
        "Twin delayed deterministic policy gradient",
        "Fujimoto et al. 2018, Addressing function approximation error in actor-critic methods",
        deterministic,
    )
    yield _spec(
        OWN,
        "SAC",
        "Soft actor-critic",
        "Haarnoja et al. 2018, Soft actor-critic algorithms and applications",
        entropy,
    )
    yield _spec(
        CONTRIB,
        "TQC",
        "Soft actor-critic with truncated quantile critics",
        "Kuznetsov et al. 2020, Controlling overestimation bias with truncated mixture of quantile critics",
        entropy,
    )
    yield _spec(
        CONTRIB,
        "CrossQ",
        "Soft actor-critic with batch normalization instead of target networks",
        "Bhatt et al. 2024, CrossQ: batch normalization in deep reinforcement learning",
        {
            "*": _preset(100_000, **batch),
            # Its default critics of 1024 units are meant for larger tasks.
            PENDULUM: _preset(20_000, **batch, net_arch=(256, 256)),
        },
    )
