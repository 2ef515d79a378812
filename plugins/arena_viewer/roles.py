"""Roles: agents that can play, from a snapshot of a run or untrained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from arena.agents.actor import Actor
from arena.errors import ArenaError
from arena.experiments.build import build_agent, observe
from arena.random.generators import Generators, derive
from arena.runs.layout import snapshot_folders
from arena.runs.loaded_agent import LoadedAgent, load_agent
from arena.runs.run import Run, experiment_of
from arena.runs.snapshots import LAST, fits_this_version, load_snapshot, split_reference
from arena_viewer.curve import EvaluationCurve
from arena_viewer.player import Player

if TYPE_CHECKING:
    from arena.agents.base import Agent
    from arena.encoders.observed_environment import ObservedEnvironment
    from arena.environments.factory import EnvironmentFactory
    from arena.experiments.experiment import Experiment
    from arena.storage.codec import State

__all__ = ["Role", "Snapshots", "make_players", "role_from_run", "untrained_role"]


@dataclass
class Role:
    """An agent that can play.

    Attributes:
        name: display name.
        agent: the agent.
        environment: the environment as the agent observes it.
        seed: default seed of the episodes.
        horizon: step limit of an episode.
        run: the run that trained the agent, or None.
        curve: evaluations of the run.
    """

    name: str
    agent: Agent
    environment: ObservedEnvironment
    seed: int
    horizon: int
    run: Run | None = None
    curve: EvaluationCurve | None = None

    @property
    def factory(self) -> EnvironmentFactory:
        """Factory of the environment."""
        return self.environment.factory

    def actor(self, place: int) -> Actor:
        """An `Actor` for one of several players, which share only the agent's weights."""
        return Actor(self.agent, self.environment, Generators(derive(self.seed, "watched", place, bits=64)))


def role_from_run(source: str | Path, which: str = LAST) -> Role:
    """Role of a run's agent.

    Args:
        source: ``RUN``, ``RUN@best`` or ``RUN@20000``.
        which: snapshot, if ``source`` has no ``@``.

    Raises:
        ArenaError: no such run or snapshot, or a run that fitted an encoder.
    """
    folder, word = split_reference(source)
    loaded = load_agent(folder, word if word != LAST else which)
    return _role(loaded)


def role_in_training(run: Run) -> Role:
    """Role of the agent of a run whose training may not have begun.

    Raises:
        ArenaError: the run fits an encoder.
    """
    return _role(LoadedAgent(run, None))


def untrained_role(experiment: Experiment) -> Role:
    """Role of the untrained agent of an experiment.

    Raises:
        ArenaError: the agent needs an encoder, which is loaded only when training begins.
    """
    if experiment.encoder is not None:
        raise ArenaError(
            f"{experiment.name} has an encoder, which is loaded when training begins", "give --train"
        )
    seed = experiment.seeds[0]
    generators = Generators(seed)
    environment, _ = observe(experiment, Path(), generators)
    agent = build_agent(experiment, environment, generators)
    return Role(experiment.name, agent, environment, seed, experiment.horizon)


