"""The trained agent of a run, ready to act."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from arena.agents.actor import Actor
from arena.agents.base import Agent
from arena.experiments.build import build_agent, observe
from arena.experiments.snapshot_reference import read_snapshot
from arena.random.generators import Generators
from arena.runs.run import Run, experiment_of
from arena.runs.snapshots import LAST, fits_this_version, snapshot_folder

__all__ = ["LoadedAgent", "load_agent"]


class LoadedAgent:
    """A trained agent, ready to act.

    Args:
        run: the run.
        which: ``last``, its newest checkpoint or else snapshot; ``best``, the snapshot of its best evaluation; or
            the snapshot after so many steps, such as ``20000``; None for the agent before its first one.

    Raises:
        ArenaError: if the run has trained nothing yet, or has no such snapshot.
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
        """The action for one observation of the environment, as the environment takes it.

        An agent with memory goes on from the call before; `reset` begins an episode.

        Args:
            observation: one observation, as ``env.reset()`` and ``env.step()`` return it.
            explore: whether to act as in training.
        """
        return self.actor.act(observation, explore=explore)

    def reset(self) -> None:
        """Forgets the episode so far."""
        self.actor.reset()

    def _restore(self, which: str) -> int:
        mine = self.run.spec.id(self.run.seed)
        loaded = (
            self.run.checkpoints.load(lambda info: bool(info.get("id") == mine)) if which == LAST else None
        )
        with fits_this_version(self.run), self.generators.lent("agent"):
            if loaded is not None:
                self.agent.load_state_dict(loaded.state["agent"])
                return int(loaded.info["step"])
            folder = snapshot_folder(self.run, which)
            self.agent.load_snapshot(read_snapshot(folder))
        return int(folder.name)


def load_agent(run: str | Path, which: str = LAST) -> LoadedAgent:
    """The trained agent of a run folder.

    Args:
        run: the folder.
        which: ``last``, ``best`` or a number of steps; see `LoadedAgent`.

    Raises:
        ArenaError: the folder is no run, has trained nothing yet, or is of a fit.
    """
    return LoadedAgent(Run.open(Path(run)), which)
