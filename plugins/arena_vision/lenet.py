"""LeNet-5: the convolutional network that read cheques."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from arena_vision.trunk import Enlarge, Image, Trunk

__all__ = ["TABLE", "LeNet5", "RadialBasis", "Sparse", "Subsampling", "squash"]

#: Which maps of S2 each map of C3 sees (table I): it breaks the symmetry between maps, so that they come to differ.
TABLE = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)

#: The side of the paper's images.
SIDE = 32


class LeNet5(Trunk):
    """C1 – S2 – C3 – S4 – C5 – F6: 60,000 trainable parameters on the paper's 1 × 32 × 32 images.

    Smaller frames are enlarged to at least 32 pixels. Of larger ones S4 averages over more than 2 × 2, so that its maps
    are 5 × 5 as in the paper and C5 sees the whole frame.

    Source: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-Based Learning Applied to Document Recognition", II.B.

    Args:
        image: the frames' shape; C1 sees all their channels.
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
    """Each map's averages, times a coefficient of the map's own, plus a bias, squashed.

    Args:
        maps: how many.
        average: over which windows. (The paper adds up in place of averaging; the coefficient makes up for it.)
    """

    def __init__(self, maps: int, average: nn.Module) -> None:
        super().__init__()
        self.average = average
        self.coefficient = nn.Parameter(torch.ones(maps, 1, 1))
        self.bias = nn.Parameter(torch.zeros(maps, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return squash(self.average(x) * self.coefficient + self.bias)


class Sparse(nn.Module):
    """A convolution whose every output map sees the maps that a table says: a kernel for each pair, and no others.

    Args:
        table: the input maps of each output map.
        size: of the kernels.
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
    """The logit of a class is −‖x − code‖², the negative squared distance to its code of ±1, which is not learned.

    Cross-entropy on these logits is the paper's equation 9 without its rubbish class (j → ∞). The paper draws codes of
    characters by hand, and names random ones as the alternative that serves any classes.

    Args:
        width: of a code.
        classes: how many codes.
    """

    codes: Tensor

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        coins = torch.randint(2, (classes, width), generator=torch.Generator().manual_seed(0))
        self.register_buffer("codes", 2.0 * coins - 1.0)

    def forward(self, x: Tensor) -> Tensor:
        return -(x[:, None] - self.codes).square().sum(dim=2)


def squash(x: Tensor) -> Tensor:
    """1.7159 tanh(2x/3), which takes ±1 to ±1 (appendix A)."""
    return 1.7159 * torch.tanh(x * (2 / 3))
