"""Player: one agent in one environment, with the moments of the present episode."""

from __future__ import annotations

import copy
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena.agents.actor import Actor, Estimates
from arena.environments.rendering import CellPainter, Controls, Painter
from arena.errors import ArenaError
from arena.random.generators import Generators
from arena.training.evaluation import evaluation_episode_seed
from arena_viewer.curve import EvaluationCurve
from arena_viewer.key_actions import known_controls, plain_actions
from arena_viewer.series import BoundedSeries

if TYPE_CHECKING:
    from arena.environments.factory import EnvironmentFactory

__all__ = [
    "BUDGET",
    "FILM_BUDGET",
    "CompressedFrame",
    "EpisodeActor",
    "Moment",
    "Player",
    "open_environment",
    "render_speed",
]

#: The largest size of an episode's moments, in bytes, of all players together; the oldest are dropped first. A film
#: keeps fewer: only overlays use earlier moments.
BUDGET, FILM_BUDGET = 512 << 20, 32 << 20

#: The estimates of an actor that has none.
NOTHING = Estimates()

#: Approximate size of a moment without its arrays, in bytes.
OVERHEAD = 1500


class EpisodeActor(Protocol):
    """Source of a player's actions: an agent's `Actor`, or a person."""

    version: int

    def reset(self) -> None:
        """Prepares for the first observation of an episode."""

    def act(self, observation: Any, *, explore: bool = False) -> Any:
        """Action for one observation, as the environment expects it."""
        ...

    def estimates(self) -> Estimates:
        """Estimates for the last observation."""
        ...


class CompressedFrame:
    """A compressed frame.

    Args:
        frame: uint8, shape (height, width, 3).
    """

    def __init__(self, frame: npt.NDArray[np.uint8]) -> None:
        self._shape, self._bytes = frame.shape, zlib.compress(np.ascontiguousarray(frame).tobytes(), 1)
        self.nbytes = len(self._bytes)
        #: Ratio of width to height.
        self.proportion = frame.shape[1] / frame.shape[0]

    def frame(self) -> npt.NDArray[np.uint8]:
        """The frame, decompressed."""
        return np.frombuffer(zlib.decompress(self._bytes), np.uint8).reshape(self._shape)


@dataclass(frozen=True, eq=False)
class Moment:
    """One time step of an episode: scene, observation, reward and action.

    Attributes:
        step: number of steps before this moment.
        scene: the painter's scene, a `CompressedFrame` without a painter, or None without a picture.
        observation: the environment's own observation.
        reward: reward of the step before; 0 at the beginning.
        total: return so far.
        action: action at this moment; None at the end.
        estimates: the agent's estimates at this moment.
        ended: "terminated" or "truncated" at the end of the episode; otherwise empty.
    """

    step: int
    scene: Any
    observation: Any
    reward: float
    total: float
    action: Any = None
    estimates: Estimates = NOTHING
    ended: str = ""

    @property
    def nbytes(self) -> int:
        """Approximate size in memory."""
        parts = [self.scene, self.observation, self.estimates.action_values, self.estimates.probabilities]
        return OVERHEAD + sum(map(_nbytes, [*parts, self.estimates.code]))


