"""The hyperparameters that autoencoders share."""

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
    """What stands between an observation and its code, none of it by default: a linear map.

    Attributes:
        hidden: units of the fully connected layers, from the observation's side.
        channels: of the convolutions before them.
    """

    hidden: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()


@dataclass(frozen=True)
class LikelihoodOptions:
    """What an observation is thought to be, given its reconstruction."""

    likelihood: Literal["gaussian", "bernoulli", "logistic"] = "gaussian"
    """The distribution of every number: gaussian for any; bernoulli for numbers from 0 to 1, bytes as shares of the
    greatest; logistic, discretised, for the levels of bytes."""

    sigma: Annotated[float | None, Positive] = 0.1
    """The spread of gaussian and logistic in scaled numbers, in which bytes go from 0 to 1; None learns one number."""

    @property
    def layers(self) -> Layers:
        """None."""
        return Layers()


@dataclass(frozen=True)
class LinearOptions(LikelihoodOptions):
    """Those of a linear code."""

    latent: Count = 16
    """Numbers of a code."""


@dataclass(frozen=True)
class LayerOptions:
    """The layers of the networks; a mixin."""

    hidden: tuple[Count, ...] = (128,)
    """Units of each fully connected layer on the way to the code, and in reverse on the way back."""

    channels: tuple[Count, ...] = (16, 32, 64)
    """Channels of convolutions that halve an image one after another, and in reverse on the way back; an image of which
    they would leave less than 2 × 2 pixels has none."""

    @property
    def layers(self) -> Layers:
        """As said."""
        return Layers(self.hidden, self.channels)


@dataclass(frozen=True)
class NetworkOptions(LayerOptions, LinearOptions):
    """Those of a code behind layers."""


@dataclass(frozen=True)
class VariationalOptions(LayerOptions, LikelihoodOptions):
    """Those of every variational autoencoder."""

    sigma: Annotated[float | None, Positive] = None
    """The spread of gaussian and logistic in scaled numbers, in which bytes go from 0 to 1; None learns one number."""

    importance: Count = 1
    """Draws of the code that log_prob weighs: 1 estimates the ELBO, more the tighter bound of Burda et al. 2016."""


@dataclass(frozen=True)
class VAEOptions(VariationalOptions, LinearOptions):
    """Those of one with a single code."""
