"""Playback of runs in a window or as a film: `arena.watch`."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from arena.errors import ArenaError, unknown_name
from arena.plugins.trust import trusting
from arena.runs.snapshots import LAST
from arena_viewer.display import headless
from arena_viewer.filming import record as film
from arena_viewer.follower import RunFollower
from arena_viewer.keys import TAKEN
from arena_viewer.overlay import OverlaySwitch, load_overlays
from arena_viewer.playback import Playback
from arena_viewer.player import BUDGET, FILM_BUDGET, render_speed
from arena_viewer.renderer import SIZE, Renderer
from arena_viewer.roles import Role, Snapshots, make_players, role_from_run, roles_through_training

__all__ = ["LAPSE", "SIDE_BY_SIDE", "playback_of", "single_run", "warn_about_overlays", "watch"]

#: Ways to display an agent's snapshots.
SIDE_BY_SIDE, LAPSE = "side-by-side", "lapse"

#: Steps per second, if the environment has no render_fps.
STEPS = 8.0

#: Number of snapshots side by side, unless `grid` has another number.
MOST_CHECKPOINTS = 9


def watch(
    *runs: str | Path,
    record: str | Path | None = None,
    checkpoints: Literal["side-by-side", "lapse"] | None = None,
    grid: tuple[int, int] | None = None,
    overlay: Sequence[str] = (),
    at: str = LAST,
    seed: int | None = None,
    episode: int = 1,
    episodes: int | None = None,
    horizon: int | None = None,
    explore: bool = False,
    speed: float | None = None,
    size: tuple[int, int] = SIZE,
    scale: float = 1.0,
    fps: int = 30,
    trust: bool = False,
) -> None:
    """Shows the agents of runs as they act, in a window until it is closed, or as a film.

    Args:
        runs: run folders: ``RUN``, ``RUN@best`` or ``RUN@20000``; several runs play the same episodes side by side.
        record: film to record (.mp4, .gif or .png) instead of opening a window.
        checkpoints: one episode by each snapshot's agent: ``side-by-side``, or ``lapse`` for one after another.
        grid: rows and columns of environments side by side.
        overlay: overlays that are on at first; see `arena list overlays`.
        at: snapshot of a run: ``last``, ``best`` (by mean evaluation return), or training steps, such as ``"20000"``.
        seed: seed of the episodes; by default the first run's.
        episode: first episode, from 1.
        episodes: number of episodes in a film; by default 1, or one for each snapshot of a time-lapse.
        horizon: step limit of an episode.
        explore: whether to act with exploration, as in training.
        speed: environment steps per second.
        size: width and height, in points.
        scale: pixels per point.
        fps: frames per second of a film.
        trust: whether to import the code that the run folders name; see `arena.load`.

    Raises:
        ArenaError: no such run or snapshot, code that is not trusted, an invalid argument, or no display.

    Example:
        >>> arena.watch("runs/q-learning_arena-CliffWalk-v0_seed0_…", record="cliff.gif")  # doctest: +SKIP
    """
    columns, is_film = None if grid is None else grid[1], record is not None
    with trusting(trust):
        roles = roles_of(runs, checkpoints, grid, at)
    with contextlib.ExitStack() as stack:
        if is_film:
            stack.enter_context(headless())
        playback = playback_of(
            roles,
            checkpoints=checkpoints,
            grid=grid,
            named=overlay,
            seed=seed,
            episode=episode,
            horizon=horizon,
            explore=explore,
            speed=speed,
            film=is_film,
        )
        stack.callback(playback.close)
        if record is None:
            from arena_viewer.window import Window

            Window(playback, Renderer(columns=columns), size=size, scale=scale).run()
        else:
            renderer = Renderer(columns=columns, hint=False)
            film(
                playback, Path(record), renderer=renderer, size=size, scale=scale, fps=fps, episodes=episodes
            )
            warn_about_overlays(playback, overlay)


def warn_about_overlays(playback: Playback, names: Sequence[str]) -> None:
    """Warns of named overlays that the film does not show."""
    for shown in playback.overlays:
        reason = shown.failed or (playback.refusal(shown) if shown.spec.name in names else None)
        if reason is not None:
            warnings.warn(f"overlay {shown.spec.name} is not in the film: {reason}", stacklevel=3)


def roles_of(
    runs: Sequence[str | Path],
    checkpoints: str | None = None,
    grid: tuple[int, int] | None = None,
    at: str = LAST,
) -> list[Role]:
    """Roles of runs, or of one run's snapshots side by side.

    Raises:
        ArenaError: no such run or snapshot, or several runs where only one is possible.
    """
    if checkpoints == SIDE_BY_SIDE:
        return roles_through_training(single_run(runs), _count(grid) or MOST_CHECKPOINTS)
    return [role_from_run(run, at) for run in ([single_run(runs)] if checkpoints else runs)]


def single_run(runs: Sequence[str | Path]) -> str | Path:
    """The run, if there is only one.

    Raises:
        ArenaError: there are several runs.
    """
    if len(runs) != 1:
        raise ArenaError("checkpoints, and following a training, are for one run", "give one run folder")
    return runs[0]


def playback_of(
    roles: Sequence[Role],
    *,
    checkpoints: str | None = None,
    grid: tuple[int, int] | None = None,
    named: Sequence[str] = (),
    seed: int | None = None,
    episode: int = 1,
    horizon: int | None = None,
    explore: bool = False,
    speed: float | None = None,
    follow: bool = False,
    film: bool = False,
) -> Playback:
    """Playback of some agents.

    Args:
        roles: the agents that play; see `roles_of`.
        checkpoints: see `watch`.
        grid: see `watch`.
        named: names of the overlays that are on.
        seed: see `watch`.
        episode: see `watch`.
        horizon: see `watch`.
        explore: see `watch`.
        speed: see `watch`.
        follow: whether newer agents of the run, while it trains, replace the one that plays.
        film: whether a film is recorded: it never goes back, so fewer moments are kept.
    """
    count = _count(grid) if checkpoints != SIDE_BY_SIDE else None
    shown = _switched_on(named)
    players = make_players(
        roles,
        count=None if count is None else max(count, len(roles)),
        seed=seed,
        horizon=horizon,
        explore=explore,
        budget=(FILM_BUDGET if film else BUDGET) // max(count or len(roles), len(roles)),
    )
    actors = [player.actor for player in players if player.actor is not None]
    alone = len(roles) == 1 and roles[0].run is not None
    playback = Playback(
        players,
        title=_title(roles, checkpoints),
        speed=speed or render_speed(players[0].env, STEPS),
        overlays=shown,
        checkpoints=Snapshots(roles[0], actors) if alone and not follow else None,
        lapse=checkpoints == LAPSE,
        follower=RunFollower(roles[0], actors) if follow else None,
    )
    if playback.lapse and playback.checkpoints is not None:
        if not playback.checkpoints.steps:
            raise ArenaError(f"{roles[0].name} has no snapshots yet", "train it first")
        playback.checkpoints.go(0)
    if episode > 1 or playback.lapse:
        playback.go_to(episode - 1)
    for one in shown:
        if one.spec.name in named and (reason := playback.refusal(one)) is not None:
            playback.say(f"{one.title}: {reason}", 4.0)
    return playback


def _switched_on(names: Sequence[str]) -> list[OverlaySwitch]:
    found = load_overlays(TAKEN)
    known = {overlay.spec.name: overlay for overlay in found}
    for name in names:
        if name not in known:
            raise unknown_name("overlay", name, known)
        known[name].on = True
    return found


def _count(grid: tuple[int, int] | None) -> int | None:
    return None if grid is None else grid[0] * grid[1]


def _title(roles: Sequence[Role], checkpoints: str | None) -> str:
    first = roles[0]
    names = list(dict.fromkeys(role.name for role in roles))
    if checkpoints and first.run is not None:
        names = [first.run.spec.name]
    agents = " and ".join(names) if len(names) <= 3 else f"{len(names)} agents"
    return f"{agents}{' (untrained)' if first.run is None else ''} · {first.factory.id}"
