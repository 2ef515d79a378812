"""What an encoder is: a module that perceives, and says by protocol what else it can do."""

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
    "Absorbs",
    "Batch",
    "Decodes",
    "Encoder",
    "Encodes",
    "Inverts",
    "Perceives",
    "Player",
    "Remembers",
    "Samples",
    "Scores",
]


class Batch(NamedTuple):
    """Observations to learn from, and what is known of them.

    Attributes:
        observation: as an environment gives them, of its type: shape (batch, *space.shape).
        labels: by name, shape (batch, *label space's shape): the truth that a perceiver learns to tell. Empty where
            nobody knows it, as in an agent.
        action: of sequences, whose tensors have the shape (length, batch, …): what led to each observation, zero where
            an episode begins. None otherwise, or where nobody acted.
        begin: of sequences, bool, shape (length, batch): an episode begins with this observation. None otherwise.
    """

    observation: Tensor
    labels: Mapping[str, Tensor] = {}
    action: Tensor | None = None
    begin: Tensor | None = None


class Player(NamedTuple):
    """Parameters that an optimiser of their own moves down a loss of their own.

    Most encoders are one player. A generator and its critic are two, who take turns.

    Attributes:
        parameters: what it moves.
        loss: what of a batch it lowers.
        updates: how many batches it learns from before it is the next one's turn.
    """

    parameters: Iterable[nn.Parameter]
    loss: Callable[[Batch], Tensor]
    updates: int = 1


class Encoder(nn.Module, ABC):
    """A module that learns from observations and turns them into something an agent can use.

    What it can do beside that, it says by having the methods of the protocols below; nothing else is asked.

    Whatever is random in a loss, such as a draw from a code's distribution, comes from torch's global generator,
    which is the run's own while it trains.

    Args:
        space: of the observations that it is for.
        config: an instance of its `Config`.
        labels: the space of each label that comes with the observations.

    Attributes:
        needs: the labels without which it cannot learn.
        metrics: what its last loss was made of, by name: scalars without gradient.
    """

    @dataclass(frozen=True)
    class Config:
        """No hyperparameters."""

    needs: tuple[str, ...] = ()

    def __init__(
        self, space: gym.Space[Any], config: Any, labels: Mapping[str, gym.Space[Any]] | None = None
    ) -> None:
        super().__init__()
        self.space, self.config, self.labels = space, config, labels or {}
        self.metrics: dict[str, Tensor] = {}

    @abstractmethod
    def loss(self, batch: Batch) -> Tensor:
        """The scalar that training lowers, on its own and jointly with an agent."""

    @classmethod
    def asks(cls, config: Any) -> tuple[str, ...]:
        """The labels that an environment is to be asked for, with such hyperparameters."""
        return ()

    def players(self) -> Mapping[str, Player]:
        """Who learns, by name; by default all parameters go down `loss`."""
        return {"model": Player(list(self.parameters()), self.loss)}


@runtime_checkable
class Absorbs(Protocol):
    """Learns without gradients, from every batch once. Law: one epoch fits it, and more teach it nothing."""

    def absorb(self, batch: Batch) -> None:
        """Takes a batch in."""
        ...

    def finish(self) -> None:
        """All have been taken in."""
        ...


@runtime_checkable
class Encodes(Protocol):
    """Gives an observation a code.

    Laws: the mode is deterministic; a code does not depend on its batch-mates (exactly at equal batch size, to
    rounding otherwise); saving and loading gives the identical code.
    """

    latent: gym.spaces.Box

    def encode(self, x: Tensor, *, given: Tensor | None = None) -> Distribution:
        """q(z | x), over codes of shape (batch, *latent.shape)."""
        ...


@runtime_checkable
class Perceives(Protocol):
    """Tells the labels of an observation, such as the class of every pixel or the state.

    Laws: it tells those that it needs, of the shapes and types of their spaces; each observation by itself.
    """

    def perceive(self, x: Tensor) -> Mapping[str, Tensor]:
        """What it takes each label to be, by name: shape (batch, *label space's shape)."""
        ...


@runtime_checkable
class Decodes(Protocol):
    """Gives a code an observation. Law: shapes and dtypes are those of the observation space."""

    def decode(self, z: Tensor, *, given: Tensor | None = None) -> Distribution:
        """p(x | z), over observations of shape (batch, *space.shape)."""
        ...


@runtime_checkable
class Samples(Protocol):
    """Draws observations. Laws: the same seed gives the same ones; they lie in the space."""

    def sample(self, n: int, *, given: Tensor | None = None, generator: Generator | None = None) -> Tensor:
        """N observations, shape (n, *space.shape)."""
        ...


@runtime_checkable
class Scores(Protocol):
    """Says how likely an observation is. Law: exact densities sum to one on a tiny instance."""

    bound: ClassVar[Literal["exact", "lower", "energy"]]

    def log_prob(self, x: Tensor, *, given: Tensor | None = None) -> Tensor:
        """Ln p(x) in nats, a lower bound of it, or a negative energy, as `bound` says: shape (batch,)."""
        ...


@runtime_checkable
class Inverts(Protocol):
    """A bijection; its one direction everywhere is from data to latent.

    Laws: the round trip is the identity; ``ladj`` equals the log of the absolute determinant of autograd's Jacobian.
    """

    def transform(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The latent, and ln |det ∂z/∂x| of shape (batch,)."""
        ...

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The observation, and ln |det ∂x/∂z| of shape (batch,)."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """Perceives sequences, with a memory that is one tensor of shape (batch, …).

    Laws: stepping through a sequence equals the full pass, also where episodes begin within it; all memory is in
    `memory`, a lane's own.
    """

    def initial(self, batch: int) -> Tensor:
        """The memory before an episode's first observation: shape (batch, …)."""
        ...

    def step(self, memory: Tensor, x: Tensor, action: Tensor | None = None) -> tuple[Tensor, Distribution]:
        """The memory after one more observation, and the code's distribution.

        Args:
            memory: before it, shape (batch, …).
            x: shape (batch, *space.shape).
            action: what led there, shape (batch, …); None at an episode's beginning, and where nobody knows.
        """
        ...

    def unroll(
        self, memory: Tensor, x: Tensor, action: Tensor | None = None, begin: Tensor | None = None
    ) -> tuple[Tensor, Distribution]:
        """The memory after a whole sequence, and the distribution of its codes, shape (length, batch, …).

        Args:
            memory: before it, shape (batch, …).
            x: shape (length, batch, *space.shape).
            action: what led to each, or None.
            begin: bool, shape (length, batch): an episode begins with this observation; None where none does.
        """
        ...
