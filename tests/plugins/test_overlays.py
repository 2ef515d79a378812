"""What overlays draw is what agents say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pygame
import pytest
import torch
from overlay_players import NAMES, Telling, context_of, fresh, play, through

import arena
from arena.encoders.functional import reconstruct
from arena.palette import ACCENT
from arena.plugins.discovery import get_plugins
from arena_overlays.latent import Latent, trace_of
from arena_overlays.policy import Policy
from arena_overlays.q_values import SIDE, QValues
from arena_overlays.reconstruction import Reconstruction
from arena_overlays.values import SCALE, Values
from arena_overlays.visits import Visits
from arena_viewer.drawing import Area, Canvas
from arena_viewer.overlay import OverlaySwitch
from arena_viewer.playback import Playback
from arena_viewer.renderer import Renderer
from arena_viewer.roles import make_players, role_from_run


@pytest.fixture(scope="module")
def cliff(tmp_path_factory):
    """Who has learned the cliff."""
    out = tmp_path_factory.mktemp("runs")
    results = arena.train("q-learning", "arena/CliffWalk-v0", seeds=1, out=out, progress=False, trackers=())
    return role_from_run(results.runs[0]["path"])


@pytest.fixture
def player(cliff):
    found = make_players([cliff])[0]
    yield found
    found.close()


def drawn(overlay, context, size=(600, 600), ground=(255, 255, 255)):
    """What an overlay draws on an empty ground: shape (height, width, 3)."""
    surface = pygame.Surface(size)
    surface.fill(ground)
    overlay.draw(Canvas(surface), Area(0, 0, *size), context)
    return pygame.surfarray.array3d(surface).swapaxes(0, 1).astype(int)


def block(picture, painter, cell):
    """A cell's part of a picture."""
    row, column = divmod(cell, painter.columns)
    height, width = len(picture) // painter.rows, picture.shape[1] // painter.columns
    return picture[row * height : (row + 1) * height, column * width : (column + 1) * width]


def of_cliff(player):
    """A size of whole cells, and the cells where somebody decides."""
    painter = player.painter
    size = painter.columns * 50, painter.rows * 50
    return painter, size, np.flatnonzero(painter.states(player.now.scene) >= 0)


def test_all_are_registered_and_none_is_shown_at_first():
    specs = {name: spec for name, spec in get_plugins().overlays.items() if spec.plugin == "arena_overlays"}
    assert sorted(specs) == NAMES
    assert not any(spec.shown for spec in specs.values())
    assert len({spec.key for spec in specs.values()}) == len(specs)


def test_a_cell_has_the_colour_of_its_value(player):
    painter, size, cells = of_cliff(player)
    picture = drawn(Values(), context_of(player), size)
    values = player.actor.agent.q.max(axis=1)[painter.states(player.now.scene)[cells]]
    share = (values - values.min()) / (values.max() - values.min())
    place = np.linspace(0, 1, len(SCALE))
    found = np.array([block(picture, painter, cell)[2, 25] for cell in cells])
    expected = np.stack([np.interp(share, place, SCALE[:, channel]) for channel in range(3)], axis=1)
    assert np.abs(found - expected).max() <= 1
    order = np.argsort(values)
    assert (np.diff(found[order].sum(axis=1)) <= 1).all(), "the better, the darker"
    written = [np.ptp(block(picture, painter, cell)[30:].sum(axis=2)) > 100 for cell in cells]
    assert written == [cell != painter.cell(player.now.scene) for cell in cells], (
        "figures, but where it stands"
    )
    dark = drawn(Values(), context_of(player), size, ground=(0, 0, 0))
    assert not block(dark, painter, cells[0])[:20].any(), "what is dark stays dark"


def test_cells_where_nobody_decides_and_values_that_are_none_are_left_alone(cliff):
    role = fresh("q-learning", "arena/CliffWalk-v0")
    found = make_players([role])[0]
    painter, size, cells = of_cliff(found)
    role.agent.q[0] = np.nan
    role.agent.q[1], role.agent.q[2] = 3.0, 1.0
    picture = drawn(Values(), context_of(found), size)
    others = np.setdiff1d(np.arange(painter.rows * painter.columns), cells)
    assert (block(picture, painter, 0)[2, 25] == 255).all()
    assert (block(picture, painter, 1)[2, 25] == np.rint(SCALE[-1])).all()
    assert all((block(picture, painter, cell)[2, 25] == 255).all() for cell in others)
    drawn(Policy(), context_of(found), size)


