"""What agents with a policy of their own share: the network, acting by it, and one step along a gradient."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from arena.agent import Agent, Needs, Problem, Progress
from arena.codec import State
from arena.config import Between, Positive
from arena.stream import Stream
from arena_deep.acting import evaluation
from arena_deep.networks import Body, NetworkOptions, Recurrent, as_vector, optimizer
from arena_deep.novelty import NoveltyOptions, count_bonus
from arena_deep.policies import CategoricalHead, PolicyOptions, head_of
from arena_deep.rollouts import Rollout
from arena_deep.running_moments import Moments

__all__ = ["PolicyGradient", "PolicyGradientOptions", "PolicyNetwork"]

Array = npt.NDArray[Any]
Bool = npt.NDArray[np.bool_]

#: Vector steps between two yields: so many that the runner's own work between does not count.
STEPS = 64


@dataclass(frozen=True)
class PolicyGradientOptions(PolicyOptions, NoveltyOptions, NetworkOptions):
    """What every policy-gradient agent has."""

    activation: Literal["relu", "tanh"] = "tanh"
    """What stands between the layers."""

    discount: Annotated[float, Between(0, 1)] = 0.99
    """γ: what a reward is worth one step later."""

    learning_rate: Annotated[float, Positive] = 1e-3
    """Adam's step size; at the start, where it has anneal_steps."""

    anneal_steps: Annotated[int | None, Between(1, None)] = None
    """Over how many environment steps the step size, and PPO's ε, go down along a line to zero; by default not at
    all."""

    entropy_coef: Annotated[float, Between(0, None)] = 0.0
    """What the entropy of the policy is worth beside its advantage, in nats: more explores more."""

    value_coef: Annotated[float, Between(0, None)] = 0.5
    """What the critic's squared error counts beside the policy's loss; where they share no layer, Adam hardly minds."""

    max_grad_norm: Annotated[float | None, Positive] = 0.5
    """The length to which a longer gradient is cut; None: never."""

    normalize_observation: bool = False
    """Whether observations are shifted and scaled to mean 0 and variance 1, by what was seen so far."""

    shared: bool = False
    """Whether actor and critic share their layers; with memory, or with an encoder for features, they always do."""


