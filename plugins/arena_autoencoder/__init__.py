"""Autoencoders: principal components, plain, denoising, inpainting, recurrent and variational autoencoders.

The names are imported on first use, so that importing this package costs nothing: `arena list` reads
`arena_autoencoder.plugin` without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena.plugins.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from arena_autoencoder.autoencoder import AE, DenoisingAE, LinearAE
    from arena_autoencoder.hierarchical import HierarchicalVAE
    from arena_autoencoder.inpainting import InpaintingAE
    from arena_autoencoder.pca import PCA
    from arena_autoencoder.semi_supervised import SemiSupervisedVAE
    from arena_autoencoder.vae import VAE, BetaVAE

__all__ = [
    "AE",
    "PCA",
    "VAE",
    "BetaVAE",
    "DenoisingAE",
    "HierarchicalVAE",
    "InpaintingAE",
    "LinearAE",
    "SemiSupervisedVAE",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        ".autoencoder": ["AE", "DenoisingAE", "LinearAE"],
        ".hierarchical": ["HierarchicalVAE"],
        ".inpainting": ["InpaintingAE"],
        ".pca": ["PCA"],
        ".semi_supervised": ["SemiSupervisedVAE"],
        ".vae": ["BetaVAE", "VAE"],
    },
)
