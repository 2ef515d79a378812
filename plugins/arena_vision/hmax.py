"""HMAX: layers that match templates, and layers that take the maximum over places and scales, in turn."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from arena_vision.gabor import gabor, scale
from arena_vision.trunk import Enlarge, Image, Trunk

__all__ = ["BANDS", "C1", "HMAX", "S1", "S2"]

ORIENTATIONS = 4

#: Most bands there are, of two sizes of filters each: 7 and 9, 11 and 13, … pixels.
BANDS = 8


class HMAX(Trunk):
    """S1 – C1 – S2 – C2: how much each prototype is seen anywhere in the frame, at any scale.

    Nothing learns by gradients. The prototypes of S2 are imprinted: patches of C1 at random places of frames, one a
    frame, in the order of training; until then they are noise. Colours are averaged, and frames enlarged until C1 of
    the first band has room for a prototype.

    Source: Riesenhuber & Poggio 1999; as a feature extractor Serre, Wolf, Bileschi, Riesenhuber & Poggio 2007, "Robust
    Object Recognition with Cortex-Like Mechanisms"; the width of S2's tuning from Mutch & Lowe 2008.

    Args:
        image: the frames' shape.
        prototypes: how many.
        patch: the side of a prototype, in cells of C1.
        bands: at most how many; those whose C1 has no room for a prototype are left out.
    """

    self_taught = True
    imprinted: Tensor

    def __init__(self, image: Image, prototypes: int = 128, patch: int = 4, bands: int = 4) -> None:
        super().__init__()
        self.enlarge = Enlarge(image, _reach(0, patch))
        side = min(self.enlarge.image[1:])
        fitting = [band for band in range(bands) if side >= _reach(band, patch)]
        self.s1 = nn.ModuleList(S1(size) for band in fitting for size in (7 + 4 * band, 9 + 4 * band))
        self.c1 = nn.ModuleList(C1(_pool(band)) for band in fitting)
        self.s2 = S2(prototypes, patch)
        self.register_buffer("imprinted", torch.zeros((), dtype=torch.int64))
        self.width = prototypes

    def forward(self, x: Tensor) -> Tensor:
        """C2: the greatest answer of each prototype over all places and bands, shape (batch, prototypes)."""
        answers = [self.s2(band).amax(dim=(2, 3)) for band in self.bands(x)]
        return torch.stack(answers).amax(dim=0)

    def bands(self, x: Tensor) -> list[Tensor]:
        """C1 of every band: shape (batch, orientations, rows, columns), each with fewer places than the last."""
        grey = self.enlarge(x).mean(dim=1, keepdim=True)
        scales = zip(self.s1[::2], self.s1[1::2], self.c1, strict=True)
        return [c1([small(grey), large(grey)]) for small, large, c1 in scales]

    @torch.no_grad()
    def learn(self, x: Tensor) -> None:
        """Imprints one patch a frame, until there are all prototypes."""
        first = int(self.imprinted)
        count = min(len(x), self.width - first)
        if not count:
            return
        patch, maps = self.s2.patch, self.bands(x[:count])
        for i in range(count):
            band = maps[int(torch.randint(len(maps), ()))][i]
            top, left = (int(torch.randint(side - patch + 1, ())) for side in band.shape[1:])
            self.s2.prototypes[first + i] = band[:, top : top + patch, left : left + patch]
        self.imprinted += count


class S1(nn.Module):
    """How well each place looks like a wave: |⟨patch, filter⟩| / ‖patch‖, from 0 to 1, for each orientation.

    The filters have mean zero and norm one, so that light and contrast do not matter.

    Args:
        size: of the filters, in pixels.
    """

    filters: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        waves = torch.stack(
            [gabor(size, math.pi * i / ORIENTATIONS, *scale(size)) for i in range(ORIENTATIONS)]
        )
        waves = waves - waves.mean(dim=(1, 2), keepdim=True)
        waves = waves / waves.square().sum(dim=(1, 2), keepdim=True).sqrt()
        self.register_buffer("filters", waves.unsqueeze(1).to(torch.get_default_dtype()))

    def forward(self, grey: Tensor) -> Tensor:
        """Shape (batch, 1, height, width) to (batch, orientations, height, width)."""
        size = self.filters.shape[-1]
        matched = functional.conv2d(grey, self.filters, padding=size // 2).abs()
        energy = functional.conv2d(grey.square(), torch.ones_like(self.filters[:1]), padding=size // 2)
        return matched / energy.clamp(min=1e-12).sqrt()


class C1(nn.Module):
    """The maximum over the scales of a band and over neighbouring places, half of which the next cell shares.

    Args:
        size: of the neighbourhood, in pixels.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, scales: list[Tensor]) -> Tensor:
        return functional.max_pool2d(torch.stack(scales).amax(dim=0), self.size, self.size // 2)


class S2(nn.Module):
    """exp(−‖patch − prototype‖² / 2α), which is 1 where the patch is the prototype; α = (side / 4)².

    Args:
        prototypes: how many.
        patch: their side.
    """

    prototypes: Tensor

    def __init__(self, prototypes: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.register_buffer("prototypes", torch.rand(prototypes, ORIENTATIONS, patch, patch))

    def forward(self, c1: Tensor) -> Tensor:
        """Shape (batch, orientations, rows, columns) to (batch, prototypes, rows − side + 1, columns − side + 1)."""
        ones = torch.ones_like(self.prototypes[:1])
        here = functional.conv2d(c1.square(), ones)
        there = self.prototypes.square().sum(dim=(1, 2, 3))[:, None, None]
        distance = (here - 2 * functional.conv2d(c1, self.prototypes) + there).clamp(min=0)
        return torch.exp(-distance / (2 * (self.patch / 4) ** 2))


def _pool(band: int) -> int:
    """The side of C1's neighbourhood in a band, in pixels."""
    return 8 + 2 * band


def _reach(band: int, patch: int) -> int:
    """The shortest side on which C1 has room for a prototype, in pixels."""
    return _pool(band) + (patch - 1) * (_pool(band) // 2)
