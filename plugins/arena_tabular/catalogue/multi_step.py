"""n-step methods and eligibility traces: control and prediction.

Comments give the mean over five seeds, as those of `presets` do; of prediction over three the root mean square of
the error, relative to that of V.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arena.plugins.specs import AgentSpec, Preset
from arena_tabular.catalogue.presets import exponential, learner, linear, visits, with_evaluation

__all__ = ["SPECS"]

#: Discounted as its values are, for only then is the shortest way worth most: at least .999 of the best.
ROOMS: dict[str, Any] = {
    "discount": 0.9,
    **exponential("learning_rate", 0.3, 0.005, 500_000),
    **linear("epsilon", 0.5, 0.01, 400_000),
}


def _prediction(**options: Any) -> Mapping[str, Preset]:
    """Presets for the value of acting at random, averaged over visits but for the early ones."""
    late = visits("learning_rate", 1.0, 0.8)
    general = learner(200_000, discount=0.99, **options, **visits("learning_rate", 1.0, 0.6))
    return with_evaluation(
        {
            "*": general,
            "arena/CliffWalk-v0": general,
            "CliffWalking-v1": general,
            "arena/RandomWalk-v0": learner(50_000, discount=1.0, **options, **late),  # 2 %
            "arena/FourRooms-v0": learner(200_000, discount=0.9, **options, **late),  # 10 %
            "FrozenLake-v1": learner(200_000, discount=0.99, **options, **late),  # 6 %
        }
    )


def _on_policy(lake: Mapping[str, Any], **options: Any) -> Mapping[str, Preset]:
    """Presets of multi-step SARSA: it must stop exploring to learn the best policy without exploration.

    On the cliff it keeps even further away than SARSA, along the wall: a fall updates more of the steps that led there.
    """
    cliff = learner(
        100_000, discount=1.0, epsilon=0.1, **options, **exponential("learning_rate", 0.2, 0.01, 100_000)
    )
    return with_evaluation(
        {
            "*": learner(200_000, discount=0.99, learning_rate=0.1, epsilon=0.1, **options),
            "arena/CliffWalk-v0": cliff,  # −17 of −13
            "CliffWalking-v1": cliff,
            "arena/WindyGrid-v0": learner(  # −15 of −15
                200_000, discount=1.0, learning_rate=0.1, **options, **linear("epsilon", 0.2, 0.0, 180_000)
            ),
            "arena/FourRooms-v0": learner(500_000, **options, **ROOMS),
            "arena/RandomWalk-v0": learner(50_000, discount=1.0, learning_rate=0.05, **options),
            "FrozenLake-v1": learner(  # .740 (n steps), .738 (λ) of .744
                2_000_000,
                discount=0.999,
                **options,
                **lake,
                **linear("epsilon", 0.3, 0.001, 1_500_000),
            ),
            "FrozenLake8x8-v1": learner(  # .858 (n steps), .866 (λ) of .913
                2_000_000,
                discount=0.99,
                **options,
                **exponential("learning_rate", 0.3, 0.002, 2_000_000),
                **linear("epsilon", 0.3, 0.001, 1_500_000),
            ),
            "Taxi-v4": learner(  # 7.917 (n steps), 7.925 (λ) of 7.930
                1_000_000,
                discount=0.99,
                learning_rate=0.05,
                **options,
                **linear("epsilon", 0.5, 0.0, 900_000),
            ),
        }
    )


#: Off-policy, it may explore as it likes, but every exploratory action cuts its traces.
Q_CLIFF = learner(100_000, discount=1.0, learning_rate=0.3, epsilon=0.3, trace_decay=0.5)  # −13 of −13
Q_LAMBDA = {
    "*": learner(200_000, discount=0.99, learning_rate=0.1, epsilon=0.1, trace_decay=0.7),
    "arena/CliffWalk-v0": Q_CLIFF,
    "CliffWalking-v1": Q_CLIFF,
    "arena/WindyGrid-v0": learner(  # −15 of −15
        100_000, discount=1.0, learning_rate=0.2, trace_decay=0.7, **linear("epsilon", 0.1, 0.0, 80_000)
    ),
    "arena/FourRooms-v0": learner(500_000, trace_decay=0.7, **ROOMS),
    "arena/RandomWalk-v0": learner(50_000, discount=1.0, learning_rate=0.05, trace_decay=0.7),
    "FrozenLake-v1": learner(  # .740 of .744
        300_000,
        discount=0.999,
        epsilon=0.5,
        trace_decay=0.7,
        **exponential("learning_rate", 0.3, 0.003, 300_000),
    ),
    "FrozenLake8x8-v1": learner(  # .886 of .913
        2_000_000,
        discount=0.999,
        epsilon=0.5,
        trace_decay=0.7,
        **exponential("learning_rate", 0.3, 0.003, 2_000_000),
    ),
    "Taxi-v4": learner(
        500_000, discount=0.99, learning_rate=0.2, epsilon=0.5, trace_decay=0.5
    ),  # 7.930 of 7.930
}

SPECS = (
    AgentSpec(
        name="n-step-td",
        summary="State values of a policy (default: uniformly random) from n-step returns",
        reference="Watkins 1989, section 7.2; Sutton & Barto 2018, section 7.1",
        target="arena_tabular.n_step:NStepTD",
        presets=_prediction(n_steps=4),
    ),
    AgentSpec(
        name="n-step-sarsa",
        summary="On-policy temporal-difference control from n-step returns",
        reference="Cichosz 1995; Sutton & Barto 2018, section 7.2",
        target="arena_tabular.n_step:NStepSARSA",
        presets=_on_policy(exponential("learning_rate", 0.3, 0.002, 2_000_000), n_steps=4),
    ),
    AgentSpec(
        name="td-lambda",
        summary="State values of a policy (default: uniformly random) with eligibility traces",
        reference="Sutton 1988; Singh & Sutton 1996; van Seijen & Sutton 2014",
        target="arena_tabular.traces:TDLambda",
        presets=_prediction(trace_decay=0.7),
    ),
    AgentSpec(
        name="sarsa-lambda",
        summary="On-policy control with eligibility traces",
        reference="Rummery & Niranjan 1994; Singh & Sutton 1996; Sutton & Barto 2018, section 12.7",
        target="arena_tabular.traces:SARSALambda",
        presets=_on_policy(exponential("learning_rate", 0.1, 0.001, 2_000_000), trace_decay=0.7),
    ),
    AgentSpec(
        name="q-lambda",
        summary="Off-policy control with eligibility traces that exploratory actions cut (Watkins's)",
        reference="Watkins 1989, section 7.3; Sutton & Barto 2018, section 12.10",
        target="arena_tabular.traces:QLambda",
        presets=with_evaluation(Q_LAMBDA),
    ),
)
