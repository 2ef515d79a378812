"""One-step temporal-difference control."""

from __future__ import annotations

from arena.specs import AgentSpec
from arena_tabular.catalogue.presets import learner, with_evaluation

__all__ = ["SPECS"]

Q_CLIFF = learner(100_000, discount=1.0, step_size=0.5, epsilon=0.1)  # −13 of −13
SARSA_CLIFF = learner(300_000, discount=1.0, step_size=0.05, epsilon=0.1)  # −15: away from the edge

Q_LEARNING = {
    "*": learner(200_000, discount=0.99, step_size=0.1, epsilon=0.1),
    "arena/CliffWalk-v0": Q_CLIFF,
    "CliffWalking-v1": Q_CLIFF,
    "FrozenLake-v1": learner(3_000_000, discount=0.999, step_size=0.03, epsilon=0.3),  # .740 of .744
    "FrozenLake8x8-v1": learner(5_000_000, discount=0.999, step_size=0.02, epsilon=0.2),  # .885 of .913
    "Taxi-v4": learner(1_000_000, discount=0.99, step_size=0.5, epsilon=0.3),  # 7.93 of 7.93
    "Blackjack-v1": learner(50_000, discount=1.0, step_size=0.02, epsilon=0.5, num_envs=10),  # about −.06
}

SARSA = {
    "*": learner(200_000, discount=0.99, step_size=0.1, epsilon=0.1),
    "arena/CliffWalk-v0": SARSA_CLIFF,
    "CliffWalking-v1": SARSA_CLIFF,
    "FrozenLake-v1": learner(5_000_000, discount=0.999, step_size=0.01, epsilon=0.1),  # .734 of .744
    "FrozenLake8x8-v1": learner(10_000_000, discount=0.99, step_size=0.01, epsilon=0.05),  # .874 of .913
    "Taxi-v4": learner(3_000_000, discount=0.99, step_size=0.05, epsilon=0.1),  # 7.93 of 7.93
    "Blackjack-v1": learner(50_000, discount=1.0, step_size=0.02, epsilon=0.2, num_envs=10),  # about −.065
}

SPECS = (
    AgentSpec(
        name="sarsa",
        summary="On-policy temporal-difference control",
        reference="Rummery & Niranjan 1994; Sutton & Barto 2018, section 6.4",
        target="arena_tabular.temporal_difference:SARSA",
        presets=with_evaluation(SARSA),
    ),
    AgentSpec(
        name="q-learning",
        summary="Off-policy temporal-difference control",
        reference="Watkins & Dayan 1992; Sutton & Barto 2018, section 6.5",
        target="arena_tabular.temporal_difference:QLearning",
        presets=with_evaluation(Q_LEARNING),
    ),
)
