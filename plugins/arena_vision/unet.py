"""U-Net: a contracting path, and an expanding path with skip connections."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from arena_vision.maps import doubled, padded
from arena_vision.unpooling import Unpooling, max_pool, unpool

__all__ = ["UNet"]

#: Maps of the contracting path, and the indices of the max pooling after each.
Skips = list[tuple[Tensor, Tensor]]


class UNet(nn.Module):
    """U-Net: two convolutions per level, max pooling, and skip connections from the contracting to the expanding path.

    Without padding, as in the paper, the output is smaller than the frame: 572 × 572 gives 388 × 388. With padding,
    for small frames, it has equal size; the last row or column is repeated where sides cannot be halved that often.

    Source: Ronneberger, Fischer & Brox 2015, "U-Net: Convolutional Networks for Biomedical Image Segmentation".

    Args:
        inputs: channels of the frames.
        classes: number of classes.
        channels: channels of the first level; each level has twice as many as the one above.
        depth: number of levels below the first.
        padding: pad maps so that they keep their sides.
        upsampling: unpooling after a 1 × 1 convolution in the expanding path; None: a transposed convolution, as in the
            paper. Max unpooling needs padding.
    """

    def __init__(
        self,
        inputs: int,
        classes: int,
        channels: int = 64,
        depth: int = 4,
        *,
        padding: bool = False,
        upsampling: Unpooling | None = None,
    ) -> None:
        super().__init__()
        assert padding or upsampling != "max", (
            "without padding, maps of the expanding path are smaller than the pooling indices"
        )
        self.depth, self.padding, self.upsampling = depth, padding, upsampling
        widths = [channels * 2**level for level in range(depth + 1)]
        before = [inputs, *widths[:-2]]
        self.down = nn.ModuleList(
            doubled(a, b, padding=padding) for a, b in zip(before, widths[:-1], strict=True)
        )
        self.bottom = doubled(widths[-2], widths[-1], padding=padding)
        kind, size = (nn.ConvTranspose2d, 2) if upsampling is None else (nn.Conv2d, 1)
        self.up = nn.ModuleList(kind(2 * width, width, size, size) for width in widths[:-1])
        self.merge = nn.ModuleList(doubled(2 * width, width, padding=padding) for width in widths[:-1])
        self.score = nn.Conv2d(channels, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (batch, classes, height', width') of frames (batch, inputs, height, width)."""
        height, width = x.shape[-2:]
        bottom, skips = self.contract(padded(x, 2**self.depth) if self.padding else x)
        return self.expand(bottom, skips)[..., :height, :width]

    def contract(self, x: Tensor) -> tuple[Tensor, Skips]:
        """Contracting path: the lowest maps, and the skip connections."""
        skips: Skips = []
        for level in self.down:
            kept = level(x)
            x, switches = max_pool(kept, 2)
            skips.append((kept, switches))
        return self.bottom(x), skips

    def expand(self, x: Tensor, skips: Skips) -> Tensor:
        """Expanding path: logits from the lowest maps and the skip connections."""
        for i, (kept, switches) in reversed(list(enumerate(skips))):
            x = self.up[i](x)
            if self.upsampling is not None:
                x = unpool(x, 2, self.upsampling, switches)
            x = self.merge[i](torch.cat((_center_crop(kept, x), x), dim=1))
        logits: Tensor = self.score(x)
        return logits


def _center_crop(x: Tensor, like: Tensor) -> Tensor:
    """Center crop of a map to the size of another one."""
    top, left = ((x.shape[i] - like.shape[i]) // 2 for i in (-2, -1))
    return x[..., top : top + like.shape[-2], left : left + like.shape[-1]]
