"""Distribution over codes that consist of a class and a style."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Size, Tensor
from torch.distributions import Categorical, Distribution
from torch.distributions.constraints import Constraint

from arena_autoencoder.codes import DiagonalNormal

__all__ = ["LabelledCode"]


class LabelledCode(Distribution):
    """Joint distribution q(y, z) = q(y) q(z | y) over codes: y, one-hot, followed by z.

    The mode is the most likely class with its most likely style. The mean has the probabilities of all classes, so that
    it has a gradient with respect to both.

    Args:
        logits: logits of q(y), shape (batch, classes).
        styles: Gaussians q(z | y) for every y, batch shape (classes, batch).
    """

    arg_constraints: ClassVar[dict[str, Constraint]] = {}

    def __init__(self, logits: Tensor, styles: DiagonalNormal) -> None:
        self.label = Categorical(logits=logits, validate_args=False)
        self.styles = styles
        self.classes = logits.shape[-1]
        size = self.classes + styles.event_shape[0]
        super().__init__(logits.shape[:-1], Size([size]), validate_args=False)

    @property
    def mean(self) -> Tensor:
        probability = self.label.probs
        return torch.cat([probability, torch.einsum("bk,kbd->bd", probability, self.styles.mean)], -1)

    @property
    def mode(self) -> Tensor:
        y = self.label.logits.argmax(-1)
        return self._join(y, self._style(y).mean)

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        with torch.no_grad():
            y = self.label.sample(sample_shape)  # type: ignore[no-untyped-call]
            return self._join(y, self._style(y).sample())

    def log_prob(self, value: Tensor) -> Tensor:
        y, style = value[..., : self.classes].argmax(-1), value[..., self.classes :]
        log_label = (
            self.label.logits.log_softmax(-1).expand(*y.shape, -1).gather(-1, y[..., None]).squeeze(-1)
        )
        return log_label + self._style(y).log_prob(style)

    def _style(self, y: Tensor) -> DiagonalNormal:
        """Gaussians q(z | y) for one class per row, shape (…, batch)."""
        row = torch.arange(y.shape[-1], device=y.device)
        return DiagonalNormal(self.styles.mean[y, row], self.styles.stddev[y, row])

    def _join(self, y: Tensor, z: Tensor) -> Tensor:
        return torch.cat([F.one_hot(y, self.classes).to(z), z], -1)
