"""Records of compiled drivers: hyperparameters (`RULE`), progress (`LEARNER`), and the codes of their fields.

Drivers take records (docs/decisions/0002-records.md); `arena_tabular.options` fills in the rule.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "CONSTANT",
    "DOUBLE_Q_LEARNING",
    "EPSILON_GREEDY",
    "EXPECTED_SARSA",
    "EXPONENTIAL",
    "LEARNER",
    "LINEAR",
    "PREDICTION",
    "Q_LEARNING",
    "RULE",
    "SARSA",
    "SOFTMAX",
    "UCB",
    "VISITS",
]

#: Codes of `RULE.algorithm` of methods that learn from temporal differences.
SARSA, Q_LEARNING, EXPECTED_SARSA, DOUBLE_Q_LEARNING, PREDICTION = range(5)

#: Codes of `RULE.behavior`.
EPSILON_GREEDY, SOFTMAX, UCB = 0, 1, 2

#: Codes of `RULE.learning_rate_schedule` and `RULE.epsilon_schedule`.
CONSTANT, LINEAR, EXPONENTIAL, VISITS = 0, 1, 2, 3


def _scheduled(name: str) -> list[tuple[str, type]]:
    """The fields of a scheduled number: its value at this step, and the parameters of its schedule.

    With `VISITS` the value itself stays at its start, for it differs from state to state.
    """
    return [
        (name, np.float64),
        (f"{name}_schedule", np.int64),
        (f"{name}_start", np.float64),
        (f"{name}_final", np.float64),
        (f"{name}_steps", np.float64),
        (f"{name}_power", np.float64),
    ]


#: Hyperparameters as compiled code reads them. `algorithm` is a code of its family. `moving`: a schedule follows the
#: steps; `counted`: visits are counted. The keys select the sequences of random numbers for actions taken, actions
#: assumed for a target only, and a learner's own coin tosses.
RULE = np.dtype(
    [
        ("algorithm", np.int64),
        ("behavior", np.int64),
        ("discount", np.float64),
        ("temperature", np.float64),
        ("confidence", np.float64),
        *_scheduled("learning_rate"),
        *_scheduled("epsilon"),
        ("moving", np.bool_),
        ("counted", np.bool_),
        ("explore_key", np.uint64),
        ("target_key", np.uint64),
        ("coin_key", np.uint64),
    ],
    align=True,
)

#: Progress of a learner: environment steps over all lanes, updates, and the average of |δ|.
LEARNER = np.dtype([("steps", np.int64), ("updates", np.int64), ("error", np.float64)], align=True)
