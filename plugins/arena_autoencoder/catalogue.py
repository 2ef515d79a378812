"""What the plugin's encoders are called."""

from __future__ import annotations

from arena.specs import EncoderSpec

__all__ = ["ENCODER_SPECS"]

ENCODER_SPECS = (
    EncoderSpec(
        name="pca",
        summary="Principal components of a stream of observations, with an exact density",
        reference="Ross et al. 2008; Tipping & Bishop 1999",
        target="arena_autoencoder.pca:PCA",
    ),
    EncoderSpec(
        name="linear-ae",
        summary="Linear autoencoder: the principal components' subspace by gradients",
        reference="Baldi & Hornik 1989",
        target="arena_autoencoder.autoencoder:LinearAE",
    ),
    EncoderSpec(
        name="ae",
        summary="Autoencoder: a code from which the observation can be told again",
        reference="Hinton & Salakhutdinov 2006",
        target="arena_autoencoder.autoencoder:AE",
    ),
    EncoderSpec(
        name="denoising",
        summary="Autoencoder that tells a corrupted observation clean",
        reference="Vincent et al. 2008",
        target="arena_autoencoder.autoencoder:DenoisingAE",
    ),
    EncoderSpec(
        name="inpainting",
        summary="Autoencoder that tells the covered part of an observation",
        reference="Pathak et al. 2016",
        target="arena_autoencoder.inpainting:InpaintingAE",
    ),
    EncoderSpec(
        name="vae",
        summary="Variational autoencoder",
        reference="Kingma & Welling 2014; Burda et al. 2016 for log_prob with several draws",
        target="arena_autoencoder.vae:VAE",
    ),
    EncoderSpec(
        name="beta-vae",
        summary="Variational autoencoder with a weight on what the code costs",
        reference="Higgins et al. 2017",
        target="arena_autoencoder.vae:BetaVAE",
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
    ),
    EncoderSpec(
        name="recurrent-ae",
        summary="Recurrent autoencoder: what it remembers tells this observation and the next",
        reference="Srivastava et al. 2015, the composite model",
        target="arena_autoencoder.recurrent:RecurrentAE",
    ),
)
