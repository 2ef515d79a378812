"""What the plugin's encoders are called."""

from __future__ import annotations

from typing import Any

from arena.specs import EncoderSpec, Preset

__all__ = ["SPECS"]

FOUR_ROOMS, CART_POLE = "arena/FourRooms-v0", "arena/CartPole-v0"

#: Frames of 13 × 13 and 24 × 24 pixels.
FRAMES = {FOUR_ROOMS: {"observation": "pixels", "tile_size": 1}, CART_POLE: {"observation": "pixels", "image_size": 24}}


def _presets(rooms: int | None, pole: int | None, **options: Any) -> dict[str, Preset]:
    """Those of FourRooms and CartPole: so many updates take one core less than a minute."""
    return {
        env: Preset(options=options, env=frames, steps=steps)
        for (env, frames), steps in zip(FRAMES.items(), (rooms, pole), strict=True)
    }


#: What a control task and a gridworld both tell of a whole frame; and channels enough for so small a one.
STATE, SLIM = {"label": "state"}, {"label": "state", "share": 0.125}

#: Of a gridworld alone the class of every pixel is known.
MAPS = {FOUR_ROOMS: Preset(options={"channels": 8}, env=FRAMES[FOUR_ROOMS], steps=700)}

SPECS = (
    EncoderSpec(
        name="neocognitron",
        summary="S-cells that organise themselves, C-cells that forgive shifts",
        reference="Fukushima 1980",
        target="arena_vision.encoders:NeocognitronEncoder",
        presets=_presets(250, 180, **STATE),
    ),
    EncoderSpec(
        name="hmax",
        summary="Gabor filters, maxima over places and scales, prototypes",
        reference="Riesenhuber & Poggio 1999; Serre et al. 2007",
        target="arena_vision.encoders:HMAXEncoder",
        presets=_presets(2_000, 2_000, **STATE),
    ),
    EncoderSpec(
        name="lenet",
        summary="LeNet-5, with its sparse third layer",
        reference="LeCun et al. 1998, II.B",
        target="arena_vision.encoders:LeNetEncoder",
        presets=_presets(2_000, 1_200, **STATE),
    ),
    EncoderSpec(
        name="alexnet",
        summary="AlexNet in one column",
        reference="Krizhevsky et al. 2012; Krizhevsky 2014",
        target="arena_vision.encoders:AlexNetEncoder",
        presets=_presets(2_000, 1_500, **SLIM),
    ),
    EncoderSpec(
        name="googlenet",
        summary="GoogLeNet, with both auxiliary heads",
        reference="Szegedy et al. 2015",
        target="arena_vision.encoders:GoogLeNetEncoder",
        presets=_presets(250, 90, **SLIM),
    ),
    EncoderSpec(
        name="resnet18",
        summary="A residual network of 18 layers",
        reference="He et al. 2016",
        target="arena_vision.encoders:ResNet18Encoder",
        presets=_presets(1_000, 600, **SLIM),
    ),
    EncoderSpec(
        name="resnet50",
        summary="A residual network of 50 layers, with bottlenecks",
        reference="He et al. 2016",
        target="arena_vision.encoders:ResNet50Encoder",
        presets=_presets(400, 180, **SLIM),
    ),
    EncoderSpec(
        name="fcn",
        summary="A fully convolutional network: the class of every place",
        reference="Long et al. 2015",
        target="arena_vision.segmentation:FCNEncoder",
        presets=MAPS,
    ),
    EncoderSpec(
        name="unet",
        summary="U-Net: the class of every place, from a way down and a way up",
        reference="Ronneberger et al. 2015",
        target="arena_vision.segmentation:UNetEncoder",
        presets=MAPS,
    ),
    EncoderSpec(
        name="regressor",
        summary="Any of the recognition networks, which tells the state",
        target="arena_vision.encoders:Regressor",
        presets=_presets(2_000, 1_200),
    ),
    EncoderSpec(
        name="random-cnn",
        summary="Any of the recognition networks as it was drawn: the control",
        target="arena_vision.encoders:RandomCNN",
        presets=_presets(None, None),
    ),
)
