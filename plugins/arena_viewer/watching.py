"""Playback of runs in a window or as a film: `arena.watch`."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from arena.errors import ArenaError, unknown_name
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

#: The ways of seeing an agent through its training.
SIDE_BY_SIDE, LAPSE = "side-by-side", "lapse"

#: Steps a second of an environment that does not say.
STEPS = 8.0

#: Snapshots side by side, unless `grid` has another number.
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
) -> None:
    """Shows the agents of runs as they act, in a window until it is closed, or as a film.

    Args:
        runs: run folders: ``RUN``, ``RUN@best`` or ``RUN@20000``; several play side by side, in the same episodes.
        record: a file that ends in .mp4, .gif or .png, in the place of a window.
        checkpoints: one episode through training, by the agents of a run's snapshots, together or one after another.
        grid: rows and columns of worlds at once.
        overlay: what is laid over the world at first; see `arena list overlays`.
        at: which agent of a run: ``last``, ``best`` (by its evaluations), or after so many steps, such as ``"20000"``.
        seed: of the episodes; the first run's, if not given.
        episode: the one to begin with, from 1.
        episodes: of a film; 1, if not given, or one a snapshot of a time-lapse.
        horizon: the longest episode, in steps.
        explore: whether to act as in training.
        speed: steps a second.
        size: width and height, in points.
        scale: pixels a point.
        fps: frames a second of a film.

    Raises:
        ArenaError: what was wrong, with what, and the remedy; no display, for one.

    Example:
        >>> arena.watch("runs/q-learning_arena-CliffWalk-v0_seed0_…", record="cliff.gif")  # doctest: +SKIP
    """
    columns, is_film = None if grid is None else grid[1], record is not None
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
    """Warns of overlays that were asked for by name, and that the film does not show."""
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
    """The agents of runs, or of one run's snapshots where they are to stand side by side.

    Raises:
        ArenaError: no such run or snapshot, or several runs where there can be one.
    """
    if checkpoints == SIDE_BY_SIDE:
        return roles_through_training(single_run(runs), _count(grid) or MOST_CHECKPOINTS)
    return [role_from_run(run, at) for run in ([single_run(runs)] if checkpoints else runs)]


def single_run(runs: Sequence[str | Path]) -> str | Path:
    """The only run.

    Raises:
        ArenaError: there are more.
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
