"""Neocognitron: alternating layers of unsupervised pattern detectors (S-cells) and shift-tolerant C-cells."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from arena.errors import ArenaError
from arena_vision.trunk import Image, Trunk

__all__ = ["CCells", "Neocognitron", "SCells"]


class Neocognitron(Trunk):
    """Neocognitron: stages of S-cells, which learn patterns, and C-cells, which are invariant to small shifts.

    Learning is unsupervised: `learn` calls `SCells.reinforce` for every frame. The features are the outputs of the last
    stage's C-cells; each stage halves the sides.

    Source: Fukushima 1980, "Neocognitron: A Self-organizing Neural Network Model for a Mechanism of Pattern Recognition
    Unaffected by Shift in Position".

    Args:
        image: shape of the frames; the input layer has a plane for each channel.
        planes: number of cell planes of each stage.
        thresholds: θ of each stage's S-cells; the last one is used for further stages.

    Raises:
        ArenaError: there is no stage, or no threshold.
    """

    self_taught = True

    def __init__(
        self, image: Image, planes: tuple[int, ...] = (24, 48, 96), thresholds: tuple[float, ...] = (0.8, 0.6)
    ) -> None:
        super().__init__()
        if not (planes and thresholds):
            raise ArenaError(
                "neocognitron has no stage, or no threshold",
                "give --encoder.planes and --encoder.thresholds at least one number each",
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
        """Learn from frames one by one; each stage learns from the current output of the stage below."""
        for i in range(len(x)):
            frame = x[i : i + 1]
            for s, c in zip(self.s, self.c, strict=True):
                assert isinstance(s, SCells)
                s.reinforce(frame)
                frame = c(s(frame))


class SCells(nn.Module):
    """S-cells: u = φ[(s − θ) / (1 − θ)], with the similarity s = Σ a u_C / b v to the pattern that a plane has learned.

    Here v = √(Σ c u_C²) and b = √(Σ a² / c), with a fixed window c and the ReLU φ, so that s is a cosine: by
    Cauchy and Schwarz it is 1, its greatest value, only for the learned pattern and its multiples. All cells of a plane
    share their weights a. The output of an untrained plane is 0.

    Source: for the similarity Fukushima 2003, "Neocognitron for handwritten digit recognition", section 3.

    Args:
        inputs: planes of the previous layer.
        planes: planes of this layer.
        threshold: θ.
        size: side of a cell's receptive field.
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
        """Outputs (batch, planes, height, width) for inputs (batch, inputs, height, width)."""
        b = (self.a.square() / self.window).sum(dim=(1, 2, 3)).sqrt()
        excitation = functional.conv2d(x, self.a, padding=self.size // 2)
        similarity = excitation / (b[:, None, None] * self._energy(x)).clamp(min=1e-6)
        return functional.relu(similarity - self.threshold) / (1 - self.threshold)

    @torch.no_grad()
    def reinforce(self, x: Tensor) -> None:
        """Competitive learning Δa = c u_C for the seed cell of each plane, if there is one.

        Cells of all planes with about the same receptive field compete, and the strongest winner of each plane is its
        seed cell (Fukushima 1980). Where all outputs are 0, an untrained plane learns the strongest input there
        (Fukushima 2013, "add-if-silent").

        Args:
            x: input of one frame, shape (1, inputs, height, width).
        """
        output, energy = self(x)[0], self._energy(x).flatten()
        strongest, plane = output.max(dim=0)
        around = functional.max_pool2d(strongest[None], self.size, 1, self.size // 2)[0]
        wins = torch.where(strongest == around, strongest, 0.0).flatten()
        strength, place = (
            wins.new_zeros(len(self.a), len(wins)).scatter(0, plane.view(1, -1), wins[None]).max(dim=1)
        )
        learners = strength > 0
        silent = torch.where(strongest.flatten() > 0, 0.0, energy)
        new = ~self.a.flatten(1).any(dim=1)
        if bool(new.any()) and bool(silent.any()):
            first = int(new.int().argmax())
            learners[first], place[first] = True, silent.argmax()
        areas = functional.unfold(x, self.size, padding=self.size // 2)[0][:, place[learners]]
        self.a[learners] += self.window * areas.T.reshape(-1, *self.a.shape[1:])

    def _energy(self, x: Tensor) -> Tensor:
        return functional.conv2d(x.square(), self.window, padding=self.size // 2).sqrt()


class CCells(nn.Module):
    """C-cells: u = ψ[(1 + Σ u_S) / (1 + v) − 1], with ψ[x] = φ[x] / (½ + φ[x]) and v the mean of Σ u_S over all planes.

    The sum is over a pool of positions with equal weights: shifts within it change nothing.

    Args:
        pool: side of a pool; pools have stride 2.
    """

    def __init__(self, pool: int = 3) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (batch, planes, ⌈height / 2⌉, ⌈width / 2⌉) for inputs (batch, planes, height, width)."""
        sums = functional.avg_pool2d(x, self.pool, 2, self.pool // 2) * self.pool**2
        excess = functional.relu((1 + sums) / (1 + sums.mean(dim=1, keepdim=True)) - 1)
        return excess / (0.5 + excess)
