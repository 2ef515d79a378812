"""Registered autoencoders, with their presets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arena.plugins.specs import EncoderSpec, Preset

__all__ = ["ENCODER_SPECS"]

FOUR_ROOMS, CART_POLE = "arena/FourRooms-v0", "arena/CartPole-v0"

#: Frames of 13 × 13 and 24 × 24 pixels: one core fits an encoder to them in less than a minute.
FRAMES = {
    FOUR_ROOMS: {"observation": "pixels", "tile_size": 1},
    CART_POLE: {"observation": "pixels", "image_size": 24},
}

#: Convolutions that keep positions of so small an image, with a code computed from them without hidden layers.
SMALL: dict[str, Any] = {"channels": (16, 32), "hidden_sizes": ()}

#: Updates after which the code contains the walker, one cell of FourRooms' 169, and the cart with its pole.
STEPS = {FOUR_ROOMS: 5_000, CART_POLE: 2_500}

#: Standard deviation with which encoding a walker of one pixel lowers the loss from the start. A learned σ falls by at
#: most the learning rate an update, and while it is large, the KL divergence outweighs the better reconstruction.
SIGMA = 0.02


def _presets(rooms: Mapping[str, Any], pole: Mapping[str, Any], **options: Any) -> dict[str, Preset]:
    """Presets for FourRooms and CartPole, with shared options."""
    return {
        env: Preset(options={**own, **options}, env=FRAMES[env], steps=STEPS[env])
        for env, own in ((FOUR_ROOMS, rooms), (CART_POLE, pole))
    }


WIDE: dict[str, Any] = {"latent": 32}

#: Presets of linear codes: FourRooms' walker is at one of 104 positions, whose frames are mutually orthogonal.
LINEAR = _presets({"latent": 104}, WIDE)

ENCODER_SPECS = (
    EncoderSpec(
        name="pca",
        summary="Principal component analysis of a stream of observations, with an exact density",
        reference="Ross et al. 2008; Tipping & Bishop 1999",
        target="arena_autoencoder.pca:PCA",
        presets=LINEAR,
    ),
    EncoderSpec(
        name="linear-ae",
        summary="Linear autoencoder: learns the subspace of the principal components by gradient descent",
        reference="Baldi & Hornik 1989",
        target="arena_autoencoder.autoencoder:LinearAE",
        presets=LINEAR,
    ),
    EncoderSpec(
        name="ae",
        summary="Autoencoder: learns a code from which the observation is reconstructed",
        reference="Hinton & Salakhutdinov 2006",
        target="arena_autoencoder.autoencoder:AE",
        presets=_presets(WIDE, WIDE, **SMALL),
    ),
    EncoderSpec(
        name="denoising",
        summary="Denoising autoencoder: reconstructs the clean observation from a corrupted one",
        reference="Vincent et al. 2008",
        target="arena_autoencoder.autoencoder:DenoisingAE",
        presets=_presets(WIDE, WIDE, mask_fraction=0.0, noise_std=0.1, **SMALL),
    ),
    EncoderSpec(
        name="inpainting",
        summary="Inpainting autoencoder: reconstructs the masked part of an observation",
        reference="Pathak et al. 2016",
        target="arena_autoencoder.inpainting:InpaintingAE",
        presets=_presets(WIDE, WIDE, **SMALL),
    ),
    EncoderSpec(
        name="vae",
        summary="Variational autoencoder (VAE): Gaussian code, trained by the evidence lower bound",
        reference="Kingma & Welling 2014; Burda et al. 2016 for log_prob with several draws",
        target="arena_autoencoder.vae:VAE",
        presets=_presets(WIDE, WIDE, sigma=SIGMA, **SMALL),
    ),
    EncoderSpec(
        name="beta-vae",
        summary="β-VAE: variational autoencoder with a weight on the KL divergence of the code",
        reference="Higgins et al. 2017",
        target="arena_autoencoder.vae:BetaVAE",
        presets=_presets(WIDE, WIDE, sigma=SIGMA, **SMALL),
    ),
    EncoderSpec(
        name="semi-supervised-vae",
        summary="Semi-supervised VAE: a class and a Gaussian code, with class labels for few observations",
        reference="Kingma et al. 2014, model M2",
        target="arena_autoencoder.semi_supervised:SemiSupervisedVAE",
    ),
    EncoderSpec(
        name="hierarchical-vae",
        summary="Hierarchical VAE: several layers of Gaussian codes",
        reference="Rezende et al. 2014; Sønderby et al. 2016",
        target="arena_autoencoder.hierarchical:HierarchicalVAE",
        presets=_presets({}, {}, latents=(32, 16), sigma=SIGMA, **SMALL),
    ),
    EncoderSpec(
        name="recurrent-ae",
        summary="Recurrent autoencoder: reconstructs the current observation and predicts the next one from its memory",
        reference="Srivastava et al. 2015, the composite model",
        target="arena_autoencoder.recurrent:RecurrentAE",
        presets={
            env: Preset(options=SMALL, env=frames, steps=500)  # of 64 sequences each
            for env, frames in FRAMES.items()
        },
    ),
)
