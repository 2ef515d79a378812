"""Deep agents: Q-networks and policy gradients.

The classes are imported on first use, since torch is slow to import: `arena list` imports `arena_deep.plugin` only.
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

_MODULES = {
    "DQN": "dqn",
    "DRQN": "drqn",
    "PPO": "ppo",
    "REINFORCE": "reinforce",
    "ActorCritic": "actor_critic",
}

__all__ = ["DQN", "DRQN", "PPO", "REINFORCE", "ActorCritic"]


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module 'arena_deep' has no attribute {name!r}")
    return getattr(importlib.import_module(f"arena_deep.{module}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
