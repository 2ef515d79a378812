"""Autoencoders: principal components, plain, denoising, inpainting, recurrent and variational autoencoders.

The names are imported on first use, so that importing this package costs nothing: `arena list` reads
`arena_autoencoder.plugin` without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arena_autoencoder.autoencoder import AE, DenoisingAE, LinearAE
    from arena_autoencoder.hierarchical import HierarchicalVAE
    from arena_autoencoder.inpainting import InpaintingAE
    from arena_autoencoder.pca import PCA
    from arena_autoencoder.semi_supervised import SemiSupervisedVAE
    from arena_autoencoder.vae import VAE, BetaVAE

_HOMES = {
    "AE": "autoencoder",
    "BetaVAE": "vae",
    "DenoisingAE": "autoencoder",
    "HierarchicalVAE": "hierarchical",
    "InpaintingAE": "inpainting",
    "LinearAE": "autoencoder",
    "PCA": "pca",
    "SemiSupervisedVAE": "semi_supervised",
    "VAE": "vae",
}

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


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'arena_autoencoder' has no attribute {name!r}")
    return getattr(importlib.import_module(f"arena_autoencoder.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
