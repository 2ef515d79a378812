"""Base class of encoders, and the protocols of their abilities."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

from torch import Generator, Tensor, nn

if TYPE_CHECKING:
    import gymnasium as gym
    from torch.distributions import Distribution

__all__ = [
    "Batch",
    "Decodes",
    "Encoder",
    "Encodes",
    "Inverts",
    "OptimizationGroup",
    "PartialFit",
    "Perceives",
    "Remembers",
    "Samples",
    "Scores",
]


class Batch(NamedTuple):
    """Batch of observations or sequences for training, with labels, actions and starts of episodes.

    Attributes:
        observation: observations of the environment's type: shape (batch, *space.shape); in a batch of sequences all
            tensors have the shape (length, batch, …).
        labels: true labels by name, shape (batch, *label space's shape). Empty where they are unknown, as in an agent.
        action: for sequences, the action before each observation, zero at the start of an episode. None for single
            observations, or without actions.
        begin: for sequences, bool, shape (length, batch): an episode starts with this observation. None for single
            observations.
    """

    observation: Tensor
    labels: Mapping[str, Tensor] = {}
    action: Tensor | None = None
    begin: Tensor | None = None


class OptimizationGroup(NamedTuple):
    """Parameters with their own optimizer and loss.

    Most encoders have one group. A generator and its critic are two groups, which are updated in turns.

    Attributes:
        parameters: parameters of the group.
        loss: function from a batch to the scalar that the group minimizes.
        updates: number of updates in a turn, each on a batch of its own.
    """

    parameters: Iterable[nn.Parameter]
    loss: Callable[[Batch], Tensor]
    updates: int = 1


class Encoder(nn.Module, ABC):
    """Base class of encoders: torch modules that learn from observations.

    An encoder has the abilities whose protocols below it implements; `loss` is the only required method.

    Random numbers in a loss, such as samples of a code, come from torch's global generator, which is the run's own
    during training.

    Args:
        space: space of one observation.
        config: an instance of its `Config`.
        labels: space of each label of the data, by name.

    Attributes:
        required_labels: names of the labels that training needs.
        metrics: metrics of the last loss, by name: scalars without gradient.
    """

    @dataclass(frozen=True)
    class Config:
        """No hyperparameters."""

    required_labels: tuple[str, ...] = ()

    def __init__(
        self, space: gym.Space[Any], config: Any, labels: Mapping[str, gym.Space[Any]] | None = None
    ) -> None:
        super().__init__()
        self.space, self.config, self.labels = space, config, labels or {}
        self.metrics: dict[str, Tensor] = {}

    @abstractmethod
    def loss(self, batch: Batch) -> Tensor:
        """Training loss, a scalar: minimized by a fit, and in joint training with an agent."""

    @classmethod
    def requested_labels(cls, config: Any) -> tuple[str, ...]:
        """Names of the labels that the data need for these options."""
        return ()

    def optimization_groups(self) -> Mapping[str, OptimizationGroup]:
        """Optimization groups, by name; by default one group of all parameters that minimizes `loss`."""
        return {"model": OptimizationGroup(list(self.parameters()), self.loss)}


@runtime_checkable
class PartialFit(Protocol):
    """Fit in one pass over the data, without gradients. Law: one epoch fits it, and further epochs change nothing."""

    def partial_fit(self, batch: Batch) -> None:
        """Update the statistics with a batch."""

    def finalize(self) -> None:
        """Compute the parameters from the statistics, after the last batch; may be called again."""


@runtime_checkable
class Encodes(Protocol):
    """Encode observations: distributions over codes.

    Laws: the mode is deterministic; a code does not depend on the other rows of a batch (exactly for equal batch sizes,
    up to rounding otherwise); saving and loading gives the identical code.
    """

    latent: gym.spaces.Box

    def encode(self, x: Tensor, *, given: Tensor | None = None) -> Distribution:
        """Distribution q(z | x) over codes of shape (batch, *latent.shape)."""


@runtime_checkable
class Perceives(Protocol):
    """Predict labels of observations, such as the class of every pixel or the state.

    Laws: it predicts all required labels, of the shapes and types of their spaces; each row independently of the
    others.
    """

    def perceive(self, x: Tensor) -> Mapping[str, Tensor]:
        """Predicted labels, by name: shape (batch, *label space's shape)."""


@runtime_checkable
class Decodes(Protocol):
    """Decode codes: distributions over observations. Law: shapes and types are those of the observation space."""

    def decode(self, z: Tensor, *, given: Tensor | None = None) -> Distribution:
        """Distribution p(x | z) over observations of shape (batch, *space.shape)."""


@runtime_checkable
class Samples(Protocol):
    """Sample observations. Laws: equal seeds give equal samples; samples lie in the space."""

    def sample(self, n: int, *, given: Tensor | None = None, generator: Generator | None = None) -> Tensor:
        """Samples of n observations, shape (n, *space.shape)."""


@runtime_checkable
class Scores(Protocol):
    """Compute log densities of observations. Law: exact densities sum to one on a tiny instance."""

    bound: ClassVar[Literal["exact", "lower", "energy"]]

    def log_prob(self, x: Tensor, *, given: Tensor | None = None) -> Tensor:
        """Log density ln p(x) in nats, its lower bound, or a negative energy, according to `bound`: shape (batch,)."""


@runtime_checkable
class Inverts(Protocol):
    """Bijection between observations and latents, for normalizing flows.

    Laws: the round trip is the identity; ``ladj`` equals the log of the absolute determinant of autograd's Jacobian.
    """

    def transform(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Latent z of x, and ln |det ∂z/∂x| of shape (batch,)."""

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Observation x of z, and ln |det ∂x/∂z| of shape (batch,)."""


@runtime_checkable
class Remembers(Protocol):
    """Recurrent encoding of sequences, with a memory that is one tensor of shape (batch, …).

    Laws: stepping through a sequence equals the full pass, also where episodes begin within it; all state is in
    `memory`, whose rows are independent.
    """

    def initial(self, batch: int) -> Tensor:
        """Initial memory, before an episode's first observation: shape (batch, …)."""

    def step(self, memory: Tensor, x: Tensor, action: Tensor | None = None) -> tuple[Tensor, Distribution]:
        """Memory after one more observation, and the distribution of its code.

        Args:
            memory: memory before it, shape (batch, …).
            x: observations, shape (batch, *space.shape).
            action: actions before the observations, shape (batch, …); None at the start of an episode, or if unknown.
        """

    def unroll(
        self, memory: Tensor, x: Tensor, action: Tensor | None = None, begin: Tensor | None = None
    ) -> tuple[Tensor, Distribution]:
        """Memory after a whole sequence, and the distribution of its codes, shape (length, batch, …).

        Args:
            memory: memory before it, shape (batch, …).
            x: observations, shape (length, batch, *space.shape).
            action: action before each observation, or None.
            begin: bool, shape (length, batch): an episode starts with this observation; None: nowhere.
        """
