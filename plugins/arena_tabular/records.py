"""The records that a compiled driver reads its orders from and keeps its accounts in, and their codes.

Drivers take records and scalars (docs/decisions/0002-records.md). A family's driver takes one `RULE`, which says
what to do, and one `LEARNER`, which says how far it has come; `arena_tabular.options` fills in the rule.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "CONSTANT",
    "EPSILON_GREEDY",
    "EXPONENTIAL",
    "LEARNER",
    "LINEAR",
    "RULE",
    "SOFTMAX",
    "UCB",
    "VISITS",
]

#: Codes of `RULE.behavior`.
EPSILON_GREEDY, SOFTMAX, UCB = 0, 1, 2

#: Codes of `RULE.learning_rate_schedule` and `RULE.epsilon_schedule`.
CONSTANT, LINEAR, EXPONENTIAL, VISITS = 0, 1, 2, 3


def _scheduled(name: str) -> list[tuple[str, type]]:
    """The fields of a scheduled number: what it is at this step, and from where to where it goes.

    With `VISITS` the number itself stays at its start, for it is another one in every state.
    """
    return [
        (name, np.float64),
        (f"{name}_schedule", np.int64),
        (f"{name}_start", np.float64),
        (f"{name}_final", np.float64),
        (f"{name}_steps", np.float64),
        (f"{name}_power", np.float64),
    ]


#: What a driver is told. `algorithm` is a code of its family. `moving` says whether a schedule follows the
#: steps, `counted` whether visits are to be counted. The keys name the sequences of random numbers that actions
#: taken, actions only imagined for a target, and a learner's own coins are drawn from.
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

#: How far a learner has come: environment steps over all lanes, updates made, and the average of |δ|.
LEARNER = np.dtype([("steps", np.int64), ("updates", np.int64), ("error", np.float64)], align=True)
