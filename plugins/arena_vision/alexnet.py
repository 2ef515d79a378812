"""AlexNet: the convolutional network that won the ImageNet challenge in 2012."""

from __future__ import annotations

from torch import Tensor, nn

from arena_vision.trunk import Image, Trunk, small_stride, wide

__all__ = ["AlexNet"]


class AlexNet(Trunk):
    """AlexNet: five convolutions, three overlapping max pools, two hidden layers of 4096 units with dropout.

    With a last layer of 1000 classes it has 61,100,840 parameters. This is the network of one column; the paper's two
    columns served to fit it into two GPUs.

    Source: Krizhevsky, Sutskever & Hinton 2012; in one column Krizhevsky 2014, "One weird trick", section 2.

    Initial weights have the variance 2 / inputs (He et al. 2015), with which it learns without batch norm.

    Args:
        image: shape of the frames. For small frames a 3 × 3 convolution replaces the first, 11 × 11 with stride 4,
            and maps of less than 6 × 6 are not enlarged to that before the hidden layers.
        width_multiplier: ratio of channels to those of the paper.
    """

    def __init__(self, image: Image, width_multiplier: float = 1.0) -> None:
        super().__init__()
        a, b, c, d = (wide(channels, width_multiplier) for channels in (64, 192, 384, 256))
        stride = small_stride(image)
        if stride is None:
            first, size, padding = nn.Conv2d(image[0], a, 11, 4, 2), 5, 0
        else:
            first, size, padding = nn.Conv2d(image[0], a, 3, stride, 1), 3, 1
        self.features = nn.Sequential(
            *(first, nn.ReLU(), nn.MaxPool2d(3, 2, padding)),
            *(nn.Conv2d(a, b, size, padding=size // 2), nn.ReLU(), nn.MaxPool2d(3, 2, padding)),
            *(nn.Conv2d(b, c, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(c, d, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(d, d, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, padding)),
        )
        rows, columns = (6 if stride is None else min(6, -(-side // (8 * stride))) for side in image[1:])
        self.average = nn.AdaptiveAvgPool2d((rows, columns))
        self.width = wide(4096, width_multiplier)
        self.hidden = nn.Sequential(
            *(nn.Dropout(), nn.Linear(d * rows * columns, self.width), nn.ReLU()),
            *(nn.Dropout(), nn.Linear(self.width, self.width), nn.ReLU()),
        )

        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.hidden(self.average(self.features(x)).flatten(1))
        return features
