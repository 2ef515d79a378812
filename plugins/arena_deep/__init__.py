"""Deep agents: Q-networks and policy gradients.

The names are imported on first use, so that importing this package costs nothing: `arena list` reads
`arena_deep.plugin` without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arena_deep.actor_critic import ActorCritic
    from arena_deep.dqn import DQN
    from arena_deep.drqn import DRQN
    from arena_deep.ppo import PPO
    from arena_deep.reinforce import REINFORCE

_HOMES = {
    "DQN": "dqn",
    "DRQN": "drqn",
    "PPO": "ppo",
    "REINFORCE": "reinforce",
    "ActorCritic": "actor_critic",
}

__all__ = ["DQN", "DRQN", "PPO", "REINFORCE", "ActorCritic"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'arena_deep' has no attribute {name!r}")
    return getattr(importlib.import_module(f"arena_deep.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
