"""What the plugin's encoders are called."""

from __future__ import annotations

from arena.specs import EncoderSpec

__all__ = ["SPECS"]

SPECS = (
    EncoderSpec(
        name="neocognitron",
        summary="S-cells that organise themselves, C-cells that forgive shifts",
        reference="Fukushima 1980",
        target="arena_vision.encoders:NeocognitronEncoder",
    ),
    EncoderSpec(
        name="hmax",
        summary="Gabor filters, maxima over places and scales, prototypes",
        reference="Riesenhuber & Poggio 1999; Serre et al. 2007",
        target="arena_vision.encoders:HMAXEncoder",
    ),
    EncoderSpec(
        name="lenet",
        summary="LeNet-5, with its sparse third layer",
        reference="LeCun et al. 1998, II.B",
        target="arena_vision.encoders:LeNetEncoder",
    ),
    EncoderSpec(
        name="alexnet",
        summary="AlexNet in one column",
        reference="Krizhevsky et al. 2012; Krizhevsky 2014",
        target="arena_vision.encoders:AlexNetEncoder",
    ),
    EncoderSpec(
        name="googlenet",
        summary="GoogLeNet, with both auxiliary heads",
        reference="Szegedy et al. 2015",
        target="arena_vision.encoders:GoogLeNetEncoder",
    ),
    EncoderSpec(
        name="resnet18",
        summary="A residual network of 18 layers",
        reference="He et al. 2016",
        target="arena_vision.encoders:ResNet18Encoder",
    ),
    EncoderSpec(
        name="resnet50",
        summary="A residual network of 50 layers, with bottlenecks",
        reference="He et al. 2016",
        target="arena_vision.encoders:ResNet50Encoder",
    ),
    EncoderSpec(
        name="fcn",
        summary="A fully convolutional network: the class of every place",
        reference="Long et al. 2015",
        target="arena_vision.segmentation:FCNEncoder",
    ),
    EncoderSpec(
        name="unet",
        summary="U-Net: the class of every place, from a way down and a way up",
        reference="Ronneberger et al. 2015",
        target="arena_vision.segmentation:UNetEncoder",
    ),
    EncoderSpec(
        name="regressor",
        summary="Any of the recognition networks, which tells the state",
        target="arena_vision.encoders:Regressor",
    ),
    EncoderSpec(
        name="random-cnn",
        summary="Any of the recognition networks as it was drawn: the control",
        target="arena_vision.encoders:RandomCNN",
    ),
)
