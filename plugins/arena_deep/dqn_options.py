"""The hyperparameters of deep Q-networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from arena.config import Between, Positive
from arena_deep.networks import NetworkOptions
from arena_deep.novelty import NoveltyOptions
from arena_deep.values import Loss

__all__ = ["DQNOptions"]

Count = Annotated[int, Between(1, None)]


@dataclass(frozen=True)
class DQNOptions(NoveltyOptions, NetworkOptions):
    """Those of Mnih et al. 2015, and the improvements since, each with a switch of its own."""

    discount: Annotated[float, Between(0, 1)] = 0.99
    """γ: what a reward is worth one step later."""

    learning_rate: Annotated[float, Positive] = 1e-3
    """α of Adam, at the start."""

    learning_rate_final: Annotated[float | None, Positive] = None
    """The same, at the end of a straight line; None leaves it as it is."""

    learning_rate_steps: Count = 100_000
    """After how many environment steps it reaches learning_rate_final."""

    adam_epsilon: Annotated[float, Positive] = 1e-8
    """ε of Adam: the greater, the smaller the steps along gradients that are small themselves."""

    max_grad_norm: Annotated[float | None, Positive] = 10.0
    """Greatest norm of a gradient: a longer one is scaled down to it; None: no limit."""

    batch_size: Count = 64
    """Transitions an update."""

    buffer_size: Count = 100_000
    """Transitions that the replay keeps."""

    learning_starts: Annotated[int, Between(0, None)] = 1000
    """Environment steps before the first update."""

    train_frequency: Count = 4
    """Environment steps between rounds of updates."""

    gradient_steps: Count = 1
    """Updates a round."""

    target_update_interval: Count = 500
    """Updates after which the target network follows."""

    tau: Annotated[float, Between(0, 1, open_low=True)] = 1.0
    """How far it follows: 1 copies the online network, less moves towards it (with a
    target_update_interval of 1, Polyak's average)."""

    loss: Loss = "huber"
    """Of a temporal difference δ: δ²/2, beyond |δ| = 1 linear ("huber") or not ("squared")."""

    epsilon: Annotated[float, Between(0, 1)] = 1.0
    """How often an action is chosen uniformly at random, at the start."""

    epsilon_final: Annotated[float, Between(0, 1)] = 0.05
    """The same, at the end of a straight line."""

    epsilon_steps: Annotated[int, Between(0, None)] = 10_000
    """After how many environment steps it reaches epsilon_final."""

    double: bool = False
    """Double Q-learning (van Hasselt et al. 2016): the online network chooses the action whose value the target network
    tells."""

    dueling: bool = False
    """Dueling streams (Wang et al. 2016) for value and advantages, each with the last hidden layer for itself."""

    n_steps: Count = 1
    """How many rewards a return has before it bootstraps."""

    prioritized: bool = False
    """Prioritized replay (Schaul et al. 2016): what was predicted worst is drawn most often."""

    priority_exponent: Annotated[float, Between(0, 1)] = 0.6
    """α of the priorities: 0 draws uniformly, 1 in proportion to the errors."""

    importance_exponent: Annotated[float, Between(0, 1)] = 0.4
    """β of the importance weights, at the start; it goes to 1 along a straight line."""

    importance_exponent_steps: Count = 100_000
    """After how many environment steps it is 1, and the bias of the priorities gone."""

    distributional: bool = False
    """Distributional values (C51, Bellemare et al. 2017); `loss` is then the cross entropy."""

    num_atoms: Annotated[int, Between(2, None)] = 51
    """How many returns a distribution is made of."""

    v_min: Annotated[float, Between(None, None)] = -10.0
    """The least discounted return that a distribution can tell."""

    v_max: Annotated[float, Between(None, None)] = 10.0
    """The greatest."""

    noisy: bool = False
    """Noisy layers (Fortunato et al. 2018) behind the body, which explore in the place of epsilon."""

    noisy_sigma: Annotated[float, Positive] = 0.5
    """σ₀: how noisy they begin."""
