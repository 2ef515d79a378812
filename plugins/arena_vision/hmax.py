"""HMAX: alternating layers of template matching and of maxima over positions and scales."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from arena_vision.gabor import gabor, scale
from arena_vision.trunk import Enlarge, Image, Trunk

__all__ = ["BANDS", "C1", "HMAX", "S1", "S2"]

ORIENTATIONS = 4

#: Number of scale bands, of two filter sizes each: 7 and 9, 11 and 13, … pixels.
BANDS = 8


class HMAX(Trunk):
    """HMAX network S1 – C1 – S2 – C2: greatest similarity of each prototype over all positions and scales.

    Nothing is learned by gradients. The prototypes of S2 are patches of C1 at random positions of training frames, one
    per frame, in the order of training; before, they are noise. Colors are averaged, and frames enlarged until a
    prototype fits into C1 of the first band.

    Source: Riesenhuber & Poggio 1999; as a feature extractor Serre, Wolf, Bileschi, Riesenhuber & Poggio 2007, "Robust
    Object Recognition with Cortex-Like Mechanisms"; the width of S2's tuning from Mutch & Lowe 2008.

    Args:
        image: shape of the frames.
        prototypes: number of prototypes.
        patch: side of a prototype, in cells of C1.
        bands: largest number of bands; those whose C1 is smaller than a prototype are omitted.
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
        """Features C2: greatest response of each prototype over positions and bands, shape (batch, prototypes)."""
        responses = [self.s2(band).amax(dim=(2, 3)) for band in self.bands(x)]
        return torch.stack(responses).amax(dim=0)

    def bands(self, x: Tensor) -> list[Tensor]:
        """Maps C1 of every band: shape (batch, orientations, rows, columns), each smaller than the last."""
        gray = self.enlarge(x).mean(dim=1, keepdim=True)
        scales = zip(self.s1[::2], self.s1[1::2], self.c1, strict=True)
        return [c1([small(gray), large(gray)]) for small, large, c1 in scales]

    @torch.no_grad()
    def learn(self, x: Tensor) -> None:
        """Store one patch per frame as a prototype, until there are all prototypes."""
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
    """Layer S1: similarity |⟨patch, filter⟩| / ‖patch‖ in [0, 1] of every patch to a Gabor filter of each orientation.

    The filters have mean zero and norm one, so that brightness and contrast have no influence.

    Args:
        size: side of the filters, in pixels.
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

    def forward(self, gray: Tensor) -> Tensor:
        """Responses (batch, orientations, height, width) to images (batch, 1, height, width)."""
        size = self.filters.shape[-1]
        matched = functional.conv2d(gray, self.filters, padding=size // 2).abs()
        energy = functional.conv2d(gray.square(), torch.ones_like(self.filters[:1]), padding=size // 2)
        return matched / energy.clamp(min=1e-12).sqrt()


class C1(nn.Module):
    """Layer C1: maximum over the scales of a band and over neighborhoods, which overlap by half.

    Args:
        size: side of the neighborhood, in pixels.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, scales: list[Tensor]) -> Tensor:
        return functional.max_pool2d(torch.stack(scales).amax(dim=0), self.size, self.size // 2)


class S2(nn.Module):
    """Layer S2: similarity exp(−‖patch − prototype‖² / 2α) of every patch to each prototype; α = (side / 4)².

    Args:
        prototypes: number of prototypes.
        patch: side of a prototype.
    """

    prototypes: Tensor

    def __init__(self, prototypes: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.register_buffer("prototypes", torch.rand(prototypes, ORIENTATIONS, patch, patch))

    def forward(self, c1: Tensor) -> Tensor:
        """Responses (batch, prototypes, rows − side + 1, columns − side + 1) to maps of C1."""
        ones = torch.ones_like(self.prototypes[:1])
        here = functional.conv2d(c1.square(), ones)
        there = self.prototypes.square().sum(dim=(1, 2, 3))[:, None, None]
        distance = (here - 2 * functional.conv2d(c1, self.prototypes) + there).clamp(min=0)
        return torch.exp(-distance / (2 * (self.patch / 4) ** 2))


def _pool(band: int) -> int:
    """Side of C1's neighborhood in a band, in pixels."""
    return 8 + 2 * band


def _reach(band: int, patch: int) -> int:
    """Shortest side of a frame for which a prototype fits into C1, in pixels."""
    return _pool(band) + (patch - 1) * (_pool(band) // 2)
