"""Control by a person: keys and the mouse become actions, and episodes are recorded."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
import numpy as np

from arena.agents.actor import Estimates
from arena.results.text import format_number
from arena.training.evaluation import evaluation_episode_seed
from arena_viewer.drawing import Point
from arena_viewer.key_actions import PUSHES, action_from_input, controls_of
from arena_viewer.minari_data import RecordedEpisode
from arena_viewer.playback import Playback
from arena_viewer.player import Player, render_speed

__all__ = ["HumanActor", "HumanController"]

#: Steps per second of an environment in which time runs, unless the environment or --speed gives another value.
STEPS = 30.0

#: Seconds of the animation of a step, in an environment that waits for the person.
GLIDE = 0.12


class HumanActor:
    """Actor of a player that a person steers: all actions come from `HumanController`."""

    version = 0

    def reset(self) -> None:
        """Does nothing: there is no memory."""

    def act(self, observation: Any, *, explore: bool = False) -> Any:
        """None: `HumanController` gives the action later."""
        return None

    def estimates(self) -> Estimates:
        """No estimates."""
        return Estimates()


class HumanController:
    """Steers the first player of a playback; the other players step whenever the person does.

    In an environment that waits for an action, each key press is a step. In others time runs from the first key press
    or mouse movement on, and the held keys and the mouse determine the action of each step.

    Args:
        playback: its first player's actor is a `HumanActor`.
        speed: steps per second where time runs.
        keep: whether to keep the episodes, for a data set.

    Attributes:
        played: the episodes that have come to an end, if they are kept.
        returns: of all that have.

    Raises:
        ArenaError: a keyboard and a mouse cannot give the actions.
    """

    def __init__(self, playback: Playback, speed: float | None = None, keep: bool = True) -> None:
        self.playback, self.player = playback, playback.players[0]
        self.controls = controls_of(self.player.env)
        self.player.controls = self.controls
        playback.action_from_input = True
        self.space: Any = self.player.env.action_space
        self._speed = speed or render_speed(self.player.env, STEPS)
        self.runs = self.controls.idle is not None
        self.recorded_episodes: list[RecordedEpisode] = []
        self.returns: list[float] = []
        self._keep = keep
        self._held: frozenset[str] = frozenset()
        self._due = 0.0
        self._rest: Point | None = None
        self._begin(self.player.episode)

    def pressed(self, name: str) -> bool:
        """Handles a pressed key; returns whether the key steers."""
        if name in ("return", "enter", "backspace") and (self.player.ended or name == "backspace"):
            self._begin(self.player.episode + (name != "backspace"))
            return True
        if name not in self.keys():
            return False
        if self.player.ended:
            return True
        self._held |= {name}
        if not self.runs:
            self._step(self.controls.keys[name])
        self._begun = True
        return True

    def released(self, name: str) -> None:
        """Handles a released key."""
        self._held -= {name}

    def tick(self, seconds: float, mouse: Point | None) -> None:
        """Advances time by some seconds."""
        playback = self.playback
        playback.paused = True  # time is the person's
        glide = self._speed if self.runs else 1 / GLIDE
        playback.position = min(float(playback.newest), playback.position + seconds * glide)
        if self.player.ended:
            self._let_others_end()
            return
        self._begun = self._begun or self._has_moved(mouse)
        if self.runs and self._begun:
            self._due += seconds * self._speed
            while self._due >= 1 and not self.player.ended:
                self._due -= 1
                self._step(self._wanted(mouse))

    def _has_moved(self, mouse: Point | None) -> bool:
        """Whether the mouse has moved over the picture of a continuous environment in this episode."""
        if mouse is None or not isinstance(self.space, gym.spaces.Box):
            return False
        self._rest = self._rest or mouse
        return mouse != self._rest

    def keys(self) -> dict[str, str]:
        """Every key that steers, with its description."""
        if isinstance(self.space, gym.spaces.Box):
            return {
                key: f"push {way} number {axis + 1}"
                for axis, pair in enumerate(PUSHES[: int(np.prod(self.space.shape))])
                for key, way in zip(pair, ("down", "up"), strict=True)
            }
        start = int(self.space.start)
        names = self.controls.names
        return {
            key: names[action - start] if action - start < len(names) else f"action {action}"
            for key, action in self.controls.keys.items()
        }

    def _wanted(self, mouse: Point | None) -> Any:
        """The action of the held keys and of the mouse."""
        if isinstance(self.space, gym.spaces.Box):
            return action_from_input(self.space, self._held, mouse, self.controls.idle)
        held = [key for key in self.controls.keys if key in self._held]
        return self.controls.keys[held[-1]] if held else self.controls.idle

    def _step(self, action: Any) -> None:
        player = self.player
        player.advance(action)
        now = player.now
        if self._keep:
            self._actions.append(copy.deepcopy(action))
            self._observations.append(now.observation)
            self._rewards.append(now.reward)
        for other in self.playback.players[1:]:
            other.advance()
        if self.runs:
            self.playback.position = max(self.playback.position, self.playback.newest - 1.0)
        if player.ended:
            self.returns.append(now.total)
            if self._keep:
                self.recorded_episodes.append(self._finished())

    def _finished(self) -> RecordedEpisode:
        count, ended = len(self._actions), self.player.now.ended
        last = np.arange(count) == count - 1
        return RecordedEpisode(
            seed=evaluation_episode_seed(self.player.seed, self.player.episode),
            observations=self._observations,
            actions=self._actions,
            rewards=self._rewards,
            terminations=(last & (ended == "terminated")).tolist(),
            truncations=(last & (ended == "truncated")).tolist(),
        )

    def _let_others_end(self) -> None:
        """Lets the other players end their episodes after the person's, then shows the scores."""
        others = self.playback.players[1:]
        waiting = [other for other in others if not other.ended]
        for other in waiting:
            other.advance()
        if not waiting:
            self.playback.say(f"{self._score(others)}   ·   enter: next episode, backspace: restart", 1.0)

    def _score(self, others: list[Player]) -> str:
        mine = f"you {format_number(self.player.now.total)}"
        return "   ".join([mine, *(f"{other.name} {format_number(other.now.total)}" for other in others)])

    def _begin(self, episode: int) -> None:
        self.playback.go_to(episode)
        self.playback.paused = True
        self._due, self._begun = 0.0, False
        self._observations = [self.player.now.observation]
        self._actions: list[Any] = []
        self._rewards: list[float] = []
        self._rest = None
        self.playback.say("")  # the score was of the episode before
        if self.runs:
            mouse = "move the mouse over the picture, or " if isinstance(self.space, gym.spaces.Box) else ""
            self.playback.say(f"{mouse}press a key to begin, such as {next(iter(self.keys()), '')}", 4.0)
