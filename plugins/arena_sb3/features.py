"""An encoder of ours as the features extractor of a Stable-Baselines3 policy."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from arena.encoders.features_extractor import Features as EncoderFeatures
from arena.encoders.features_extractor import add_loss_in_backward
from arena.errors import ArenaError

__all__ = ["Features", "keep_weights"]


class Features(BaseFeaturesExtractor):
    """A copy of a module that turns observations into features.

    A copy, because each of a policy's networks has an extractor of its own, of which a target's stays behind.

    Args:
        observation_space: as the policy sees it: images with their channels first.
        module: from observations of shape (batch, *original.shape) to features of shape (batch, width), which is
            its attribute ``features_dim`` or ``width``.
        original: the space of the observations that the module takes.

    Raises:
        ArenaError: the module does not say its width.
    """

    def __init__(
        self, observation_space: gym.spaces.Box, module: nn.Module, original: gym.spaces.Box
    ) -> None:
        width = getattr(module, "features_dim", getattr(module, "width", None))
        if not isinstance(width, int):
            raise ArenaError(
                f"{type(module).__name__} does not say how wide its features are", "give it a `width`"
            )
        super().__init__(observation_space, width)
        self.module = copy.deepcopy(module)
        self._transposed = observation_space.shape != original.shape
        # A policy makes every observation float32.
        integer = np.issubdtype(original.dtype, np.integer)
        self._dtype = getattr(torch, str(original.dtype)) if integer else torch.float32

    def forward(self, observations: Tensor) -> Tensor:
        if self._transposed:
            observations = observations.movedim(1, -1)
        features: Any = self.module(observations.to(self._dtype))
        flat: Tensor = features.flatten(1)
        loss = self.module.auxiliary_loss() if isinstance(self.module, EncoderFeatures) else None
        return flat if loss is None else add_loss_in_backward(flat, loss)


def keep_weights(policy: nn.Module, module: nn.Module) -> None:
    """Puts the module's weights into every copy again: some policies initialise all that they hold."""
    weights = module.state_dict()
    for part in policy.modules():
        if isinstance(part, Features):
            part.module.load_state_dict(weights)
