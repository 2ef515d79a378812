"""Every overlay draws for everybody, or says in a few words why not."""

from __future__ import annotations

import pygame
import pytest
from overlay_players import NAMES, PIXELS, Person, Recalling, Telling, at_newest, fresh, play, through

from arena.plugins.discovery import get_plugins
from arena_viewer.overlay import OverlaySwitch
from arena_viewer.player import Player
from arena_viewer.renderer import Renderer
from arena_viewer.roles import make_players

OVER = {"policy", "q-values", "values", "visits"}
#: Who plays, and what there is to draw.
CASTS = {
    "tables": (lambda: fresh("q-learning", "arena/CliffWalk-v0"), OVER | {"action-probabilities"}),
    "V alone": (
        lambda: fresh("td-prediction", "arena/CliffWalk-v0"),
        {"action-probabilities", "policy", "values", "visits"},
    ),
    "pixels": (
        lambda: fresh("dqn", "arena/FourRooms-v0", env_options=PIXELS),
        OVER | {"action-probabilities"},
    ),
    "nine moves": (
        lambda: fresh("sarsa", "arena/WindyGrid-v0", env_options={"num_actions": 9}),
        OVER | {"action-probabilities"},
    ),
    "changing": (lambda: fresh("q-learning", "arena/DynaMaze-v0"), OVER | {"action-probabilities"}),
    "lens": (
        lambda: through(Telling),
        OVER | {"action-probabilities", "latent", "reconstruction"},
    ),
    "joint": (lambda: through(Telling, joint=True), OVER | {"action-probabilities", "reconstruction"}),
    "memory before": (lambda: through(Recalling), {"action-probabilities", "latent", "visits"}),
    "memory within": (
        lambda: fresh("drqn", "arena/FourRooms-v0", env_options={"observation": "xy"}),
        {"visits"},
    ),
    "wrapped": (
        lambda: fresh("dqn", "arena/CliffWalk-v0", wrappers="FlattenObservation"),
        {"action-probabilities", "visits"},
    ),
    "continuous": (lambda: fresh("ppo", "arena/Pendulum-v0"), set()),
    "no picture": (lambda: fresh("q-learning", "arena/Garnet-v0"), {"action-probabilities"}),
}


@pytest.fixture(scope="module")
def casts():
    made = {name: make_players([make()])[0] for name, (make, _) in CASTS.items()}
    role = fresh("q-learning", "arena/CliffWalk-v0")
    made["person"] = Player(role.factory, Person(), seed=0)
    for one in made.values():
        play(one, 3)
    yield made
    for one in made.values():
        one.close()


@pytest.mark.parametrize("cast", [*CASTS, "person"])
@pytest.mark.parametrize("name", NAMES)
def test_each_draws_or_says_why_not(casts, cast, name):
    found = casts[cast]
    shown = OverlaySwitch(get_plugins().overlays[name], "")
    shown.on = True
    reason = shown.refusal(found)
    stands = CASTS[cast][1] if cast in CASTS else {"visits"}
    assert (reason is None) == (name in stands), reason
    if reason is not None:
        assert 0 < len(reason) <= 60 and not reason.endswith(".")
    renderer, pictures = Renderer(), []
    surface = pygame.Surface((900, 1100))
    for on in (False, True, True):
        shown.on = on
        renderer.draw(surface, at_newest([found], [shown]))
        pictures.append(pygame.image.tobytes(surface, "RGB"))
    assert not shown.failed
    assert pictures[1] == pictures[2]
    assert (pictures[0] != pictures[1]) == (reason is None)
    assert shown.refusal(found) == reason


@pytest.mark.parametrize("size", [(1, 1), (40, 30), (90, 400), (1120, 760)])
def test_no_window_is_too_small(casts, size):
    shown = [OverlaySwitch(get_plugins().overlays[name], "") for name in NAMES]
    for one in shown:
        one.on = True
    renderer = Renderer()
    for cast in ("lens", "nine moves", "tables"):
        found = casts[cast]
        for each in ([found], [found] * 5):
            renderer.draw(pygame.Surface(size), at_newest(each, shown))
    assert not any(one.failed for one in shown)


def test_an_end_says_nothing_and_is_drawn_all_the_same():
    player = make_players([fresh("q-learning", "arena/FourRooms-v0")], horizon=5)[0]
    play(player, 5)
    assert player.ended
    for name in NAMES:
        shown = OverlaySwitch(get_plugins().overlays[name], "")
        shown.on = True
        Renderer().draw(pygame.Surface((1120, 1400)), at_newest([player], [shown]))
        assert not shown.failed
