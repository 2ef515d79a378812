"""An encoder of arena as the features extractor of a Stable-Baselines3 policy."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from arena.encoders.features_extractor import Features as EncoderFeatures
from arena.errors import ArenaError

__all__ = ["Features", "keep_weights"]


class Features(BaseFeaturesExtractor):
    """A features extractor that applies a copy of a module to observations.

    A copy, because each of a policy's networks has its own extractor, and a target network's follows with delay.

    Args:
        observation_space: as the policy sees it: images with their channels first.
        module: from observations of shape (batch, *original.shape) to features of shape (batch, width), which is
            its attribute ``features_dim`` or ``width``.
        original: the space of the observations that the module takes.

    Raises:
        ArenaError: the module has no width.
    """

    def __init__(
        self, observation_space: gym.spaces.Box, module: nn.Module, original: gym.spaces.Box
    ) -> None:
        width = getattr(module, "features_dim", getattr(module, "width", None))
        if not isinstance(width, int):
            raise ArenaError(
                f"{type(module).__name__} has neither `width` nor `features_dim`",
                "set its attribute `width` to the number of its features",
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
        features: Tensor = self.module(observations.to(self._dtype))
        flat: Tensor = features.flatten(1)
        loss = self.module.auxiliary_loss() if isinstance(self.module, EncoderFeatures) else None
        return flat if loss is None else _add_loss_in_backward(flat, loss)


def keep_weights(policy: nn.Module, module: nn.Module) -> None:
    """Restores the module's weights in every copy: some policies initialize all of their modules."""
    weights = module.state_dict()
    for part in policy.modules():
        if isinstance(part, Features):
            part.module.load_state_dict(weights)


def _add_loss_in_backward(features: Tensor, loss: Tensor) -> Tensor:
    """Return features unchanged; a backward pass through them also adds the gradient of a loss.

    The algorithms of Stable-Baselines3 compute their losses inside `train`, where no other loss can be added.
    """
    added: Tensor = _AddLoss.apply(features, loss)  # type: ignore[no-untyped-call]
    return added


class _AddLoss(torch.autograd.Function):
    """Identity in its first argument; its backward pass also starts one from the loss, with gradient 1."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, loss: Tensor) -> Tensor:
        ctx.like = loss
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        return gradients[0], torch.ones_like(ctx.like)
