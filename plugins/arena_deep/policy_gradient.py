"""Base of the policy-gradient agents: the network, acting, collecting rollouts, and gradient steps."""

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

from arena.agents.base import Agent, Needs, Problem
from arena.config.options import Between, Positive
from arena.encoders.features_extractor import Features
from arena.storage.codec import State
from arena.streams.base import Progress, Stream
from arena_deep.adam import Adam
from arena_deep.inference import inference_function
from arena_deep.networks import Body, NetworkOptions, Recurrent, flatten_parameters
from arena_deep.novelty import NoveltyOptions, count_bonus
from arena_deep.policies import CategoricalHead, PolicyOptions, make_head
from arena_deep.rollout_buffer import RolloutBuffer
from arena_deep.running_moments import RunningMoments
from arena_deep.schedules import linear_schedule, steps_until_yield

__all__ = ["PolicyGradient", "PolicyGradientOptions", "PolicyNetwork"]

Array = npt.NDArray[Any]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PolicyGradientOptions(PolicyOptions, NoveltyOptions, NetworkOptions):
    """Hyperparameters of every policy-gradient agent."""

    activation: Literal["relu", "tanh"] = "tanh"
    """Activation function between the layers: rectified linear or hyperbolic tangent."""

    discount: Annotated[float, Between(0, 1)] = 0.99
    """Discount factor γ, in [0, 1]: weight of a reward one step later."""

    learning_rate: Annotated[float, Positive] = 1e-3
    """Learning rate α of Adam, the initial one with `anneal_steps`: larger values learn faster and less stably."""

    anneal_steps: Annotated[int | None, Between(1, None)] = None
    """Environment steps over which the learning rate, and `clip_range` of ppo, decrease linearly to 0; None: both stay
    constant."""

    entropy_coef: Annotated[float, Between(0, None)] = 0.0
    """Coefficient of the entropy bonus (per nat) in the loss: larger values explore more."""

    value_coef: Annotated[float, Between(0, None)] = 0.5
    """Coefficient of the value loss: it matters most where actor and critic share layers."""

    max_grad_norm: Annotated[float | None, Positive] = 0.5
    """Greatest norm of a gradient: a longer one is scaled down to it; None: no limit."""

    normalize_observation: bool = False
    """Shift and scale observations to mean 0 and variance 1, by the running statistics of all observations so far."""

    shared: bool = False
    """Share the layers between actor and critic; with memory, or with an encoder for features, they always do."""


