"""What the plugin's encoders are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arena.specs import EncoderSpec, Preset

__all__ = ["ENCODER_SPECS"]

FOUR_ROOMS, CART_POLE = "arena/FourRooms-v0", "arena/CartPole-v0"

#: Frames of 13 × 13 and 24 × 24 pixels: one core fits an encoder to them in less than a minute.
FRAMES = {FOUR_ROOMS: {"observation": "pixels", "tile_size": 1}, CART_POLE: {"observation": "pixels", "image_size": 24}}

#: Convolutions that leave so small an image its places, and a code that is read off them without a layer between.
SMALL: dict[str, Any] = {"channels": (16, 32), "hidden": ()}

#: Updates after which the walker, one cell of FourRooms' 169, and the cart with its pole are in the code.
STEPS = {FOUR_ROOMS: 5_000, CART_POLE: 2_500}

#: The spread with which a walker of one pixel is worth its code from the start. One that is learned falls by at most
#: the step size an update, and where it is still wide the code costs more than it tells: it is given up.
SIGMA = 0.02


def _presets(rooms: Mapping[str, Any], pole: Mapping[str, Any], **options: Any) -> dict[str, Preset]:
    """Those of FourRooms and of CartPole, with what they share."""
    return {
        env: Preset(options={**own, **options}, env=FRAMES[env], steps=STEPS[env])
        for env, own in ((FOUR_ROOMS, rooms), (CART_POLE, pole))
    }


WIDE: dict[str, Any] = {"latent": 32}

#: Of linear codes: FourRooms' walker is at one of 104 places, no two of which have anything in common.
LINEAR = _presets({"latent": 104}, WIDE)

ENCODER_SPECS = (
    EncoderSpec(
        name="pca",
        summary="Principal components of a stream of observations, with an exact density",
        reference="Ross et al. 2008; Tipping & Bishop 1999",
        target="arena_autoencoder.pca:PCA",
        presets=LINEAR,
    ),
    EncoderSpec(
        name="linear-ae",
        summary="Linear autoencoder: the principal components' subspace by gradients",
        reference="Baldi & Hornik 1989",
        target="arena_autoencoder.autoencoder:LinearAE",
        presets=LINEAR,
    ),
    EncoderSpec(
        name="ae",
        summary="Autoencoder: a code from which the observation can be told again",
        reference="Hinton & Salakhutdinov 2006",
        target="arena_autoencoder.autoencoder:AE",
        presets=_presets(WIDE, WIDE, **SMALL),
    ),
    EncoderSpec(
        name="denoising",
        summary="Autoencoder that tells a corrupted observation clean",
        reference="Vincent et al. 2008",
        target="arena_autoencoder.autoencoder:DenoisingAE",
        presets=_presets(WIDE, WIDE, drop=0.0, noise=0.1, **SMALL),
    ),
    EncoderSpec(
        name="inpainting",
        summary="Autoencoder that tells the covered part of an observation",
        reference="Pathak et al. 2016",
        target="arena_autoencoder.inpainting:InpaintingAE",
        presets=_presets(WIDE, WIDE, **SMALL),
    ),
    EncoderSpec(
        name="vae",
        summary="Variational autoencoder",
        reference="Kingma & Welling 2014; Burda et al. 2016 for log_prob with several draws",
        target="arena_autoencoder.vae:VAE",
        presets=_presets(WIDE, WIDE, sigma=SIGMA, **SMALL),
    ),
    EncoderSpec(
        name="beta-vae",
        summary="Variational autoencoder with a weight on what the code costs",
        reference="Higgins et al. 2017",
        target="arena_autoencoder.vae:BetaVAE",
        presets=_presets(WIDE, WIDE, sigma=SIGMA, **SMALL),
    ),
    EncoderSpec(
        name="semi-supervised-vae",
        summary="Variational autoencoder of class and style, with few classes known",
        reference="Kingma et al. 2014, model M2",
        target="arena_autoencoder.semi_supervised:SemiSupervisedVAE",
    ),
    EncoderSpec(
        name="hierarchical-vae",
        summary="Variational autoencoder with a ladder of codes",
        reference="Rezende et al. 2014; Sønderby et al. 2016",
        target="arena_autoencoder.hierarchical:HierarchicalVAE",
        presets=_presets({}, {}, latents=(32, 16), sigma=SIGMA, **SMALL),
    ),
    EncoderSpec(
        name="recurrent-ae",
        summary="Recurrent autoencoder: what it remembers tells this observation and the next",
        reference="Srivastava et al. 2015, the composite model",
        target="arena_autoencoder.recurrent:RecurrentAE",
        presets={
            env: Preset(options=SMALL, env=frames, steps=500)  # of 64 sequences each
            for env, frames in FRAMES.items()
        },
    ),
)