class PolicyNetwork(nn.Module):
    """A policy, and a critic beside it.

    Args:
        problem: its spaces, and its features where it has an encoder.
        options: the layers.
        critic: whether there is one.

    Attributes:
        actor: its layers.
        recurrent: the memory behind them, or None.
        policy: the head.
        critic: the critic's own layers; None where it has none or shares the actor's.
        value: the critic's last layer, or None.
    """

    def __init__(self, problem: Problem, options: PolicyGradientOptions, *, critic: bool = True) -> None:
        super().__init__()
        shared = options.shared or options.memory > 0 or problem.features is not None
        space = problem.observation_space
        self.actor = _orthogonal(Body(space, options, problem.features), problem.features)
        self.recurrent = Recurrent(self.actor.width, options.memory) if options.memory else None
        width = options.memory or self.actor.width
        self.policy = head_of(width, problem.action_space, options)
        self.critic = _orthogonal(Body(space, options)) if critic and not shared else None
        self.value = nn.Linear(width, 1) if critic else None
        if self.value is not None:
            nn.init.orthogonal_(self.value.weight)
            nn.init.zeros_(self.value.bias)

    def forward(
        self, observation: Tensor, begin: Tensor | None = None, memory: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Everything that learning needs to know of a batch, in one pass.

        Args:
            observation: shape (N, *space.shape); with memory, T · B of them, the sequences of B lanes.
            begin: with memory, where episodes begin: shape (T, B).
            memory: with memory, that before the first step: shape (B, units).

        Returns:
            What the head makes of each, shape (N, k); V, shape (N,); the memory after each, (N, units). None for what
            there is not.
        """
        features, after = self.actor(observation), None
        if self.recurrent is not None:
            assert begin is not None and memory is not None
            features, _ = self.recurrent(features.unflatten(0, begin.shape), memory, begin)
            features = after = features.flatten(0, 1)
        numbers = self.policy(features)
        if self.value is None:
            return numbers, None, after
        if self.critic is not None:
            features = self.critic(observation)
        return numbers, self.value(features).squeeze(-1), after


class PolicyGradient(Agent):
    """Acts by a parametrised policy, and moves its parameters along an estimate of the gradient of the return.

    A subclass says when it has seen enough (`_ready`), and what to learn from it (`_learn`). Until then the policy
    stays as it is: all of a rollout is from one policy.

    Args:
        problem: of any observations that are arrays, and either kind of actions.
        config: the subclass's hyperparameters.
        critic: whether there is one.
        capacity: rows of a rollout.
    """

    needs: ClassVar[Needs] = Needs(
        observations=("box",), actions=("discrete", "box"), features=True, bonus=True
    )

    config: PolicyGradientOptions

    def __init__(
        self, problem: Problem, config: PolicyGradientOptions, *, critic: bool = True, capacity: int
    ) -> None:
        super().__init__(problem, config)
        self.network = PolicyNetwork(problem, config, critic=critic).to(problem.device)
        self.head = self.network.policy
        self._vector = as_vector(self.network)
        self._optimizer = optimizer([self._vector], config.learning_rate, epsilon=1e-5)
        network = self.network
        self._policy = evaluation(network.actor, network.recurrent, self.head.linear)
        self._critic = None
        if network.value is not None:
            self._critic = evaluation(network.critic or network.actor, network.recurrent, network.value)
        self.moments = (
            Moments(problem.observation_space.shape or ()) if config.normalize_observation else None
        )
        self.novelty = count_bonus(problem, config)
        self.rollout = Rollout(problem.num_envs, problem.observation_space, self.head.raw, capacity)
        self._draws = problem.generators.numpy("policy")
        # What lanes remember now, and what they remembered when the rollout began.
        self._memory = self._first_memory = np.zeros((problem.num_envs, config.memory), dtype=np.float32)
        self._learned = 0
        self._metrics: dict[str, float] = {}

    def train(self, stream: Stream) -> Iterator[Progress]:
        """Act; learn as soon as there is enough to learn from; ready for the runner between any two steps."""
        while True:
            for _ in range(min(-(-stream.remaining // stream.num_envs), STEPS)):
                self._collect(stream)
                if self._ready():
                    if self.moments is None or self.moments.count:
                        self._learn()
                        self._learned = stream.steps
                    self._renew()
            yield stream.progress(**self._metrics)

    def act(
        self, observation: Array, memory: Any, *, explore: bool, generator: np.random.Generator
    ) -> tuple[Array, Any]:
        """The policy's mode, or an action drawn from it."""
        numbers, memory = self._policy(self._seen(observation), memory)
        raw = self.head.sample(numbers, generator) if explore else self.head.mode(numbers)
        return self.head.action(raw), memory

    def behaviour_probabilities(self, observation: Array) -> npt.NDArray[np.float64]:
        """π(a | o) of finitely many actions: shape (batch, num_actions); with memory, at an episode's beginning."""
        assert isinstance(self.head, CategoricalHead), "continuous actions have densities"
        return self.head.probabilities(self._policy(self._seen(observation), None)[0])

    def reset_memory(self, memory: Any, begin: Bool) -> Any:
        return None if memory is None else np.where(begin[:, None], np.float32(0), memory)

    def state_dict(self) -> State:
        """What acting needs, Adam's moments, the rollout, counts of a bonus, memories, and where training stands."""
        return {
            **self.snapshot(),
            "optimizer": self._optimizer.state_dict(),
            "rollout": self.rollout.state_dict(),
            "memory": self._memory.copy(),
            "first_memory": self._first_memory.copy(),
            "novelty": self.novelty and self.novelty.state_dict(),
            "learned": self._learned,
            "metrics": dict(self._metrics),
        }

    def load_state_dict(self, state: State) -> None:
        """Goes on from there."""
        self.load_snapshot(state)
        self._optimizer.load_state_dict(state["optimizer"])
        self.rollout.load_state_dict(state["rollout"])
        if self.novelty is not None:
            self.novelty.load_state_dict(state["novelty"])
        self._memory, self._first_memory = state["memory"].copy(), state["first_memory"].copy()
        self._learned, self._metrics = state["learned"], dict(state["metrics"])

    def snapshot(self) -> State:
        """The network, and what normalizes its observations."""
        weights = {name: value.clone() for name, value in self.network.state_dict().items()}
        return {"network": weights, "moments": self.moments and self.moments.state_dict()}

    def load_snapshot(self, state: State) -> None:
        """Takes them back."""
        self.network.load_state_dict(state["network"])
        if self.moments is not None:
            self.moments.load_state_dict(state["moments"])

    def _collect(self, stream: Stream) -> None:
        """One step of every lane."""
        memory = self._memory if self.network.recurrent else None
        numbers, memory = self._policy(self._seen(stream.observation), memory)
        raw = self.head.sample(numbers, self._draws)
        transition = stream.step(self.head.action(raw))
        if self.novelty is not None:
            transition.bonus[...] += self.novelty(transition.next_observation)
        self.rollout.append(transition, raw)
        if memory is not None:
            self._memory = self.reset_memory(memory, transition.terminated | transition.truncated)

    @abstractmethod
    def _ready(self) -> bool:
        """Whether to learn from the rollout now."""

    @abstractmethod
    def _learn(self) -> None:
        """Learns from the rollout."""

    def _renew(self) -> None:
        """Begins another rollout."""
        # Not before: all of a rollout is seen with one mean and variance. The first one only measures them.
        if self.moments is not None:
            seen = self.rollout["observation"]
            self.moments.update(seen.reshape(-1, *seen.shape[2:]))
        self._first_memory = self._memory
        self.rollout.clear()

    def _seen(self, observation: Array) -> Array:
        """Observations as the network gets them."""
        return observation if self.moments is None else self.moments(observation)

    def _judge(
        self, observation: Array, next_observation: Array, ends: Bool, begin: Bool, memory: Array
    ) -> tuple[Array, Array, Array]:
        """What actor and critic, which there must be, make of sequences, without gradients.

        Args:
            observation: as the network gets them, shape (T, B, …).
            next_observation: where each step led, likewise; read where the next row does not say it.
            ends: where that is, shape (T, B); the last row always counts.
            begin: where episodes begin, shape (T, B).
            memory: before the first step, shape (B, units).

        Returns:
            The head's numbers, shape (T · B, k); V and V of the successors, shape (T, B).
        """
        assert self._critic is not None
        flat = observation.reshape(-1, *observation.shape[2:])
        if self.network.recurrent is None:
            numbers, after = self._policy(flat, None)
            value = self._critic(flat, None)[0]
        else:
            with torch.no_grad():
                found = self.network(*(self._tensor(array) for array in (flat, begin, memory)))
            numbers, value, after = (x.numpy(force=True) for x in found)
            after = after.reshape(*begin.shape, -1)
        value = value.reshape(begin.shape)
        ends = ends.copy()
        ends[-1] = True
        next_value = np.concatenate((value[1:], value[-1:]))
        next_value[ends] = self._critic(next_observation[ends], None if after is None else after[ends])[0][
            :, 0
        ]
        return numbers, value, next_value

    def _tensor(self, array: Array) -> Tensor:
        return torch.from_numpy(array).to(self.problem.device)

    @property
    def _annealing(self) -> float:
        """What is left of a step size that goes down to zero."""
        steps = self.config.anneal_steps
        return 1.0 if steps is None else max(0.0, 1.0 - self._learned / steps)

    def _descend(self, loss: Tensor) -> Tensor:
        """One step of Adam down a loss; the gradient's length before it was cut."""
        gradient = self._vector.grad
        assert gradient is not None
        gradient.zero_()
        loss.backward()  # type: ignore[no-untyped-call]
        length: Tensor = gradient.norm()
        if self.config.max_grad_norm is not None:
            gradient.mul_((self.config.max_grad_norm / (length + 1e-6)).clamp(max=1.0))
        self._optimizer.param_groups[0]["lr"] = self.config.learning_rate * self._annealing
        self._optimizer.step()
        return length


def _orthogonal(body: Body, features: nn.Module | None = None) -> Body:
    """The body with orthogonal layers, which pass signals on unshrunk; an encoder for features stays as it is.

    Source: Saxe, McClelland & Ganguli, Exact solutions to the nonlinear dynamics of learning (2014).
    """
    for module in body.layers.modules() if features is not None else body.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.orthogonal_(module.weight, math.sqrt(2))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return body
