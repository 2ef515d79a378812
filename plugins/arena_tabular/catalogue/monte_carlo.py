"""Monte Carlo: prediction, on-policy and off-policy control."""

from __future__ import annotations

from arena.plugins.specs import AgentSpec
from arena_tabular.catalogue.presets import learner, linear, visits, with_evaluation

__all__ = ["SPECS"]

#: Returns that are cut off after a thousand steps: something is learned also where episodes never end.
GENERAL = learner(200_000, discount=0.99, learning_rate=0.1, epsilon=0.1, longest_return=1000)

#: The average of returns but for the early ones, which a worse policy got, while it explores less and less.
#: Few episodes of a lake end at its goal before the policy is good, so it takes long.
ON_POLICY = learner(
    2_000_000,
    discount=0.999,
    **visits("learning_rate", 1.0, 0.7),
    **linear("epsilon", 0.3, 0.01, 1_500_000),
)

#: On the large lake and in the taxi twenty steps and an estimate inform more than an episode of two hundred.
ON_POLICY_LAKE_8X8 = learner(
    5_000_000,
    discount=0.999,
    longest_return=20,
    **visits("learning_rate", 1.0, 0.7),
    **linear("epsilon", 0.3, 0.001, 4_000_000),
)
TAXI = learner(
    2_000_000,
    discount=0.99,
    longest_return=20,
    **visits("learning_rate", 1.0, 0.6),
    **linear("epsilon", 0.5, 0.01, 1_500_000),
)

#: CliffWalking has no limit, and a policy that leads nowhere is left by exploring alone: a hundred steps are enough.
CLIFF = learner(
    1_000_000,
    discount=1.0,
    longest_return=100,
    **visits("learning_rate", 1.0, 0.6),
    **linear("epsilon", 0.5, 0.02, 800_000),
)

#: A pessimistic start. It learns from greedy tails alone, and an optimistic one is not greedy to what it has tried,
#: so that nothing but the last step of an episode would be learned from for long.
OFF_POLICY_CLIFF = learner(
    500_000,
    discount=1.0,
    epsilon=0.3,
    initial_value=-100.0,
    longest_return=200,
    **visits("learning_rate", 1.0, 0.7),
)

#: On ice an episode is long and its weight the product of many; short returns keep the variance down.
OFF_POLICY_LAKE = learner(
    2_000_000, discount=0.999, epsilon=0.3, longest_return=5, **visits("learning_rate", 1.0, 0.7)
)
OFF_POLICY_LAKE_8X8 = learner(
    5_000_000, discount=0.999, epsilon=0.1, longest_return=20, **visits("learning_rate", 1.0, 0.7)
)
OFF_POLICY_TAXI = learner(
    2_000_000, discount=0.99, epsilon=0.3, longest_return=5, **visits("learning_rate", 1.0, 0.7)
)

BLACKJACK = learner(
    300_000,
    num_envs=10,
    discount=1.0,
    **visits("learning_rate", 1.0, 0.75),
    **linear("epsilon", 0.3, 0.05, 250_000),
)
OFF_POLICY_BLACKJACK = learner(
    300_000, num_envs=10, discount=1.0, epsilon=1.0, initial_value=-1.0, **visits("learning_rate", 1.0, 1.0)
)

CONTROL = {
    "*": GENERAL,
    "arena/CliffWalk-v0": CLIFF,
    "CliffWalking-v1": CLIFF,  # −17: it explores until the end, and keeps away from the edge
    "FrozenLake-v1": ON_POLICY,  # .732 of .744
    "FrozenLake8x8-v1": ON_POLICY_LAKE_8X8,  # .848 of .913
    "Taxi-v4": TAXI,  # 7.857 of 7.933
    "Blackjack-v1": BLACKJACK,  # −.051 of −.047 (one seed, two million hands)
}

OFF_POLICY = {
    "*": GENERAL,
    "arena/CliffWalk-v0": OFF_POLICY_CLIFF,
    "CliffWalking-v1": OFF_POLICY_CLIFF,  # −13 of −13
    "FrozenLake-v1": OFF_POLICY_LAKE,  # .740 of .744
    "FrozenLake8x8-v1": OFF_POLICY_LAKE_8X8,  # .873 of .913
    "Taxi-v4": OFF_POLICY_TAXI,  # 7.922 of 7.933
    "Blackjack-v1": OFF_POLICY_BLACKJACK,  # −.051 (one seed)
}

#: As TD(0)'s: the value of acting at random, averaged over visits but for the early ones, which were cut off with
#: bad estimates. Where episodes end by themselves, the plain average.
PREDICTION = {
    "*": learner(200_000, discount=0.99, longest_return=1000, **visits("learning_rate", 1.0, 0.6)),
    "arena/RandomWalk-v0": learner(100_000, discount=1.0, **visits("learning_rate", 1.0, 1.0)),
    "Blackjack-v1": learner(200_000, num_envs=10, discount=1.0, **visits("learning_rate", 1.0, 1.0)),
}

SPECS = (
    AgentSpec(
        name="mc-prediction",
        summary="State values of a policy (default: uniformly random) as averages of first- or every-visit returns",
        reference="Singh & Sutton 1996; Sutton & Barto 2018, section 5.1",
        target="arena_tabular.monte_carlo_prediction:MCPrediction",
        presets=with_evaluation(PREDICTION),
    ),
    AgentSpec(
        name="mc-control",
        summary="On-policy Monte Carlo control from whole returns",
        reference="Sutton & Barto 2018, section 5.4",
        target="arena_tabular.monte_carlo:MCControl",
        presets=with_evaluation(CONTROL),
    ),
    AgentSpec(
        name="off-policy-mc",
        summary="Off-policy Monte Carlo control from whole returns, by weighted importance sampling",
        reference="Precup, Sutton & Singh 2000; Sutton & Barto 2018, section 5.7",
        target="arena_tabular.monte_carlo:OffPolicyMC",
        presets=with_evaluation(OFF_POLICY),
    ),
)
