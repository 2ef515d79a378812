"""Hyperparameters of deep Q-networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from arena.config.options import Between, Positive
from arena_deep.networks import NetworkOptions
from arena_deep.novelty import NoveltyOptions
from arena_deep.value_heads import Loss

__all__ = ["DQNOptions"]

Count = Annotated[int, Between(1, None)]


@dataclass(frozen=True)
class DQNOptions(NoveltyOptions, NetworkOptions):
    """Hyperparameters of DQN (Mnih et al. 2015), and of each later improvement with a switch of its own."""

    discount: Annotated[float, Between(0, 1)] = 0.99
    """Discount factor γ, in [0, 1]: weight of a reward one step later."""

    learning_rate: Annotated[float, Positive] = 1e-3
    """Initial learning rate α of Adam: larger values learn faster and less stably."""

    learning_rate_final: Annotated[float | None, Positive] = None
    """Final learning rate α of Adam, reached linearly after `learning_rate_steps` environment steps; None: α stays
    constant."""

    learning_rate_steps: Count = 100_000
    """Environment steps until the learning rate reaches `learning_rate_final`."""

    adam_epsilon: Annotated[float, Positive] = 1e-8
    """Constant ε in the denominator of Adam: larger values make steps along small gradients smaller."""

    max_grad_norm: Annotated[float | None, Positive] = 10.0
    """Greatest norm of a gradient: a longer one is scaled down to it; None: no limit."""

    batch_size: Count = 64
    """Number of transitions in a minibatch."""

    buffer_size: Count = 100_000
    """Greatest number of transitions in the replay buffer; the oldest ones are overwritten."""

    learning_starts: Annotated[int, Between(0, None)] = 1000
    """Environment steps before the first update."""

    train_frequency: Count = 4
    """Environment steps between two rounds of updates, over all environments together."""

    gradient_steps: Count = 1
    """Number of updates in a round, each over a minibatch of its own."""

    target_update_interval: Count = 500
    """Number of updates of the Q-network between two updates of the target network."""

    tau: Annotated[float, Between(0, 1, open_low=True)] = 1.0
    """Update rate τ of the target network, θ' ← θ' + τ (θ − θ'), in (0, 1]: 1 copies the Q-network; smaller values with
    a target_update_interval of 1 are Polyak averaging."""

    loss: Loss = "huber"
    """Loss of a temporal difference δ: "squared" is δ²/2, "huber" too, but linear beyond |δ| = 1."""

    epsilon: Annotated[float, Between(0, 1)] = 1.0
    """Initial exploration rate ε, in [0, 1]: probability of a uniformly random action."""

    epsilon_final: Annotated[float, Between(0, 1)] = 0.05
    """Final exploration rate ε, in [0, 1], reached linearly after `epsilon_steps` environment steps."""

    epsilon_steps: Annotated[int, Between(0, None)] = 10_000
    """Environment steps until the exploration rate reaches `epsilon_final`."""

    double: bool = False
    """Double Q-learning (van Hasselt et al. 2016): the online network selects the next action, the target network
    evaluates it; this reduces overestimation."""

    dueling: bool = False
    """Dueling networks (Wang et al. 2016): separate streams for state value and advantages, each with a last hidden
    layer of its own."""

    n_steps: Count = 1
    """Number n of rewards in an n-step return: larger values pass rewards back faster, with more variance."""

    prioritized: bool = False
    """Prioritized replay (Schaul et al. 2016): transitions with a large error are sampled more often."""

    priority_exponent: Annotated[float, Between(0, 1)] = 0.6
    """Exponent α of the priorities, in [0, 1]: 0 samples uniformly, 1 in proportion to the errors."""

    importance_exponent: Annotated[float, Between(0, 1)] = 0.4
    """Initial exponent β of the importance weights, in [0, 1]: 1 removes all bias of prioritized replay; it rises
    linearly to 1."""

    importance_exponent_steps: Count = 100_000
    """Environment steps until the exponent β of the importance weights reaches 1."""

    distributional: bool = False
    """Distributional values (C51, Bellemare et al. 2017): the network predicts a distribution over returns; the loss is
    then the cross entropy."""

    num_atoms: Annotated[int, Between(2, None)] = 51
    """Number of atoms (possible returns) of a distribution, 2 or more."""

    v_min: Annotated[float, Between(None, None)] = -10.0
    """Smallest atom of a distribution: discounted returns below it are counted as it."""

    v_max: Annotated[float, Between(None, None)] = 10.0
    """Greatest atom of a distribution: discounted returns above it are counted as it."""

    noisy: bool = False
    """Noisy layers (Fortunato et al. 2018) behind the body of the network: they explore in place of ε."""

    noisy_sigma: Annotated[float, Positive] = 0.5
    """Initial noise scale σ₀ of noisy layers: larger values explore more."""
