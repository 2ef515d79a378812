"""Deep agents: Q-networks and policy gradients.

The classes are imported on first use, since torch is slow to import: `arena list` imports `arena_deep.plugin` only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena.plugins.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from arena_deep.actor_critic import ActorCritic
    from arena_deep.dqn import DQN
    from arena_deep.drqn import DRQN
    from arena_deep.ppo import PPO
    from arena_deep.reinforce import REINFORCE

__all__ = ["DQN", "DRQN", "PPO", "REINFORCE", "ActorCritic"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        ".actor_critic": ["ActorCritic"],
        ".dqn": ["DQN"],
        ".drqn": ["DRQN"],
        ".ppo": ["PPO"],
        ".reinforce": ["REINFORCE"],
    },
)