class PolicyNetwork(nn.Module):
    """Policy network, with a value network (critic) where there is one.

    Args:
        problem: its spaces, and its features where it has an encoder.
        options: the layers.
        critic: build a critic, too.

    Attributes:
        actor: the layers of the policy.
        recurrent: the recurrent layer behind them, or None.
        policy: the head of the policy.
        critic: the layers of the critic; None without a critic, or where it shares those of the policy.
        value: the critic's last layer, or None.
    """

    def __init__(self, problem: Problem, options: PolicyGradientOptions, *, critic: bool = True) -> None:
        super().__init__()
        shared = options.shared or options.memory > 0 or problem.features is not None
        space = problem.observation_space
        self.actor = _orthogonal(Body(space, options, problem.features), problem.features)
        self.recurrent = Recurrent(self.actor.width, options.memory) if options.memory else None
        width = options.memory or self.actor.width
        self.policy = make_head(width, problem.action_space, options)
        self.critic = _orthogonal(Body(space, options)) if critic and not shared else None
        self.value = nn.Linear(width, 1) if critic else None
        if self.value is not None:
            nn.init.orthogonal_(self.value.weight)
            nn.init.zeros_(self.value.bias)

    def forward(
        self, observation: Tensor, begin: Tensor | None = None, memory: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Outputs of policy and critic for a batch, in one pass.

        Args:
            observation: shape (N, *space.shape); with memory, T · B of them: B sequences.
            begin: with memory, true where an episode starts: shape (T, B).
            memory: with memory, its value before the first step: shape (B, units).

        Returns:
            Outputs of the head, shape (N, k); V, shape (N,), or None; the memory after each step, shape (N, units), or
            None.
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
    """Agent with a parametrized policy, whose parameters follow an estimate of the gradient of the return.

    A subclass defines when a rollout is complete (`_ready`) and how to learn from it (`_learn`). The policy does not
    change within a rollout.

    Args:
        problem: with array observations, and discrete or continuous actions.
        config: the subclass's hyperparameters.
        critic: build a critic, too.
        capacity: expected number of steps of a rollout.
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
        self._vector = flatten_parameters(self.network)
        self._adam = Adam(self._vector, config.learning_rate, epsilon=1e-5)
        network = self.network
        self._policy = inference_function(network.actor, network.recurrent, self.head.linear)
        self._critic = None
        if network.value is not None:
            self._critic = inference_function(
                network.critic or network.actor, network.recurrent, network.value
            )
        self.moments = (
            RunningMoments(problem.observation_space.shape or ()) if config.normalize_observation else None
        )
        self.novelty = count_bonus(problem, config)
        self.rollout = RolloutBuffer(problem.num_envs, problem.observation_space, self.head.raw, capacity)
        self._sampling = problem.generators.numpy("policy")
        # Memory of every environment now, and at the start of the rollout.
        self._memory = self._first_memory = np.zeros((problem.num_envs, config.memory), dtype=np.float32)
        self._last_update = 0
        self._metrics: dict[str, float] = {}

    def train(self, stream: Stream) -> Iterator[Progress]:
        """Act, and learn whenever a rollout is complete."""
        while True:
            for _ in range(steps_until_yield(stream)):
                self._collect(stream)
                if self._ready():
                    # The first rollout only measures the statistics by which observations are normalized.
                    if self.moments is None or self.moments.count:
                        self._learn()
                        self._last_update = stream.steps
                    self._start_rollout()
            yield stream.progress(**self._metrics)

    def act(
        self, observation: Array, memory: Any, *, explore: bool, generator: np.random.Generator
    ) -> tuple[Array, Any]:
        """Mode of the policy, or an action sampled from it."""
        numbers, memory = self._policy(self._normalized(observation), memory)
        raw = self.head.sample(numbers, generator) if explore else self.head.mode(numbers)
        return self.head.action(raw), memory

    def behavior_probabilities(self, observation: Array) -> npt.NDArray[np.float64]:
        """π(a | o) of finitely many actions: shape (batch, num_actions); with memory, at the start of an episode."""
        assert isinstance(self.head, CategoricalHead), "continuous actions have densities"
        return self.head.probabilities(self._policy(self._normalized(observation), None)[0])

    def reset_memory(self, memory: Any, begin: Bool) -> Any:
        return None if memory is None else np.where(begin[:, None], np.float32(0), memory)

    def state_dict(self) -> State:
        """State of the network, Adam, the rollout, the bonus and the memory, and all counters."""
        return {
            **self.snapshot(),
            "adam": self._adam.state_dict(),
            "rollout": self.rollout.state_dict(),
            "memory": self._memory.copy(),
            "first_memory": self._first_memory.copy(),
            "novelty": self.novelty and self.novelty.state_dict(),
            "last_update": self._last_update,
            "metrics": dict(self._metrics),
        }

    def load_state_dict(self, state: State) -> None:
        """Restore all of training."""
        self.load_snapshot(state)
        self._adam.load_state_dict(state["adam"])
        self.rollout.load_state_dict(state["rollout"])
        if self.novelty is not None:
            self.novelty.load_state_dict(state["novelty"])
        self._memory, self._first_memory = state["memory"].copy(), state["first_memory"].copy()
        self._last_update, self._metrics = state["last_update"], dict(state["metrics"])

    def snapshot(self) -> State:
        """The network, and the statistics that normalize its observations."""
        weights = {name: value.clone() for name, value in self.network.state_dict().items()}
        return {"network": weights, "moments": self.moments and self.moments.state_dict()}

    def load_snapshot(self, state: State) -> None:
        """Restore the network and the statistics."""
        self.network.load_state_dict(state["network"])
        if self.moments is not None:
            self.moments.load_state_dict(state["moments"])

    def _collect(self, stream: Stream) -> None:
        """One step of every environment."""
        memory = self._memory if self.network.recurrent else None
        numbers, memory = self._policy(self._normalized(stream.observation), memory)
        raw = self.head.sample(numbers, self._sampling)
        transition = stream.step(self.head.action(raw))
        if self.novelty is not None:
            transition.bonus[...] += self.novelty(transition.next_observation)
        self.rollout.append(transition, raw)
        if memory is not None:
            self._memory = self.reset_memory(memory, transition.terminated | transition.truncated)

    @abstractmethod
    def _ready(self) -> bool:
        """True where the rollout is complete."""

    @abstractmethod
    def _learn(self) -> None:
        """Learn from the rollout, and set the metrics."""

    def _start_rollout(self) -> None:
        """Start the next rollout."""
        # Not earlier: all observations of a rollout are normalized by one mean and variance.
        if self.moments is not None:
            observation = self.rollout["observation"]
            self.moments.update(observation.reshape(-1, *observation.shape[2:]))
        self._first_memory = self._memory
        self.rollout.clear()

    def _normalized(self, observation: Array) -> Array:
        """Observations as inputs of the network."""
        return observation if self.moments is None else self.moments.normalize(observation)

    def _evaluate(
        self, observation: Array, next_observation: Array, ends: Bool, begin: Bool, memory: Array
    ) -> tuple[Array, Array, Array]:
        """Outputs of policy and critic for sequences, without gradient; there must be a critic.

        Args:
            observation: inputs of the network, shape (T, B, …).
            next_observation: the successors, shape (T, B, …); used only where `ends` is true.
            ends: true where the next row is not the successor, shape (T, B); the last row always is.
            begin: true where an episode starts, shape (T, B).
            memory: memory before the first step, shape (B, units).

        Returns:
            Outputs of the head, shape (T · B, k); V and V of the successors, shape (T, B).
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
    def _progress_remaining(self) -> float:
        """Fraction of `anneal_steps` that remains, by which the learning rate is multiplied; 1 without annealing."""
        steps = self.config.anneal_steps
        return 1.0 if steps is None else linear_schedule(1.0, 0.0, steps, self._last_update)

    def _gradient_step(self, loss: Tensor) -> Tensor:
        """One step of Adam on a loss; returns the norm of the gradient before it was limited."""
        gradient = self._vector.grad
        assert gradient is not None
        gradient.zero_()
        features = self.problem.features
        auxiliary = features.auxiliary_loss() if isinstance(features, Features) else None
        if auxiliary is not None:  # the loss of an encoder that is trained jointly
            loss = loss + auxiliary
        torch.autograd.backward(loss)
        norm: Tensor = torch.linalg.vector_norm(gradient)
        if self.config.max_grad_norm is not None:
            gradient.mul_((self.config.max_grad_norm / (norm + 1e-6)).clamp(max=1.0))
        self._adam.learning_rate = self.config.learning_rate * self._progress_remaining
        self._adam.step()
        return norm


def _orthogonal(body: Body, features: nn.Module | None = None) -> Body:
    """The body with orthogonal initial weights, which keep the norm of signals; an encoder for features is unchanged.

    Source: Saxe, McClelland & Ganguli, Exact solutions to the nonlinear dynamics of learning (2014).
    """
    for module in body.layers.modules() if features is not None else body.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.orthogonal_(module.weight, math.sqrt(2))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return body
