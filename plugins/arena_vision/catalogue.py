"""Registered image encoders, with their presets."""

from __future__ import annotations

from typing import Any

from arena.plugins.specs import EncoderSpec, Preset

__all__ = ["SPECS"]

FOUR_ROOMS, CART_POLE = "arena/FourRooms-v0", "arena/CartPole-v0"

#: Frames of 13 × 13 and 24 × 24 pixels.
FRAMES = {
    FOUR_ROOMS: {"observation": "pixels", "tile_size": 1},
    CART_POLE: {"observation": "pixels", "image_size": 24},
}


def _presets(rooms: int | None, pole: int | None, **options: Any) -> dict[str, Preset]:
    """Presets for FourRooms and CartPole, with updates that take one core less than a minute."""
    return {
        env: Preset(options=options, env=frames, steps=steps)
        for (env, frames), steps in zip(FRAMES.items(), (rooms, pole), strict=True)
    }


#: Label that both a control task and a gridworld have for a whole frame; and few channels, for small frames.
STATE, SLIM = {"label": "state"}, {"label": "state", "width_multiplier": 0.125}

#: Only a gridworld labels every pixel with a class.
MAPS = {FOUR_ROOMS: Preset(options={"channels": 8}, env=FRAMES[FOUR_ROOMS], steps=700)}

SPECS = (
    EncoderSpec(
        name="neocognitron",
        summary="Neocognitron: unsupervised S-cells that learn patterns, and C-cells that tolerate shifts",
        reference="Fukushima 1980",
        target="arena_vision.encoders:NeocognitronEncoder",
        presets=_presets(250, 180, **STATE),
    ),
    EncoderSpec(
        name="hmax",
        summary="HMAX: Gabor filters, maxima over positions and scales, and prototypes",
        reference="Riesenhuber & Poggio 1999; Serre et al. 2007",
        target="arena_vision.encoders:HMAXEncoder",
        presets=_presets(2_000, 2_000, **STATE),
    ),
    EncoderSpec(
        name="lenet",
        summary="LeNet-5 convolutional network, with its sparsely connected third layer",
        reference="LeCun et al. 1998, II.B",
        target="arena_vision.encoders:LeNetEncoder",
        presets=_presets(2_000, 1_200, **STATE),
    ),
    EncoderSpec(
        name="alexnet",
        summary="AlexNet convolutional network, in one column",
        reference="Krizhevsky et al. 2012; Krizhevsky 2014",
        target="arena_vision.encoders:AlexNetEncoder",
        presets=_presets(2_000, 1_500, **SLIM),
    ),
    EncoderSpec(
        name="googlenet",
        summary="GoogLeNet: Inception modules, with both auxiliary classifiers",
        reference="Szegedy et al. 2015",
        target="arena_vision.encoders:GoogLeNetEncoder",
        presets=_presets(250, 90, **SLIM),
    ),
    EncoderSpec(
        name="resnet18",
        summary="Residual network with 18 layers",
        reference="He et al. 2016",
        target="arena_vision.encoders:ResNet18Encoder",
        presets=_presets(1_000, 600, **SLIM),
    ),
    EncoderSpec(
        name="resnet50",
        summary="Residual network with 50 layers, with bottleneck blocks",
        reference="He et al. 2016",
        target="arena_vision.encoders:ResNet50Encoder",
        presets=_presets(400, 180, **SLIM),
    ),
    EncoderSpec(
        name="fcn",
        summary="Fully convolutional network for semantic segmentation: predicts the class of every pixel or cell",
        reference="Long et al. 2015",
        target="arena_vision.segmentation:FCNEncoder",
        presets=MAPS,
    ),
    EncoderSpec(
        name="unet",
        summary="U-Net for semantic segmentation: a contracting and an expanding path with skip connections",
        reference="Ronneberger et al. 2015",
        target="arena_vision.segmentation:UNetEncoder",
        presets=MAPS,
    ),
    EncoderSpec(
        name="regressor",
        summary="Recognition network of any architecture that predicts the state",
        target="arena_vision.encoders:Regressor",
        presets=_presets(2_000, 1_200),
    ),
    EncoderSpec(
        name="random-cnn",
        summary="Recognition network with random weights, as a baseline",
        target="arena_vision.encoders:RandomCNN",
        presets=_presets(None, None),
    ),
)
