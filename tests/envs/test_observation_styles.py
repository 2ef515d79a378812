"""Frames by their meaning: walls look like walls, the walker is where the state says, tiles can be told apart."""

import itertools

import numpy as np
import pytest

from arena_gridworld.observation import Scene, make_observer
from arena_gridworld.observation.canvas import Canvas
from arena_gridworld.observation.sprites import GLYPHS, sprite
from arena_gridworld.observation.styles import PALETTE, STYLES, WALKER, tile_style
from arena_gridworld.tiles import CODES, TILES

#: How linear light reaches the eye: of most people, of deuteranopes and of protanopes (Machado et al. 2009).
SIGHTS = {
    "all cones": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)


def lab(rgb, sight):
    """CIE L*a*b* of sRGB from 0 to 255; distances of 2 are just noticeable."""
    share = np.asarray(rgb, dtype=float) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = np.clip(linear @ sight.T, 0, 1) @ TO_XYZ.T / [0.95047, 1, 1.08883]
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), axis=-1)


def distances(pictures, sight):
    """Of each pair, the mean over their pixels."""
    colours = lab(np.stack(pictures), SIGHTS[sight])
    for i, j in itertools.combinations(range(len(pictures)), 2):
        yield i, j, np.linalg.norm(colours[i] - colours[j], axis=-1).mean()


@pytest.mark.parametrize("tile", [1, 2, 4, 8, 16, 33])
def test_the_walker_is_where_the_state_says_and_walls_are_walls(tile):
    cells = np.zeros((4, 5), np.uint8)
    cells[0], cells[3, 4] = CODES["wall"], CODES["goal"]
    n = cells.size
    place, still = np.arange(n)[::-1].astype(np.int32), np.zeros(n, np.int32)
    scene = Scene(rows=4, columns=5, position=place, layout=still, layouts=cells[None])
    eye = make_observer("pixels", scene, tile_size=tile)
    frames = np.empty((n, *eye.space.shape), np.uint8)
    eye.observe(np.arange(n), frames)
    tiles = frames.reshape(n, 4, tile, 5, tile, 3).swapaxes(2, 3).reshape(n, n, -1, 3).astype(int)
    for state in range(n):
        walker = n - 1 - state
        # The walker fills the middle of its own tile, and is on no other.
        blue = (np.abs(tiles[state] - WALKER) <= 2).all(axis=-1).mean(axis=-1)
        assert blue[walker] > 0.15
        assert not np.delete(blue, walker).any()
        for colour, code in (
            (PALETTE["slate"], "wall"),
            (PALETTE["green"], "goal"),
            (PALETTE["paper"], "floor"),
        ):
            there = np.flatnonzero(cells.ravel() == CODES[code])
            share = (tiles[state, there[there != walker]] == colour).all(axis=-1).mean(axis=-1)
            assert (share > 0.5).all()


@pytest.mark.parametrize("sight", SIGHTS)
def test_kinds_of_tiles_are_told_apart_by_one_pixel(sight):
    names = ["floor", "wall", "start", "goal", "cliff", "lava", "ice", "wind"]
    pictures = [sprite(name, 1) for name in names] + [sprite("floor", 1, walker=True)]
    for i, j, distance in distances(pictures, sight):
        assert distance > 10, (names[i], ["…", *names][j - len(names)])


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("tile", [3, 5, 6, 8, 16, 32])
def test_all_tiles_are_told_apart_where_they_have_pictures(tile, sight):
    names = [tile.name for tile in TILES]
    for i, j, distance in distances([sprite(name, tile) for name in names], sight):
        assert distance > 2, (names[i], names[j])


@pytest.mark.parametrize("tile", [1, 3, 6, 8, 16, 64, 300])
@pytest.mark.parametrize("walker", [False, True])
def test_sprites_are_squares_of_bytes_that_nobody_can_spoil(tile, walker):
    picture = sprite("lava", tile, walker)
    assert picture.shape == (tile, tile, 3) and picture.dtype == np.uint8 and not picture.flags.writeable


def test_looks_go_by_name():
    assert tile_style("wind left").turns == tile_style("wind_west").turns == 3
    assert tile_style("door-b").ink == tile_style("key b").ink != tile_style("key a").ink
    assert tile_style("open door").glyph == tile_style("door a open").glyph == "door_open"
    assert tile_style("teleport 3").level == 3 and tile_style("teleport 7").second
    unknown = tile_style("swamp")
    assert unknown.glyph == "token" and unknown == tile_style("swamp") != tile_style("bridge")
    assert {look.glyph for look in STYLES.values()} <= set(GLYPHS)
    assert all(
        tile_style(tile.name).glyph in GLYPHS and tile_style(tile.name).glyph != "token" for tile in TILES
    )


@pytest.mark.parametrize("tile", [3, 8, 24])
def test_wind_points_where_it_blows(tile):
    up = sprite("wind up", tile).astype(int).sum(axis=-1)
    left = sprite("wind left", tile).astype(int).sum(axis=-1)
    middle = slice(tile // 3, tile - tile // 3)
    assert up[: tile // 2 + 1, middle].sum() < up[tile - tile // 2 - 1 :, middle].sum()  # darker at the head
    assert left[middle, : tile // 2 + 1].sum() < left[middle, tile - tile // 2 - 1 :].sum()


def test_shapes_cover_their_area():
    for shape, area in (
        (lambda c: c.disc(0.5, 0.5, 0.3), np.pi * 0.09),
        (lambda c: c.ring(0.5, 0.5, 0.3, 0.1), np.pi * 0.06),
        (lambda c: c.box(0.1, 0.3, 0.6, 0.9), 0.3),
        (lambda c: c.box(0.1, 0.3, 0.6, 0.9, 0.1), 0.3 - (4 - np.pi) * 0.01),
        (lambda c: c.line(((0.2, 0.2), (0.7, 0.2)), 0.1), 0.05 + np.pi * 0.0025),
        (lambda c: c.polygon(((0.1, 0.1), (0.9, 0.1), (0.5, 0.5), (0.9, 0.9), (0.1, 0.9))), 0.48),
        (lambda c: c.wave(0.5, 0.001, 0.2), 0.2),
    ):
        canvas = Canvas(50, (0, 0, 0))
        canvas.fill(shape(canvas), (250, 250, 250))
        assert canvas.pixels().mean() / 250 == pytest.approx(area, rel=0.01)
