"""Playback of episodes: players that step together, time, speed and checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from arena.errors import ArenaError
from arena_viewer.overlay import OverlaySwitch
from arena_viewer.player import Moment, Player

if TYPE_CHECKING:
    from arena_viewer.follower import RunFollower

__all__ = ["SPEEDS", "Checkpoints", "Playback", "nearest_speed"]

#: Levels of the speed, in steps per second.
SPEEDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 250.0, 500.0, 1000.0)

#: Seconds for which the end of an episode is displayed.
HOLD = 1.2

#: The largest number of steps between two frames of a window, so that it stays responsive.
MOST_STEPS = 64


class Checkpoints(Protocol):
    """Snapshots of a run from which a player's agent can be chosen."""

    @property
    def steps(self) -> Sequence[int]:
        """Training steps of each snapshot."""
        ...

    @property
    def place(self) -> int:
        """Place of the player's present snapshot."""
        ...

    @property
    def unit(self) -> str:
        """Unit of the training steps."""
        ...

    def go(self, place: int) -> None:
        """Loads a snapshot into the player's agent, by its place."""


class Playback:
    """Playback of several players in step; the next episode begins when all players have ended.

    Args:
        players: one or more players.
        title: title of the window.
        speed: steps per second.
        overlays: overlays that can be switched on.
        checkpoints: snapshots that the only player can load.
        lapse: whether the episode is repeated with the next checkpoint before the next episode begins.
        following: keeps the player's agent up with a run that is being trained.

    Attributes:
        position: displayed time, in steps from the episode's beginning; between two steps, positions are interpolated.
        paused: whether time stands still.
        steered: whether a person controls time, instead of a speed.
        patience: seconds that players may take for their steps in one tick; None (films): no limit.
        notice: short text about the last command, for some seconds.
    """

    def __init__(
        self,
        players: Sequence[Player],
        *,
        title: str = "",
        speed: float = 8.0,
        overlays: Sequence[OverlaySwitch] = (),
        checkpoints: Checkpoints | None = None,
        lapse: bool = False,
        follower: RunFollower | None = None,
    ) -> None:
        self.players, self.title, self.overlays = list(players), title, list(overlays)
        self.checkpoints, self.lapse, self.follower = checkpoints, lapse, follower
        self.speed = speed
        self.paused = self.action_from_input = False
        self.patience: float | None = None
        self.position = 0.0
        self.notice, self._notice_left = "", 0.0
        self._held = 0.0
        #: Steps of the longest episode that has ended.
        self.longest = 0

    @property
    def episode(self) -> int:
        """Number of the episode, from 0."""
        return self.players[0].episode

    @property
    def newest(self) -> int:
        """Latest step of any player."""
        return max(player.now.step for player in self.players)

    @property
    def first(self) -> int:
        """Oldest step that can be displayed."""
        return min(player.first for player in self.players)

    @property
    def span(self) -> int:
        """Length of the timeline in steps: of the episode, or, before its end, of the longest episode so far."""
        return max(self.newest if self.ended else max(self.newest, self.longest), 1)

    @property
    def ended(self) -> bool:
        """Whether the episodes of all players have ended."""
        return all(player.ended for player in self.players)

    @property
    def over(self) -> bool:
        """Whether the episode has ended and its end is displayed."""
        return self.ended and self.position >= self.newest

    @property
    def status(self) -> str:
        """Training steps of the agent that plays, as a short text; empty if unknown."""
        if self.follower is not None:
            return self.follower.status
        points = self.checkpoints
        return f"after {points.steps[points.place]:,} {points.unit}s" if points and points.steps else ""

    def seen(self, player: Player) -> tuple[Moment, Moment | None, float]:
        """Moment of a player to draw, the moment before it, and the fraction of time between them."""
        step = min(math.ceil(self.position), player.now.step)
        moment = player.at(step)
        share = self.position - (step - 1)
        if share >= 1 or step <= player.first:
            return moment, None, 1.0
        return moment, player.at(step - 1), share

    def tick(self, seconds: float) -> bool:
        """Advances time by some seconds; returns whether the next episode has just begun."""
        if self.follower is not None:
            self.follower.pulse()
        self._notice_left -= seconds
        if self._notice_left <= 0:
            self.notice = ""
        if self.paused:
            return False
        if self.over:
            self._held += seconds
            if self._held < HOLD:
                return False
            self._next()
            return True
        steps = self.speed * seconds
        self._go(steps if self.patience is None else min(steps, MOST_STEPS))
        return False

    def say(self, text: str, seconds: float = 2.0) -> None:
        """Shows a short text for some seconds."""
        self.notice, self._notice_left = text, seconds

    def pause(self) -> None:
        """Pauses or resumes."""
        self.paused = not self.paused

    def forward(self) -> None:
        """Pauses one step later."""
        self.paused = True
        self._go(math.floor(self.position) + 1 - self.position)

    def back(self) -> None:
        """Pauses one step earlier."""
        self.seek(math.ceil(self.position) - 1)

    def seek(self, step: float) -> None:
        """Goes to a step of the episode that has been played, and pauses."""
        self.paused = True
        self._held = 0.0
        self.position = float(min(max(step, self.first), self.newest))

    def faster(self, by: int = 1) -> None:
        """Raises or lowers the speed by some levels of `SPEEDS`."""
        place = SPEEDS.index(nearest_speed(self.speed)) + by
        self.speed = SPEEDS[min(max(place, 0), len(SPEEDS) - 1)]
        self.say(f"{self.speed:g} steps a second")

    def go_to(self, episode: int) -> None:
        """Begins an episode by its number."""
        for player in self.players:
            player.begin(max(episode, 0))
        self.position = self._held = 0.0

    def checkpoint(self, by: int) -> None:
        """Repeats the episode with the agent of a later or earlier snapshot."""
        if self.checkpoints is None or not self.checkpoints.steps:
            several = len(self.players) > 1
            self.say(
                "checkpoints are for one agent" if several else "there are no checkpoints to choose from"
            )
            return
        place = self.checkpoints.place + by
        if not 0 <= place < len(self.checkpoints.steps):
            self.say("that is the last checkpoint" if by > 0 else "that is the first checkpoint")
            return
        self.checkpoints.go(place)
        self.go_to(self.episode)

    def checkpoint_near(self, step: float) -> None:
        """Repeats the episode with the agent of the snapshot nearest to a number of training steps."""
        points = self.checkpoints
        if points is not None and points.steps:
            place = min(range(len(points.steps)), key=lambda place: abs(points.steps[place] - step))
            points.go(place)
            self.go_to(self.episode)

    def refusal(self, overlay: OverlaySwitch) -> str | None:
        """Reason why an overlay cannot draw for any player; None if it can."""
        reasons = [overlay.refusal(player) for player in self.players]
        return None if None in reasons else reasons[-1]

    def switch(self, overlay: OverlaySwitch) -> None:
        """Switches an overlay on or off."""
        reason = self.refusal(overlay)
        if reason is not None and not overlay.on:
            self.say(f"{overlay.title}: {reason}", 4.0)
            return
        overlay.on = not overlay.on

    def close(self) -> None:
        """Closes the environments."""
        for player in self.players:
            player.close()
        if self.follower is not None:
            self.follower.close()

    def _next(self) -> None:
        if self.follower is not None:
            self.follower.refresh()
        points = self.checkpoints
        if self.lapse and points is not None:
            points.go((points.place + 1) % len(points.steps))
            self.go_to(self.episode + (points.place == 0))
        else:
            self.go_to(self.episode + 1)

    def _go(self, steps: float) -> None:
        """Advances the position, and takes steps that are due."""
        self.position += steps
        began = time.monotonic()
        while self.newest < self.position and not self.ended:
            for player in self.players:
                player.advance()
            if self.patience is not None and time.monotonic() - began > self.patience:
                break  # a slow agent slows the playback down, not the window
        self.position = min(self.position, float(self.newest))
        if self.ended:
            self.longest = max(self.longest, self.newest)


def nearest_speed(speed: float) -> float:
    """The nearest of `SPEEDS`."""
    if not math.isfinite(speed) or speed <= 0:
        raise ArenaError(f"the speed is {speed}", "give a number of steps a second, such as 8")
    return min(SPEEDS, key=lambda known: abs(math.log(known / speed)))
