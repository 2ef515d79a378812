"""LeNet-5: convolutional network for handwritten characters."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from arena_vision.trunk import Enlarge, Image, Trunk

__all__ = ["TABLE", "LeNet5", "RadialBasis", "Sparse", "Subsampling", "squash"]

#: Input maps (of S2) of each map of C3 (table I): this breaks the symmetry between maps, so that they learn different
#: features.
TABLE = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)

#: Side of the paper's images.
SIDE = 32


class LeNet5(Trunk):
    """LeNet-5 with the layers C1 – S2 – C3 – S4 – C5 – F6: 60,000 parameters on the paper's 1 × 32 × 32 images.

    Smaller frames are enlarged to at least 32 pixels. For larger frames S4 averages over more than 2 × 2, so that its
    maps are 5 × 5 as in the paper and C5 covers the whole frame.

    Source: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-Based Learning Applied to Document Recognition", II.B.

    Args:
        image: shape of the frames; C1 reads all their channels.
    """

    def __init__(self, image: Image = (1, SIDE, SIDE)) -> None:
        super().__init__()
        self.enlarge = Enlarge(image, SIDE)
        self.c1 = nn.Conv2d(image[0], 6, 5)
        self.s2 = Subsampling(6, nn.AvgPool2d(2))
        self.c3 = Sparse(TABLE, 5)
        self.s4 = Subsampling(16, nn.AdaptiveAvgPool2d(5))
        self.c5 = nn.Conv2d(16, 120, 5)
        self.f6 = nn.Linear(120, 84)
        self.width = 84

    def forward(self, x: Tensor) -> Tensor:
        x = self.s2(self.c1(self.enlarge(x)))
        x = self.s4(self.c3(x))
        x = squash(self.c5(x)).flatten(1)
        return squash(self.f6(x))


class Subsampling(nn.Module):
    """Subsampling layer: averages of each map, times a trainable coefficient, plus a bias, through `squash`.

    Args:
        maps: number of maps.
        average: averaging layer. (The paper sums; the coefficient compensates for the difference.)
    """

    def __init__(self, maps: int, average: nn.Module) -> None:
        super().__init__()
        self.average = average
        self.coefficient = nn.Parameter(torch.ones(maps, 1, 1))
        self.bias = nn.Parameter(torch.zeros(maps, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return squash(self.average(x) * self.coefficient + self.bias)


class Sparse(nn.Module):
    """Sparsely connected convolution: each output map reads only the input maps given by a table.

    Args:
        table: input maps of each output map.
        size: side of the kernels.
    """

    def __init__(self, table: tuple[tuple[int, ...], ...], size: int) -> None:
        super().__init__()
        pairs = [(to, of) for to, inputs in enumerate(table) for of in inputs]
        self.outputs, self.inputs = [to for to, _ in pairs], [of for _, of in pairs]
        self.shape = (len(table), 1 + max(self.inputs), size, size)
        bound = torch.tensor([1 / math.sqrt(len(table[to]) * size**2) for to in self.outputs])
        self.weight = nn.Parameter((2 * torch.rand(len(pairs), size, size) - 1) * bound[:, None, None])
        self.bias = nn.Parameter(torch.zeros(len(table)))

    def forward(self, x: Tensor) -> Tensor:
        kernels = self.weight.new_zeros(self.shape)
        kernels[self.outputs, self.inputs] = self.weight
        return functional.conv2d(x, kernels, self.bias)


class RadialBasis(nn.Module):
    """Radial basis layer: the logit of a class is −‖x − c‖², with a fixed code c of ±1 for each class.

    Cross-entropy on these logits is the paper's equation 9 without its rubbish class (j → ∞). The paper designs codes
    of characters by hand, and mentions random codes as the alternative for any classes.

    Args:
        width: length of a code.
        classes: number of classes.
    """

    codes: Tensor

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        coins = torch.randint(2, (classes, width), generator=torch.Generator().manual_seed(0))
        self.register_buffer("codes", 2.0 * coins - 1.0)

    def forward(self, x: Tensor) -> Tensor:
        return -(x[:, None] - self.codes).square().sum(dim=2)


def squash(x: Tensor) -> Tensor:
    """Activation function 1.7159 tanh(2x/3), which maps ±1 to ±1 (appendix A)."""
    return 1.7159 * torch.tanh(x * (2 / 3))
