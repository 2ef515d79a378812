"""U-Net: a way down that sees more and more at once, and a way up that is reminded of every place's details."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from arena_vision.maps import doubled, padded
from arena_vision.unpooling import Unpooling, max_pool, unpool

__all__ = ["UNet"]

#: Maps of the way down, and the switches of the pooling behind each.
Skips = list[tuple[Tensor, Tensor]]


class UNet(nn.Module):
    """Two convolutions a level, pooling on the way down, and on the way up the maps of the way down beside one's own.

    As in the paper, without padding, the output is smaller than the frame: 572 × 572 gives 388 × 388. With padding,
    the form for small frames, it is as large; a last row or column is repeated where sides cannot be halved so often.

    Source: Ronneberger, Fischer & Brox 2015, "U-Net: Convolutional Networks for Biomedical Image Segmentation".

    Args:
        inputs: channels of the frames.
        classes: how many.
        channels: of the first level; each has twice as many as the one above.
        depth: levels below the first.
        padding: whether maps keep their sides.
        upsampling: by what the way up doubles sides: a learned transposed convolution (the paper), or an unpooling
            behind a 1 × 1 convolution; max unpooling needs the padding.
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
            "without padding, maps on the way up are smaller than their switches"
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
        """Frames (batch, inputs, height, width) to logits (batch, classes, height', width')."""
        height, width = x.shape[-2:]
        bottom, skips = self.contract(padded(x, 2**self.depth) if self.padding else x)
        return self.expand(bottom, skips)[..., :height, :width]

    def contract(self, x: Tensor) -> tuple[Tensor, Skips]:
        """The way down: the lowest maps, and what the way up is reminded of."""
        skips: Skips = []
        for level in self.down:
            kept = level(x)
            x, switches = max_pool(kept, 2)
            skips.append((kept, switches))
        return self.bottom(x), skips

    def expand(self, x: Tensor, skips: Skips) -> Tensor:
        """The way up: logits."""
        for i, (kept, switches) in reversed(list(enumerate(skips))):
            x = self.up[i](x)
            if self.upsampling is not None:
                x = unpool(x, 2, self.upsampling, switches)
            x = self.merge[i](torch.cat((_centre(kept, x), x), dim=1))
        logits: Tensor = self.score(x)
        return logits


def _centre(x: Tensor, like: Tensor) -> Tensor:
    """The middle of a map, as large as another one."""
    top, left = ((x.shape[i] - like.shape[i]) // 2 for i in (-2, -1))
    return x[..., top : top + like.shape[-2], left : left + like.shape[-1]]
