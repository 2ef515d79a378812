"""The engine against a simulator in plain Python, state by state and action by action, on maps with every tile."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator import Walk

import arena_gridworld as ag
from arena.errors import ArenaError
from arena_gridworld.tiles import CODES, TILES

EVERYTHING = """\
S.~~~.#1.
.a~#~.B.^
..>.v.#G.
C~<.b.##A
.~L.~~1.S"""

MOVES = {4: ag.MOVES, 8: ag.KINGS_MOVES, 9: ag.KINGS_MOVES_AND_STAY}


def distribution(outcomes):
    """Probabilities by outcome, equal outcomes merged."""
    found = {}
    for probability, *outcome in outcomes:
        found[tuple(outcome)] = found.get(tuple(outcome), 0.0) + probability
    return {outcome: pytest.approx(p) for outcome, p in found.items()}


def compare(env, walk):
    """Follows both from the starts through every state that an episode can be in; how many there were."""
    world, model, columns = env.world, env.model, env.world.columns
    first = {(*start, frozenset()): start[0] * columns + start[1] for start in walk.starts}
    assert np.flatnonzero(model.initial).tolist() == sorted(first.values())
    index, new = dict(first), list(first)
    while new:
        state = new.pop()
        for action in range(model.num_actions):
            row = model.row(index[state], action)
            mine = zip(
                model.probability[row].tolist(),
                model.successor[row].tolist(),
                model.reward[row].tolist(),
                model.terminated[row].tolist(),
                strict=True,
            )
            theirs = walk.outcomes(*state, action)
            for _, successor, _, terminated in theirs:
                if successor not in index:
                    place, keys = successor[0] * columns + successor[1], successor[2]
                    found = [
                        s
                        for s in np.flatnonzero(world.position == place)
                        if held(world.layouts[world.layout[s]], world.layouts[0]) == keys
                    ]
                    assert len(found) == 1, (successor, found)
                    index[successor] = int(found[0])
                    if not terminated:
                        new.append(successor)
            assert distribution(mine) == distribution([(p, index[s], r, t) for p, s, r, t in theirs])
    return len(index)


def held(layout, first):
    """The keys that are gone in a layout, whose doors must be open then and only then."""
    keys = {TILES[code].key for code in np.unique(first[layout != first]) if TILES[code].key}
    for code in np.unique(first):
        tile = TILES[code]
        expected = CODES["open door"] if tile.door in keys else CODES["floor"] if tile.key in keys else code
        if tile.key or tile.door:
            assert (layout[first == code] == expected).all()
    return frozenset(keys)


@pytest.mark.parametrize("moves", [4, 8, 9])
@pytest.mark.parametrize("slip", [0.0, 0.3])
@pytest.mark.parametrize("stochastic", [False, True])
def test_every_tile_in_one_map(moves, slip, stochastic):
    wind = (0, 0, 0, 1, 0, 0, -2, 0, 1)
    env = ag.Grid(
        map=EVERYTHING,
        num_actions=moves,
        slip=slip,
        wind=wind,
        wind_tile_strength=2,
        stochastic_wind=stochastic,
    )
    walk = Walk(EVERYTHING, MOVES[moves], slip, wind, 2, stochastic)
    assert compare(env, walk) > 100
    assert len(env.world.layouts) == 4
    assert env.world.num_states == 4 * 45


@st.composite
def rough(draw):
    width = draw(st.integers(3, 6))
    line = st.text("....~~^v<>#abLC", min_size=width, max_size=width)
    lines = [list("SG".ljust(width, ".")), *map(list, draw(st.lists(line, min_size=2, max_size=5)))]
    places = [(r, c) for r in range(1, len(lines)) for c in range(width)]
    for symbol, place in zip("11abAB", draw(st.permutations(places)), strict=False):
        lines[place[0]][place[1]] = symbol
    if sum(line.count("1") for line in lines) == 1:
        lines = [["." if tile == "1" else tile for tile in line] for line in lines]
    text = "\n".join(draw(st.permutations(["".join(line) for line in lines])))
    for letter in "ab":
        if letter not in text:
            text = text.replace(letter.upper(), "#")
    wind = draw(st.lists(st.integers(-2, 2), min_size=width, max_size=width))
    return text, tuple(wind)


@settings(deadline=None, max_examples=60)
@given(rough(), st.sampled_from((4, 8, 9)), st.sampled_from((0.0, 0.25)), st.booleans(), st.integers(0, 3))
def test_any_map(drawn, moves, slip, stochastic, gust):
    text, wind = drawn
    options = {"map": text, "num_actions": moves, "slip": slip, "wind": wind, "wind_tile_strength": gust}
    walk = Walk(text, MOVES[moves], slip, wind, gust, stochastic, {".": -0.5, "L": -3.0})
    with contextlib.suppress(ArenaError):  # wind may keep the goal from being reached
        env = ag.Grid(**options, stochastic_wind=stochastic, step_reward=-0.5, lava_reward=-3.0)
        compare(env, walk)


def test_keys_open_all_their_doors_and_vanish_together():
    env = ag.Grid(map="Saa.\nA.A.\nA..G", render_mode="ansi")
    env.reset(seed=0)
    env.step(1)
    assert env.render() == "S@..\n'.'.\n'..G"
    assert env.world.num_states == 24  # three of its keys and doors make two layouts


def test_only_sets_of_keys_that_can_be_held_have_a_layout():
    env = ag.Grid(map="Sa.A.bBG")  # b lies behind a's door
    assert len(env.world.layouts) == 3
    assert env.world.num_states == 24


def test_maps_without_keys_have_their_cells_as_states():
    world = ag.Grid(map="S~1^\n1..G").world
    assert world.position.tolist() == list(range(8))
    assert not world.layout.any()
    assert world.layouts.shape == (1, 2, 4)


def test_ice_goes_on_until_something_stops_it():
    env = ag.Grid(map="S~~~#\n.~~.G", render_mode="ansi")
    env.reset(seed=0)
    env.step(1)
    assert env.render() == "S~~@#\n.~~.G"  # the wall
    env.step(2)
    env.reset()
    env.step(2)
    env.step(1)
    assert env.render() == "S~~~#\n.~~@G"  # the first floor
    assert env.step(1)[2]


def test_wind_is_that_of_the_column_that_a_step_leaves():
    model = ag.WindyGrid().model
    # Exercise 6.5's own example: one cell to the right of the goal, left leads to just above the goal.
    assert model.successor[model.row(3 * 10 + 8, 3)].tolist() == [2 * 10 + 7]


def test_too_many_sets_of_keys(monkeypatch):
    from arena_gridworld import engine

    monkeypatch.setattr(engine, "MOST_STATES", 200)
    with pytest.raises(ArenaError, match=r"the map has more than 200 states.*use fewer kinds of keys"):
        ag.Grid(map="Sabdefh\n......G")


def test_wind_that_does_not_fit_the_map():
    with pytest.raises(
        ArenaError, match="wind has 2 strengths for a map of 3 columns; give one strength for each column"
    ):
        ag.Grid(map="S.G", wind=(1, 0))
