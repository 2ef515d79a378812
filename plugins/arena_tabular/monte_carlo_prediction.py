"""Monte Carlo prediction: the value of a given policy as an average of its returns."""

from __future__ import annotations

from dataclasses import dataclass

from arena.agents.base import Problem
from arena_tabular import monte_carlo_kernels as kernels
from arena_tabular.monte_carlo import MonteCarlo, VisitOptions
from arena_tabular.prediction import Prediction, PredictionOptions

__all__ = ["MCPrediction"]


class MCPrediction(Prediction, MonteCarlo):
    """Monte Carlo prediction: estimates the state values V of a policy, by default the uniformly random one.

        V(s) ← V(s) + α [G − V(s)],    G = r₁ + γ r₂ + γ² r₃ + …

    for the first visit to s in an episode, or for every one, backwards from its end. The average of all returns
    is `learning_rate 1 learning_rate_schedule visits`, where N counts the returns of s; a constant α forgets.
    First-visit
    averages are unbiased, every-visit ones biased but consistent. Where the episode was cut off, the return
    goes on with V of the true successor. It has no Q, and never acts otherwise than by its policy.

    Source: Singh & Sutton 1996; Sutton & Barto 2018, section 5.1, and (6.1) for a constant α.
    """

    @dataclass(frozen=True)
    class Config(VisitOptions, PredictionOptions):
        """Hyperparameters of Monte Carlo prediction."""

    algorithm = kernels.PREDICTION
    config: Config

    def __init__(self, problem: Problem, config: Config) -> None:
        super().__init__(problem, config, every=config.visit == "every")
        self._follow(config)
