"""PPO with a memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from stable_baselines3.common.distributions import Distribution

from arena.storage.codec import State
from arena_sb3.agent import Array
from arena_sb3.on_policy import OnPolicy

__all__ = ["Recurrent"]


class Recurrent(OnPolicy):
    """An on-policy algorithm whose policy remembers; a memory is the LSTM's (hidden, cell).

    Both have the shape (layers, lanes, size). `values` and `behaviour_probabilities` are those of an episode's
    beginning.
    """

    def reset_memory(self, memory: Any, begin: npt.NDArray[np.bool_]) -> Any:
        """Zeros where an episode begins."""
        return None if memory is None else tuple(np.where(begin[:, None], 0, part) for part in memory)

    def state_dict(self) -> State:
        states = self.model._last_lstm_states
        return {**super().state_dict(), "lstm": {"pi": states.pi, "vf": states.vf}}

    def load_state_dict(self, state: State) -> None:
        super().load_state_dict(state)
        pi, vf = (tuple(part.to(self.model.device) for part in state["lstm"][name]) for name in ("pi", "vf"))
        self.model._last_lstm_states = RNNStates(pi, vf)

    def _seen(self, observation: Array) -> tuple[Any, ...]:
        layers, _, size = self.model.policy.lstm_hidden_state_shape
        nothing = torch.zeros(layers, len(observation), size, device=self.model.device)
        starts = torch.zeros(len(observation), device=self.model.device)
        return (*super()._seen(observation), (nothing, nothing), starts)

    def _distribution(self, *seen: Any) -> Distribution:
        distribution, _ = self.model.policy.get_distribution(*seen)
        return distribution

    def _predict(self, observation: Array, memory: Any, *, deterministic: bool) -> tuple[Array, Any]:
        action, memory = self.model.policy.predict(observation, state=memory, deterministic=deterministic)
        return self._inside(action), memory
