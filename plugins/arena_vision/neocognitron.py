"""The Neocognitron: cells that learn to recognise without a teacher, and cells that forgive shifts, in turn."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from arena.errors import ArenaError
from arena_vision.trunk import Image, Trunk

__all__ = ["CCells", "Neocognitron", "SCells"]


class Neocognitron(Trunk):
    """Stages of S-cells, which learn patterns, and C-cells, which are unchanged by small shifts of them.

    It organises itself: `learn` shows it frames, and `SCells.reinforce` is all that follows. Its features are the last
    stage's C-cells, in their places: each stage halves the sides.

    Source: Fukushima 1980, "Neocognitron: A Self-organizing Neural Network Model for a Mechanism of Pattern Recognition
    Unaffected by Shift in Position".

    Args:
        image: the frames' shape; a plane of receptors for each channel.
        planes: how many planes of cells each stage has.
        thresholds: θ of each stage's S-cells; of those that are not named the last one.

    Raises:
        ArenaError: there is no threshold, or no stage.
    """

    self_taught = True

    def __init__(
        self, image: Image, planes: tuple[int, ...] = (24, 48, 96), thresholds: tuple[float, ...] = (0.8, 0.6)
    ) -> None:
        super().__init__()
        if not (planes and thresholds):
            raise ArenaError(
                "a Neocognitron has no stage, or no threshold",
                "give each a number or more",
            )
        inputs, rows, columns = image
        self.s, self.c = nn.ModuleList(), nn.ModuleList()
        for stage, outputs in enumerate(planes):
            self.s.append(SCells(inputs, outputs, thresholds[min(stage, len(thresholds) - 1)]))
            self.c.append(CCells())
            inputs, rows, columns = outputs, -(-rows // 2), -(-columns // 2)
        self.width = inputs * rows * columns

    def forward(self, x: Tensor) -> Tensor:
        for s, c in zip(self.s, self.c, strict=True):
            x = c(s(x))
        return x.flatten(1)

    @torch.no_grad()
    def learn(self, x: Tensor) -> None:
        """Shows it one frame after another; each stage learns from what the one below now says."""
        for i in range(len(x)):
            frame = x[i : i + 1]
            for s, c in zip(self.s, self.c, strict=True):
                assert isinstance(s, SCells)
                s.reinforce(frame)
                frame = c(s(frame))


class SCells(nn.Module):
    """u = φ[(s − θ) / (1 − θ)], s = Σ a u_C / b v: how far the similarity to what a plane has learned exceeds θ.

    Here v = √(Σ c u_C²) and b = √(Σ a² / c), with a fixed window c and the ReLU φ, so that s is a cosine: by
    Cauchy and Schwarz it is 1, its greatest value, for what was learned and its multiples alone. All cells of a plane
    share their weights a. A plane that has learned nothing is silent.

    Source: for the similarity Fukushima 2003, "Neocognitron for handwritten digit recognition", section 3.

    Args:
        inputs: planes of the layer before.
        planes: of this one.
        threshold: θ.
        size: of the area that a cell sees.
    """

    a: Tensor
    window: Tensor

    def __init__(self, inputs: int, planes: int, threshold: float, size: int = 3) -> None:
        super().__init__()
        self.threshold, self.size = threshold, size
        place = torch.arange(size) - size // 2
        near = torch.exp(-place.square() / size)
        self.register_buffer("window", (near[:, None] * near).expand(1, inputs, size, size).contiguous())
        self.register_buffer("a", torch.zeros(planes, inputs, size, size))

    def forward(self, x: Tensor) -> Tensor:
        """Shape (batch, inputs, height, width) to (batch, planes, height, width)."""
        b = (self.a.square() / self.window).sum(dim=(1, 2, 3)).sqrt()
        excitation = functional.conv2d(x, self.a, padding=self.size // 2)
        similarity = excitation / (b[:, None, None] * self._energy(x)).clamp(min=1e-6)
        return functional.relu(similarity - self.threshold) / (1 - self.threshold)

    @torch.no_grad()
    def reinforce(self, x: Tensor) -> None:
        """Δa = c u_C, for the one cell of each plane that stands for it, if there is one.

        Cells that see about the same area, of whichever plane, compete, and the strongest of each plane's winners
        stands for it (Fukushima 1980). Where all are silent, and most is to be seen, a plane that has learned nothing
        learns what is there (Fukushima 2013, "add-if-silent").

        Args:
            x: one frame, shape (1, inputs, height, width).
        """
        answer, seen = self(x)[0], self._energy(x).flatten()
        strongest, plane = answer.max(dim=0)
        around = functional.max_pool2d(strongest[None], self.size, 1, self.size // 2)[0]
        wins = torch.where(strongest == around, strongest, 0.0).flatten()
        strength, place = (
            wins.new_zeros(len(self.a), len(wins)).scatter(0, plane.view(1, -1), wins[None]).max(dim=1)
        )
        learners = strength > 0
        unseen = torch.where(strongest.flatten() > 0, 0.0, seen)
        new = ~self.a.flatten(1).any(dim=1)
        if bool(new.any()) and bool(unseen.any()):
            first = int(new.int().argmax())
            learners[first], place[first] = True, unseen.argmax()
        areas = functional.unfold(x, self.size, padding=self.size // 2)[0][:, place[learners]]
        self.a[learners] += self.window * areas.T.reshape(-1, *self.a.shape[1:])

    def _energy(self, x: Tensor) -> Tensor:
        return functional.conv2d(x.square(), self.window, padding=self.size // 2).sqrt()


class CCells(nn.Module):
    """u = ψ[(1 + Σ u_S) / (1 + v) − 1], where v is the mean of the sums over all planes and ψ[x] = φ[x] / (½ + φ[x]).

    The sum goes over a pool of places, all with the same weight: shifts within it change nothing.

    Args:
        pool: the side of a pool; every other place has one.
    """

    def __init__(self, pool: int = 3) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        """Shape (batch, planes, height, width) to (batch, planes, ⌈height / 2⌉, ⌈width / 2⌉)."""
        sums = functional.avg_pool2d(x, self.pool, 2, self.pool // 2) * self.pool**2
        answer = functional.relu((1 + sums) / (1 + sums.mean(dim=1, keepdim=True)) - 1)
        return answer / (0.5 + answer)