def make_players(
    roles: Sequence[Role],
    *,
    count: int | None = None,
    seed: int | None = None,
    horizon: int | None = None,
    explore: bool = False,
    budget: int | None = None,
) -> list[Player]:
    """Makes players for roles.

    Several roles play the same episodes. Several players of one role play different episodes.

    Args:
        roles: the agents that play.
        count: number of players; by default one for each role.
        seed: seed from which the episodes derive; by default the first role's.
        horizon: step limit of an episode; by default each role's own.
        explore: whether to act with exploration, as in training.
        budget: the largest size of the moments of each player, in bytes; see `Player`.

    Raises:
        ArenaError: the roles are of different environments.
    """
    count = len(roles) if count is None else count
    _refuse_strangers(roles)
    seed = roles[0].seed if seed is None else seed
    rounds = -(-count // len(roles))
    made = []
    for number in range(count):
        turn, place = divmod(number, len(roles))
        role = roles[place]
        name = role.name if rounds == 1 else f"episode {turn + 1}"
        if rounds > 1 and len(roles) > 1:
            name = f"{role.name} · {name}"
        player = Player(
            role.factory,
            role.actor(number),
            seed=seed,
            place=turn,
            rounds=rounds,
            horizon=horizon or role.horizon,
            name=name,
            explore=explore,
            budget=budget,
        )
        player.curve = role.curve
        made.append(player)
    return made


class Snapshots:
    """Snapshots of a run, which can be loaded into the agent that plays.

    Args:
        role: role of a run.
        actors: actors of the players that share its agent.

    Attributes:
        steps: training steps of each snapshot.
        place: place of the agent's present snapshot.
        unit: unit of the steps.
    """

    def __init__(self, role: Role, actors: Sequence[Actor]) -> None:
        assert role.run is not None, "only a run has snapshots"
        self._role, self._run, self._actors = role, role.run, actors
        self.unit = role.run.spec.plugin.unit
        self._folders = snapshot_folders(role.run.folder)
        self.steps = list(self._folders)
        at = role.curve.at if role.curve else 0
        self.place = min(range(len(self.steps)), key=lambda i: abs(self.steps[i] - at), default=0)

    def go(self, place: int) -> None:
        """Loads a snapshot into the agent."""
        role, self.place = self._role, place
        step = self.steps[place]
        replace_weights(role, self._actors, load_snapshot(self._run, self._folders[step]), step)


def replace_weights(role: Role, actors: Sequence[Actor], state: State, step: int) -> None:
    """Loads a snapshot of its run into a role's agent.

    Args:
        role: role of a run.
        actors: actors of the players that share its agent.
        state: the snapshot.
        step: training steps of the snapshot.
    """
    assert role.run is not None, "only a run has snapshots"
    with fits_this_version(role.run), actors[0].generators.lent("agent"):
        role.agent.load_snapshot(state)
    for actor in actors:
        actor.version += 1
    if role.curve is not None:
        role.curve.at = step


def roles_through_training(source: str | Path, most: int) -> list[Role]:
    """Roles of a run's snapshots, evenly chosen, including the first and the last.

    Args:
        source: the run.
        most: the largest number of roles; at least two.

    Raises:
        ArenaError: the run has fewer than two snapshots.
    """
    folder, _ = split_reference(source)
    run = Run.open(folder)
    steps = list(snapshot_folders(run.folder))
    if len(steps) < 2:
        found = f"{len(steps) or 'no'} snapshot{'' if len(steps) == 1 else 's'}"
        raise ArenaError(
            f"{folder} has {found}, one an evaluation",
            "train with --evaluate-every N, so that there are more",
        )
    count = min(max(most, 2), len(steps))
    chosen = [steps[round(place * (len(steps) - 1) / (count - 1))] for place in range(count)]
    roles = [role_from_run(folder, str(step)) for step in chosen]
    for role, step in zip(roles, chosen, strict=True):
        role.name = f"after {step:,} {run.spec.plugin.unit}s"
    return roles


def _role(loaded: LoadedAgent) -> Role:
    experiment = experiment_of(loaded.run)
    curve = EvaluationCurve(at=loaded.steps)
    curve.read(loaded.run)
    return Role(
        experiment.name,
        loaded.agent,
        loaded.environment,
        loaded.run.seed,
        experiment.horizon,
        loaded.run,
        curve,
    )


def _refuse_strangers(roles: Sequence[Role]) -> None:
    first = roles[0].factory
    for role in roles[1:]:
        if role.factory.identity() != first.identity():
            other = role.factory.id if role.factory.id != first.id else f"{first.id} with other options"
            raise ArenaError(
                f"these runs are of different environments: {first.id} and {other}",
                "watch runs of one environment together",
            )