def test_who_play_side_by_side_have_one_scale():
    roles = [fresh("q-learning", "arena/CliffWalk-v0") for _ in range(2)]
    cast = make_players(roles)
    for times, role in enumerate(roles, 1):
        role.agent.q[:] = times * (np.arange(len(role.agent.q)) + 1.0)[:, None]
    painter, size, cells = of_cliff(cast[0])
    states = painter.states(cast[0].now.scene)
    cell_of = {int(states[cell]): int(cell) for cell in cells}
    contexts, overlays = [replace(context_of(one), players=cast) for one in cast], [Values(), Values()]
    for overlay, context in zip(overlays, contexts, strict=True):
        overlay.prepare(context)
    pictures = [drawn(overlay, context, size) for overlay, context in zip(overlays, contexts, strict=True)]

    def colour(place, state):
        return block(pictures[place], painter, cell_of[state])[2, 25].tolist()

    pairs = [(value - 1, value // 2 - 1) for value in range(2, len(states), 2)]
    pairs = [(one, other) for one, other in pairs if one in cell_of and other in cell_of]
    assert len(pairs) > 10 and all(colour(0, one) == colour(1, other) for one, other in pairs)
    assert colour(0, max(cell_of)) != colour(1, max(cell_of)) == np.rint(SCALE[-1]).tolist()


def test_what_a_table_has_not_learned_is_left_alone_unless_that_is_everything():
    role = fresh("q-learning", "arena/CliffWalk-v0", agent_options={"initial_value": 2.0})
    found = make_players([role])[0]
    painter, size, cells = of_cliff(found)

    def painted():
        picture = drawn(Values(), context_of(found), size)
        return {int(cell) for cell in cells if (block(picture, painter, cell)[2, 25] != 255).any()}

    assert painted() == set(cells.tolist()), "an untrained table says what it says"
    role.agent.q[1, 0], role.agent.q[2] = 1.0, 3.0
    states = painter.states(found.now.scene)
    assert painted() == {int(cell) for cell in cells if states[cell] in (1, 2)}


def test_arrows_lead_along_the_way(player):
    painter, size, _ = of_cliff(player)
    overlay = Policy()
    while not player.ended:
        moment = player.now
        move = painter.moves[moment.action]
        ink = 255 - block(drawn(overlay, context_of(player), size), painter, painter.cell(moment.scene)).mean(
            2
        )
        down, right = np.mgrid[:50, :50] - 24.5
        pull = np.array([(ink * right).sum(), (ink * down).sum()]) / ink.sum()
        best = np.flatnonzero(np.isclose(moment.estimates.action_values, moment.estimates.value))
        if len(best) == 1:
            assert pull @ move > 1
            assert abs(pull[0] * move[1]) + abs(pull[1] * move[0]) < 0.5
        player.advance()
    assert player.now.ended == "terminated"


@pytest.mark.parametrize(
    ("probabilities", "actions"),
    [((0.5, 0.25, 0.2, 0.05), 3), ((0.5, 0.0, 0.5, 0.0), 2), ((1.0, 0, 0, 0), 1)],
)
def test_arrows_are_as_long_as_actions_are_probable(player, monkeypatch, probabilities, actions):
    monkeypatch.setattr(player.actor, "action_values", lambda batch: None)
    monkeypatch.setattr(player.actor, "probabilities", lambda batch: np.tile(probabilities, (len(batch), 1)))
    painter, _, _ = of_cliff(player)
    picture = drawn(Policy(), context_of(player), (painter.columns * 40, painter.rows * 40))
    ink = np.pad(255 - block(picture, painter, 0).mean(2), 0) > 60
    rows, columns = np.nonzero(ink)
    reach = {"up": 20 - rows.min(), "right": columns.max() - 19, "down": rows.max() - 19}
    longest = reach["up"]
    assert 11 <= longest <= 15
    if actions == 1:
        assert reach["down"] == pytest.approx(longest, abs=2), "one alone goes through the middle"
        assert reach["right"] < 6
    else:
        for name, probability in zip(reach, probabilities, strict=False):
            assert probability < 0.06 or reach[name] == pytest.approx(longest * probability / 0.5, abs=2)


def test_actions_that_are_equally_good_are_all_drawn(cliff):
    role = fresh("q-learning", "arena/CliffWalk-v0")
    role.agent.q[:] = (1.0, 0.0, 1.0 - 1e-13, 0.0)
    found = make_players([role])[0]
    painter, size, cells = of_cliff(found)
    ink = block(255 - drawn(Policy(), context_of(found), size).mean(2), painter, cells[0]) > 60
    assert ink[:20].sum(axis=1).max() > 4 and ink[30:].sum(axis=1).max() > 4, "two heads"
    assert not ink[:, :15].any() and not ink[:, 35:].any()


def test_visits_are_those_that_can_be_counted(player):
    painter, size, _ = of_cliff(player)
    by_hand = np.zeros(painter.rows * painter.columns, int)
    by_hand[painter.cell(player.now.scene)] += 1
    for _ in range(33):
        if not player.advance():
            player.begin(player.episode + 1)
        by_hand[painter.cell(player.now.scene)] += 1
    overlay = Visits()
    cells, counts, label = overlay.counts(context_of(player))
    assert label == "visits watched"
    assert (by_hand[cells] == counts).all() and counts.sum() == 34
    picture = drawn(overlay, context_of(player), size)
    tinted = np.array([(block(picture, painter, cell)[2, 25] < 255).any() for cell in range(len(by_hand))])
    assert (tinted == (by_hand > 0)).all()
    darkness = np.array([765 - block(picture, painter, cell)[2, 25].sum() for cell in range(len(by_hand))])
    assert darkness[by_hand.argmax()] == darkness.max()


def test_visits_are_those_of_training_where_they_are_counted(tmp_path):
    results = arena.train(
        "q-learning", "arena/CliffWalk-v0", seeds=1, steps=500, out=tmp_path, progress=False, trackers=(),
        agent_options={"learning_rate_schedule": "visits"},
    )  # fmt: skip
    found = make_players([role_from_run(results.runs[0]["path"])])[0]
    cells, counts, label = Visits().counts(context_of(found))
    assert label == "visits in training"
    assert (counts == found.actor.agent.visits.sum(axis=1)[cells]).all()
    assert counts.sum() > 400


def test_the_card_is_that_of_the_cell_under_the_mouse(player):
    shown = OverlaySwitch(get_plugins().overlays["q-values"], "q")
    playback, renderer = Playback([player], overlays=[shown]), Renderer()
    surface = pygame.Surface((1120, 760))

    def picture():
        renderer.draw(surface, playback)
        return pygame.surfarray.array3d(surface).swapaxes(0, 1).astype(int)

    before = picture()
    shown.on = True
    painter = player.painter
    cell = 14
    world = renderer.pictures[0]
    place = world.cell(1, 2, painter.rows, painter.columns)
    renderer.mouse = place.middle
    changed = np.argwhere((picture() != before).any(axis=2))
    assert not shown.failed
    assert changed.min(axis=0)[1] >= place.x - 1
    assert changed.max(axis=0)[1] <= place.right + SIDE + 12
    overlay, context = QValues(), context_of(player, cell)
    found = overlay.of_cell(context)
    for (right, down), value in found.items():
        action = int(np.flatnonzero((painter.moves == (right, down)).all(axis=1))[0])
        assert value == player.actor.agent.q[cell, action]
    # The triangles, the best one darkest: between a figure and the card's edge.
    left, top = place.right + 10, np.clip(place.middle[1] - SIDE / 2, world.y + 2, world.bottom - SIDE - 2)
    after = picture()
    tone = {
        move: after[
            round(top + SIDE / 2 + 0.44 * SIDE * move[1]), round(left + SIDE / 2 + 0.44 * SIDE * move[0])
        ].sum()
        for move in found
    }
    assert min(tone, key=tone.__getitem__) in [
        move for move in found if found[move] >= max(found.values()) - 1e-9
    ]
    assert max(tone, key=tone.__getitem__) == min(found, key=found.__getitem__)
    renderer.mouse = world.cell(3, 5, painter.rows, painter.columns).middle  # the cliff: nobody decides there
    assert (picture() == before).all()


def test_what_an_agent_says_is_asked_again_once_it_has_changed():
    role = fresh("q-learning", "arena/CliffWalk-v0")
    found = make_players([role])[0]
    for overlay in (Values(), Policy(), QValues()):
        role.agent.q[:] = 0.0
        found.actor.version += 1
        first = drawn(overlay, context_of(found))
        role.agent.q[:, 1] = np.arange(len(role.agent.q))
        assert (drawn(overlay, context_of(found)) == first).all(), "asked once"
        found.actor.version += 1
        assert (drawn(overlay, context_of(found)) != first).any()


def test_the_path_goes_through_the_codes():
    found = make_players([through(Telling)], explore=True)[0]
    play(found, 20)
    context = context_of(found, moment=found.at(12))
    codes = np.stack([moment.estimates.code for moment in found.moments])
    trace = trace_of(context)
    assert trace.axes == tuple(sorted(np.argsort(-codes[:16].var(axis=0))[:2]))
    assert np.allclose(trace.path, codes[:13, list(trace.axes)])
    assert np.allclose(trace.now, codes[12])
    area = Area(0, 0, 100, 50)
    points = np.array(Latent.points(area, trace))
    low, high = codes[:, list(trace.axes)].min(0), codes[:, list(trace.axes)].max(0)
    expected = (codes[:13, list(trace.axes)] - low) / (high - low) * (100, -50) + (0, 50)
    assert np.allclose(points, expected, atol=1e-4)
    picture = drawn(Latent(), context, (256, 194))
    x, y = Latent.points(Area(0, 18, 256, 132).inset(10), trace)[-1]
    assert tuple(picture[round(y), round(x)]) == ACCENT


@pytest.mark.parametrize("joint", [False, True])
def test_a_reconstruction_is_perception_s(joint):
    found = make_players([through(Telling, joint)], explore=True)[0]
    encoder = found.actor.agent.problem.features.encoder if joint else found.actor.environment.encoder.encoder
    overlay = Reconstruction()

    def pictures():
        seen, reconstructed = overlay.pictures(context_of(found))
        observation = np.asarray(found.now.observation)
        assert (seen == observation).all()
        assert (reconstructed == reconstruct(encoder, observation[None]).numpy()[0]).all()
        return reconstructed

    first = pictures()
    play(found, 3)
    assert (pictures() != first).any(), "of the moment"
    now = pictures()
    with torch.no_grad():
        encoder.v.bias.add_(3.0)
    found.actor.version += 1
    assert (pictures() != now).any(), "of the encoder as it is"
