"""One-step temporal differences: control and prediction."""

from __future__ import annotations

from typing import Any

from arena.plugins.specs import AgentSpec
from arena_tabular.catalogue.presets import exponential, learner, linear, visits, with_evaluation

__all__ = ["SPECS"]

GENERAL = learner(200_000, discount=0.99, learning_rate=0.1, epsilon=0.1)

#: Off-policy methods may explore freely: on the slippery lake, uniformly at random.
EXPLORING: dict[str, Any] = {"discount": 0.999, "epsilon": 1.0}
LAKE = learner(300_000, **EXPLORING, **exponential("learning_rate", 0.5, 0.005, 300_000))
LAKE_8X8 = learner(
    2_000_000, **{**EXPLORING, "epsilon": 0.5}, **exponential("learning_rate", 0.5, 0.005, 2_000_000)
)

#: On-policy methods must stop exploring to learn the best policy without exploration.
ON_POLICY_LAKE = learner(
    2_000_000,
    discount=0.999,
    **exponential("learning_rate", 0.3, 0.002, 2_000_000),
    **linear("epsilon", 0.3, 0.001, 1_500_000),
)
ON_POLICY_LAKE_8X8 = learner(
    2_000_000,
    discount=0.99,
    **exponential("learning_rate", 0.3, 0.002, 2_000_000),
    **linear("epsilon", 0.3, 0.001, 1_500_000),
)
ON_POLICY_BLACKJACK = learner(
    100_000,
    num_envs=10,
    discount=1.0,
    **visits("learning_rate", 1.0, 0.75),
    **linear("epsilon", 0.3, 0.02, 80_000),
)
BLACKJACK = learner(100_000, num_envs=10, discount=1.0, epsilon=1.0, **visits("learning_rate", 1.0, 0.85))

#: The cliff of Sutton & Barto's example 6.6. Watch two columns: the return while learning, and that of the greedy
#: policy. Q-learning's policy goes along the edge, −13, and falls while it explores; SARSA knows that it
#: explores, and keeps away.
Q_CLIFF = learner(50_000, discount=1.0, learning_rate=0.5, epsilon=0.1)  # −13 of −13
DOUBLE_Q_CLIFF = learner(200_000, discount=1.0, learning_rate=0.5, epsilon=0.3)  # −13
SARSA_CLIFF = learner(
    100_000, discount=1.0, epsilon=0.1, **exponential("learning_rate", 0.2, 0.01, 100_000)
)  # −15
EXPECTED_SARSA_CLIFF = learner(50_000, discount=1.0, learning_rate=0.5, epsilon=0.1)  # −15

Q_LEARNING = {
    "*": GENERAL,
    "arena/CliffWalk-v0": Q_CLIFF,
    "CliffWalking-v1": Q_CLIFF,
    "FrozenLake-v1": LAKE,  # .740 of .744
    "FrozenLake8x8-v1": LAKE_8X8,  # .886 of .913
    "Taxi-v4": learner(  # 7.927 of 7.933
        300_000, discount=0.99, learning_rate=1.0, **linear("epsilon", 0.5, 0.01, 200_000)
    ),
    "Blackjack-v1": BLACKJACK,  # −.051 of −.047
}

DOUBLE_Q_LEARNING = {
    "*": GENERAL,
    "arena/CliffWalk-v0": DOUBLE_Q_CLIFF,
    "CliffWalking-v1": DOUBLE_Q_CLIFF,
    "FrozenLake-v1": LAKE,  # .740
    "FrozenLake8x8-v1": LAKE_8X8,  # .886
    "Taxi-v4": learner(300_000, discount=0.99, learning_rate=0.1, epsilon=0.3),  # 7.929
    "Blackjack-v1": BLACKJACK,  # −.051
}

SARSA = {
    "*": GENERAL,
    "arena/CliffWalk-v0": SARSA_CLIFF,
    "CliffWalking-v1": SARSA_CLIFF,
    "FrozenLake-v1": ON_POLICY_LAKE,  # .740
    "FrozenLake8x8-v1": ON_POLICY_LAKE_8X8,  # .876
    "Taxi-v4": learner(  # 7.927
        500_000, discount=0.99, learning_rate=0.05, **linear("epsilon", 0.3, 0.0, 400_000)
    ),
    "Blackjack-v1": ON_POLICY_BLACKJACK,  # −.052
}

EXPECTED_SARSA = {
    "*": GENERAL,
    "arena/CliffWalk-v0": EXPECTED_SARSA_CLIFF,
    "CliffWalking-v1": EXPECTED_SARSA_CLIFF,
    "FrozenLake-v1": ON_POLICY_LAKE,  # .738
    "FrozenLake8x8-v1": ON_POLICY_LAKE_8X8,  # .878
    "Taxi-v4": learner(  # 7.930
        300_000, discount=0.99, learning_rate=0.5, **linear("epsilon", 0.5, 0.01, 200_000)
    ),
    "Blackjack-v1": ON_POLICY_BLACKJACK,  # −.051
}

#: The value of acting at random, averaged over visits but for the early ones, which were made of bad estimates.
TD_PREDICTION = {"*": learner(200_000, discount=0.99, **visits("learning_rate", 1.0, 0.6))}

SPECS = (
    AgentSpec(
        name="sarsa",
        summary="On-policy temporal-difference control",
        reference="Rummery & Niranjan 1994; Sutton & Barto 2018, section 6.4",
        target="arena_tabular.temporal_difference:SARSA",
        presets=with_evaluation(SARSA),
    ),
    AgentSpec(
        name="expected-sarsa",
        summary="On-policy control from the expected value of the next action",
        reference="van Seijen et al. 2009; Sutton & Barto 2018, section 6.6",
        target="arena_tabular.temporal_difference:ExpectedSARSA",
        presets=with_evaluation(EXPECTED_SARSA),
    ),
    AgentSpec(
        name="q-learning",
        summary="Off-policy temporal-difference control",
        reference="Watkins & Dayan 1992; Sutton & Barto 2018, section 6.5",
        target="arena_tabular.temporal_difference:QLearning",
        presets=with_evaluation(Q_LEARNING),
    ),
    AgentSpec(
        name="double-q-learning",
        summary="Q-learning without maximization bias, from two estimates",
        reference="van Hasselt 2010; Sutton & Barto 2018, section 6.7",
        target="arena_tabular.temporal_difference:DoubleQLearning",
        presets=with_evaluation(DOUBLE_Q_LEARNING),
    ),
    AgentSpec(
        name="td-prediction",
        summary="State values of a policy (default: uniformly random) by TD(0)",
        reference="Sutton 1988; Sutton & Barto 2018, section 6.1",
        target="arena_tabular.temporal_difference:TDPrediction",
        presets=with_evaluation(TD_PREDICTION),
    ),
)
