"""Trained agent of a run, ready to act."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from arena.agents.actor import Actor
from arena.agents.base import Agent
from arena.experiments.build import build_agent, observe
from arena.random.generators import Generators
from arena.runs.run import Run, experiment_of
from arena.runs.snapshots import LAST, fits_this_version, load_state

__all__ = ["LoadedAgent", "load_agent"]


class LoadedAgent:
    """Trained agent of a run, ready to act.

    Args:
        run: the run.
        which: ``last``, the newest checkpoint or else snapshot; ``best``, the snapshot of the best evaluation; a
            number of steps, such as ``20000``; None for the agent before its first step.

    Raises:
        ArenaError: the run has no such snapshot.
    """

    def __init__(self, run: Run, which: str | None = LAST) -> None:
        self.run = run
        self.generators = Generators(run.seed)
        experiment = experiment_of(run)
        self.environment, features = observe(experiment, run.encoder, self.generators)
        self.agent: Agent = build_agent(experiment, self.environment, self.generators, features=features)
        self.steps = 0 if which is None else self._restore(which)
        self.actor = Actor(self.agent, self.environment, self.generators)

    def act(self, observation: Any, *, explore: bool = False) -> Any:
        """Choose an action, in the environment's form; an agent with memory keeps it until `reset`.

        Args:
            observation: one observation, as ``env.reset()`` and ``env.step()`` return it.
            explore: whether to explore as in training.
        """
        return self.actor.act(observation, explore=explore)

    def reset(self) -> None:
        """Start a new episode: clear the agent's memory."""
        self.actor.reset()

    def _restore(self, which: str) -> int:
        with fits_this_version(self.run), self.generators.lent("agent"):
            state, steps, complete = load_state(self.run, which)
            (self.agent.load_state_dict if complete else self.agent.load_snapshot)(state)
        return steps


def load_agent(run: str | Path, which: str = LAST) -> LoadedAgent:
    """Load the trained agent of a run folder; see `LoadedAgent`.

    Raises:
        ArenaError: the folder is not a run of an agent, or has no such snapshot.
    """
    return LoadedAgent(Run.open(Path(run)), which)
