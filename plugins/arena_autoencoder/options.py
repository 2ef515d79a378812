"""Hyperparameters that several autoencoders share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from arena.config.options import Between, Positive

__all__ = [
    "Count",
    "Layers",
    "LikelihoodOptions",
    "LinearOptions",
    "NetworkOptions",
    "VAEOptions",
    "VariationalOptions",
]

Count = Annotated[int, Between(1, None)]


class Layers(NamedTuple):
    """Layers between an observation and its code; without any, a linear map.

    Attributes:
        hidden_sizes: units of the fully connected layers, from the observation's side.
        channels: channels of the convolutions before them.
    """

    hidden_sizes: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()


@dataclass(frozen=True)
class LikelihoodOptions:
    """Options of the likelihood of an observation, given its reconstruction."""

    likelihood: Literal["gaussian", "bernoulli", "logistic"] = "gaussian"
    """Distribution of each number of an observation: gaussian for any numbers; bernoulli for numbers in [0, 1], with
    bytes divided by the greatest byte; logistic (discretized) for bytes."""

    sigma: Annotated[float | None, Positive] = 0.1
    """Scale σ of the gaussian and logistic likelihoods, where bytes are scaled to [0, 1]; None: learned. Smaller values
    weight the reconstruction more."""

    @property
    def layers(self) -> Layers:
        """Hidden layers: none."""
        return Layers()


@dataclass(frozen=True)
class LinearOptions(LikelihoodOptions):
    """Options of an encoder with a linear code."""

    latent: Count = 16
    """Size of the code; a larger code loses less of the observation."""


@dataclass(frozen=True)
class LayerOptions:
    """Options of the networks' layers; a mixin."""

    hidden_sizes: tuple[Count, ...] = (128,)
    """Units of each fully connected layer of the encoder network; the decoder network has them in reverse."""

    channels: tuple[Count, ...] = (16, 32, 64)
    """Channels of the convolutions, each of which halves an image; the decoder network has them in reverse. An image
    that they would reduce to less than 2 × 2 pixels is read without convolutions."""

    @property
    def layers(self) -> Layers:
        """Layers of these options."""
        return Layers(self.hidden_sizes, self.channels)


@dataclass(frozen=True)
class NetworkOptions(LayerOptions, LinearOptions):
    """Options of an encoder with hidden layers."""


@dataclass(frozen=True)
class VariationalOptions(LayerOptions, LikelihoodOptions):
    """Options of every variational autoencoder."""

    sigma: Annotated[float | None, Positive] = None
    """Scale σ of the gaussian and logistic likelihoods, where bytes are scaled to [0, 1]; None: learned. Smaller values
    weight the reconstruction more."""

    importance_samples: Count = 1
    """Number of samples of the code in log_prob: 1 estimates the ELBO, more the tighter bound of Burda et al. 2016."""


@dataclass(frozen=True)
class VAEOptions(VariationalOptions, LinearOptions):
    """Options of a variational autoencoder with one code."""