class Player:
    """Plays episodes in one environment, and keeps the moments of the present episode.

    Episodes have the seeds of the evaluation: in arena's own environments the K-th episode is the one with the K-th
    return in the run's result.

    Args:
        factory: the environment.
        actor: source of the actions.
        seed: seed of the run, from which the episodes' seeds derive.
        place: number of this player among players of successive episodes, from 0.
        rounds: number of these players.
        horizon: step limit of an episode.
        name: display name.
        explore: whether to act with exploration, as in training.
        budget: the largest size of the moments, in bytes.

    Attributes:
        env: the environment.
        painter: painter of the environment, or None.
        cells: the painter, if its picture is a grid of cells; otherwise None.
        controls: names and keys of the actions.
        episode: number of the present episode, from 0.
        moments: the stored moments, the present one last.
        rewards: rewards of all steps of the episode.
        returns: returns of the finished episodes, the newest last.
        curve: evaluations during the agent's training, if known.
        visits: number of visits of each cell since the player was made; empty without cells.

    Raises:
        ArenaError: if the environment cannot be made.
    """

    def __init__(
        self,
        factory: EnvironmentFactory,
        actor: EpisodeActor,
        *,
        seed: int = 0,
        place: int = 0,
        rounds: int = 1,
        horizon: int = 10_000,
        name: str = "",
        explore: bool = False,
        budget: int | None = None,
    ) -> None:
        self.factory, self.episode_actor, self.name = factory, actor, name
        self.seed, self.horizon, self.explore = seed, horizon, explore
        self._place, self._rounds, self._budget = place, rounds, BUDGET if budget is None else budget
        self.env, self.painter = open_environment(factory, horizon)
        self.cells = self.painter if isinstance(self.painter, CellPainter) else None
        self.controls = known_controls(self.env) or Controls()
        #: Move of each action, in cells to the right and down; None if actions are no moves, or a wrapper changes them.
        self.moves = self.cells.moves if self.cells is not None and plain_actions(self.env) else None
        self.moments: deque[Moment] = deque()
        self.returns: list[float] = []
        self._total = 0.0
        self.curve: EvaluationCurve | None = None
        self.visits = np.zeros(self.cells.rows * self.cells.columns if self.cells else 0, np.int64)
        # Environments may draw from the global generators: they are replaced meanwhile, as in an evaluation.
        self._generators = Generators(seed)
        self.episode = -1
        self.begin(0)

    @property
    def actor(self) -> Actor | None:
        """The agent's actor; None if a person acts."""
        return self.episode_actor if isinstance(self.episode_actor, Actor) else None

    @property
    def mean_return(self) -> float:
        """Mean return of the finished episodes; there has to be one."""
        return self._total / len(self.returns)

    @property
    def now(self) -> Moment:
        """The newest moment."""
        return self.moments[-1]

    @property
    def first(self) -> int:
        """Step of the oldest stored moment."""
        return self.moments[0].step

    @property
    def ended(self) -> bool:
        """Whether the episode has ended."""
        return bool(self.now.ended)

    def at(self, step: int) -> Moment:
        """Moment at a step, or the nearest stored one."""
        return self.moments[min(max(step - self.first, 0), len(self.moments) - 1)]

    def begin(self, episode: int) -> None:
        """Begins an episode by its number."""
        self.episode, self._kept = episode, 0
        self.moments.clear()
        self.rewards = BoundedSeries()
        self.episode_actor.reset()
        seed = evaluation_episode_seed(self.seed, episode * self._rounds + self._place)
        observation, _ = self._guarded(lambda: self.env.reset(seed=seed))
        self._decide(Moment(0, self._scene(), copy.deepcopy(observation), 0.0, 0.0))

    def advance(self, action: Any = None) -> bool:
        """Takes a step; returns False if the episode has ended.

        Args:
            action: action that replaces the actor's.
        """
        last = self.now
        if last.ended:
            return False
        if action is not None:
            last = self.moments[-1] = replace(last, action=action)
        observation, reward, terminated, truncated, _ = self._guarded(lambda: self.env.step(last.action))
        ended = "terminated" if terminated else "truncated" if truncated else ""
        observation, reward = (
            copy.deepcopy(observation),
            float(reward),
        )  # the environment may reuse the array
        self.rewards.append(reward)
        moment = Moment(last.step + 1, self._scene(), observation, reward, last.total + reward, ended=ended)
        if ended:
            self.returns.append(moment.total)
            self._total += moment.total
            self._keep(moment)
        else:
            self._decide(moment)
        return True

    def close(self) -> None:
        """Closes the environment."""
        self.env.close()

    def _decide(self, moment: Moment) -> None:
        action = self.episode_actor.act(moment.observation, explore=self.explore)
        self._keep(
            Moment(
                moment.step, moment.scene, moment.observation, moment.reward, moment.total, action,
                self.episode_actor.estimates(),
            )
        )  # fmt: skip

    def _keep(self, moment: Moment) -> None:
        if self.cells is not None:
            self.visits[self.cells.cell(moment.scene)] += 1
        self.moments.append(moment)
        self._kept += moment.nbytes
        while self._kept > self._budget and len(self.moments) > 2:
            self._kept -= self.moments.popleft().nbytes

    def _scene(self) -> Any:
        if self.painter is not None:
            unwrapped: Any = self.env.unwrapped
            return unwrapped.scene()
        if self.env.render_mode != "rgb_array":
            return None
        try:
            with self._generators.lent("act"):
                frame = self.env.render()
        except Exception:  # no frame: the observation is displayed instead
            return None
        return _compressed_frame(frame)

    def _guarded(self, call: Callable[[], Any]) -> Any:
        """Calls the environment with the player's generators in place of the global ones; errors become one line."""
        try:
            with self._generators.lent("act"):
                return call()
        except ArenaError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())
            raise ArenaError(
                f"{self.factory.id} raised {type(error).__name__} in episode {self.episode}: {reason}",
                "see --debug for its traceback",
            ) from error


def open_environment(factory: EnvironmentFactory, horizon: int) -> tuple[gym.Env[Any, Any], Painter | None]:
    """Makes an environment and its painter; without a painter it renders frames if it can."""
    env = factory.make(horizon)
    painter = getattr(env.unwrapped, "painter", None)
    if isinstance(painter, Painter):
        return env, painter
    if "rgb_array" not in (env.metadata.get("render_modes") or ()):
        return env, None
    try:
        rendering = factory.make(horizon, render_mode="rgb_array")
    except ArenaError:  # a user's function may take no render_mode
        return env, None
    env.close()
    return rendering, None


def render_speed(env: gym.Env[Any, Any], otherwise: float) -> float:
    """Steps per second by an environment's ``render_fps``."""
    fps = env.metadata.get("render_fps")
    if isinstance(fps, int | float) and not isinstance(fps, bool) and 0 < fps < 1e6:
        return float(fps)
    return otherwise


def _compressed_frame(frame: Any) -> CompressedFrame | None:
    """Compresses a frame, which may be gray or have an alpha channel; None if it is not a frame."""
    if not (isinstance(frame, np.ndarray) and frame.dtype == np.uint8 and frame.size):
        return None
    if frame.ndim == 2:
        frame = frame[..., None]
    if frame.ndim != 3 or frame.shape[2] not in (1, 3, 4):
        return None
    return CompressedFrame(np.repeat(frame, 3, axis=2) if frame.shape[2] == 1 else frame[..., :3])


def _nbytes(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_nbytes, value.values()))
    if isinstance(value, tuple | list):
        return sum(map(_nbytes, value))
    return int(getattr(value, "nbytes", 0))
