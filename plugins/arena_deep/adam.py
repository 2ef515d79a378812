"""Adam over one vector of parameters, with a limit on the norm of the gradient."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from arena.storage.codec import State

__all__ = ["Adam"]


class Adam:
    """m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², θ ← θ − α m̂ / (√v̂ + ε), with β₁ = 0.9 and β₂ = 0.999.

    The arithmetic is that of torch, in one fused call. `torch.optim.Adam` itself handles parameter groups, hooks and
    several tensors, none of which occur here; for a small network this takes longer than the call.

    Source: Kingma & Ba 2015, algorithm 1; the limit on the norm, Pascanu et al. 2013.

    Args:
        vector: the parameters (`arena_deep.networks.flatten_parameters`), with their gradient.
        learning_rate: α; the attribute may be changed between steps.
        epsilon: ε.
        max_grad_norm: the greatest norm of the gradient; a longer one is scaled down to it. None: no limit.
    """

    def __init__(
        self,
        vector: nn.Parameter,
        learning_rate: float,
        *,
        epsilon: float = 1e-8,
        max_grad_norm: float | None = None,
    ) -> None:
        assert vector.grad is not None, "flatten_parameters gives it a gradient"
        self._parameters, self._gradient = vector.data, vector.grad
        self.learning_rate, self._epsilon, self._max_grad_norm = learning_rate, epsilon, max_grad_norm
        self._first, self._second = torch.zeros_like(vector.data), torch.zeros_like(vector.data)
        self._updates = torch.zeros((), device=vector.device)
        self._fused = vector.device.type in ("cpu", "cuda")

    def step(self) -> None:
        """One step along the gradient, scaled down where it is too long."""
        if self._max_grad_norm is not None:
            norm = torch.linalg.vector_norm(self._gradient)
            self._gradient.mul_((self._max_grad_norm / (norm + 1e-6)).clamp_(max=1.0))
        adam(
            [self._parameters],
            [self._gradient],
            [self._first],
            [self._second],
            [],
            [self._updates],
            fused=self._fused,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self.learning_rate,
            weight_decay=0.0,
            eps=self._epsilon,
            maximize=False,
        )

    def state_dict(self) -> State:
        """Both moments, and the number of steps."""
        return {
            "first": self._first.clone(),
            "second": self._second.clone(),
            "updates": self._updates.clone(),
        }

    def load_state_dict(self, state: State) -> None:
        """Restore the moments and the number of steps."""
        saved: dict[str, Tensor] = state
        self._first.copy_(saved["first"])
        self._second.copy_(saved["second"])
        self._updates.copy_(saved["updates"])
