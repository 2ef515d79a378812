"""``arena gallery`` and `arena.load` of a fit: what is drawn where, and that it is what the encoder says."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from PIL import Image

import arena
from arena.api import train_experiment
from arena.cli import main
from arena.encoders.base import Encoder
from arena.encoders.distributions import mode
from arena.encoders.functional import reconstruct
from arena.errors import ArenaError
from arena.experiments.fit import Fit
from arena.frames.fits import resolve_fit
from arena.frames.references import open_data
from arena.frames.split import rows_of
from arena.runs.loaded_encoder import LoadedEncoder
from arena_gallery import gallery
from arena_gallery.cells import Bars, Picture, Row, Scatter, Section, one_colour
from arena_gallery.observation_renderer import ObservationRenderer, class_colours
from arena_gallery.page import draw
from run_files import put, taken

ROOMS = {"env_options": {"observation": "pixels", "tile_size": 2}}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder in which fits keep their frames."""
    folder, before = tmp_path_factory.mktemp("home"), Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


def fitted(encoder, source, **settings):
    """The folder of a run, as short as it can be."""
    fit = resolve_fit(encoder, source, trackers=(), **settings)
    return Path(train_experiment(fit, out="runs", progress=False).runs[0]["path"])


@pytest.fixture(scope="module")
def pca(home):
    return fitted("pca", "digits", encoder_options={"latent": 3})


@pytest.fixture(scope="module")
def unet(home):
    return fitted("unet", "arena/FourRooms-v0", frames=60, num_envs=4, horizon=9, steps=2, **ROOMS)


@pytest.fixture(scope="module")
def regressor(home):
    return fitted("regressor", "arena/FourRooms-v0", frames=60, num_envs=4, horizon=9, steps=2, **ROOMS)


def pixels(drawn):
    return np.asarray(Image.open(io.BytesIO(drawn.png)))


def tiles(drawn, section, row):
    """The cells of a row as the page has them, from left to right."""
    page = pixels(drawn)
    places = [place for place in drawn.page.places if (place.section, place.row) == (section, row)]
    return [page[place.top : place.bottom, place.left : place.right] for place in places]


def small(tile, side):
    """A tile at one pixel a pixel; every block of it has one colour."""
    times = len(tile) // side
    assert tile.shape == (side * times, side * times, 3)
    shrunk = tile[::times, ::times]
    assert np.array_equal(tile, shrunk.repeat(times, axis=0).repeat(times, axis=1))
    return shrunk


def test_each_tile_is_the_frame_that_stands_there(pca):
    loaded = arena.load(pca)
    drawn = gallery(loaded, rows=2, columns=10)
    frames = open_data(loaded.fit.data)
    held = rows_of(frames, "validation", 0.1, 0)
    section = drawn.sections[0]
    assert section.title == "Reconstructions"
    assert [row.name for row in section.rows] == ["held out", "reconstructed"] * 2
    for line in (0, 2):
        for column, (above, below) in enumerate(
            zip(tiles(drawn, 0, line), tiles(drawn, 0, line + 1), strict=True)
        ):
            shown = small(above, 8)
            assert (shown[..., :1] == shown).all()
            levels = np.rint(shown[..., :1] / 255 * 16).astype(np.uint8)
            same = (frames.observation[held] == levels).all(axis=(1, 2, 3))
            assert same.any()
            assert column in frames.labels["digit"][held[same]]  # one of each class, in their order
            told = reconstruct(loaded.encoder, torch.from_numpy(levels[None])).numpy()[0, ..., 0]
            assert np.array_equal(small(below, 8)[..., 0], np.rint(told / 16 * 255))


def test_walks_end_at_reconstructions_and_sweeps_are_decoded(pca):
    loaded = arena.load(pca)
    drawn = gallery(loaded, rows=2, columns=5)
    titles = [section.title for section in drawn.sections]
    assert titles == ["Reconstructions", "Samples", "Walks", "One number of the code at a time", "Codes"]
    told = [small(tile, 8) for tile in tiles(drawn, 0, 1) + tiles(drawn, 0, 3)]
    for number in range(2):
        walk = [small(tile, 8) for tile in tiles(drawn, 2, number)]
        assert np.array_equal(walk[0], told[number])
        assert np.array_equal(walk[-1], told[2 + number])
        assert len(walk) == 5
    assert [row.name for row in drawn.sections[2].rows] == ["from 0 to 2", "from 1 to 3"]
    assert [row.name for row in drawn.sections[3].rows] == ["number 1", "number 2", "number 3"]
    middles = [tiles(drawn, 3, row)[2] for row in range(3)]  # the mean code, whichever number is swept
    assert np.array_equal(middles[0], middles[1])
    assert np.array_equal(middles[0], middles[2])


def test_the_same_bytes_again_and_others_with_another_seed(pca):
    loaded = arena.load(pca)
    torch.manual_seed(1)
    one = gallery(loaded, rows=1, columns=4)
    torch.manual_seed(2)
    state = torch.get_rng_state()
    assert gallery(arena.load(pca), rows=1, columns=4).png == one.png
    assert torch.equal(torch.get_rng_state(), state)
    assert gallery(loaded, rows=1, columns=4, seed=1).png != one.png


def test_no_two_cells_meet_and_all_are_on_the_page(pca, unet):
    for run in (pca, unet):
        page = gallery(arena.load(run)).page
        for number, one in enumerate(page.places):
            assert 0 < one.left < one.right < page.width
            assert 0 < one.top < one.bottom < page.height
            for other in page.places[:number]:
                apart = one.left >= other.right or other.left >= one.right
                assert apart or one.top >= other.bottom or other.top >= one.bottom


def test_what_is_perceived_stands_below_the_label_in_its_colours(unet):
    loaded = arena.load(unet)
    drawn = gallery(loaded, rows=1, columns=3)
    section = drawn.sections[0]
    assert section.title == "Predicted: semantic"
    names = [row.name for row in section.rows]
    assert names == ["held out", "label", "predicted", "wrong"]
    frames = open_data(loaded.fit.data)
    held = rows_of(frames, "validation", 0.1, 0)
    assert frames.labels["semantic"].shape[1:] == frames.observation.shape[1:3]  # a label a pixel
    tile = [[small(cell, 26) for cell in tiles(drawn, 0, row)] for row in range(4)]
    right = []
    for seen, label, said, wrong in zip(*tile, strict=True):
        # At two pixels a tile every class has one colour, and that is the label's.
        assert np.array_equal(seen, label)
        same = (frames.observation[held] == seen).all(axis=(1, 2, 3))
        truth = frames.labels["semantic"][held[same][0]]
        told = loaded.encoder.perceive(torch.from_numpy(seen[None].copy()))["semantic"].numpy()[0]
        assert np.array_equal((wrong == wrong[0, 0]).all(axis=2) == (told == truth)[0, 0], told == truth)
        assert (said[told == truth] == label[told == truth]).all()
        right.append((told == truth).mean())
    assert 0 <= section.figures["accuracy"] < 1


def test_numbers_are_plotted_against_what_they_are(regressor):
    loaded = arena.load(regressor)
    section = gallery(loaded).sections[0]
    assert section.title == "Predicted: state"
    cells = section.rows[0].cells
    assert [cell.across for cell in cells] == ["state 1", "state 2"]
    frames = open_data(loaded.fit.data)
    held = rows_of(frames, "validation", 0.1, 0)
    for number, cell in enumerate(cells):
        assert np.array_equal(cell.x, frames.labels["state"][held][:, number])
        assert cell.x.shape == cell.y.shape


def test_an_encoder_that_only_encodes_has_its_codes_drawn_by_the_step(home):
    settings = {"frames": 60, "num_envs": 4, "horizon": 9, "steps": 1, **ROOMS}
    loaded = arena.load(fitted("random-cnn", "arena/FourRooms-v0", **settings))
    [section] = gallery(loaded).sections
    assert section.title == "Codes"
    [cell] = section.rows[0].cells
    assert cell.legend.title == "episode step"
    assert len(cell.x) == len(rows_of(open_data(loaded.fit.data), "validation", 0.1, 0))


def test_of_vectors_reconstructions_are_plots_and_all_else_bars(home):
    options = {"encoder_options": {"latent": 1}}
    run = fitted("vae", "arena/Pendulum-v0", frames=200, horizon=9, labels=["state"], steps=2, **options)
    loaded = arena.load(run)
    drawn = gallery(loaded, columns=3)
    told, samples, walks, sweeps, codes = drawn.sections
    frames = open_data(loaded.fit.data)
    held = rows_of(frames, "validation", 0.1, 0)
    again = reconstruct(loaded.encoder, torch.from_numpy(frames.observation[held].copy())).numpy()
    for number, cell in enumerate(told.rows[0].cells):
        assert np.array_equal(cell.x, frames.observation[held][:, number])
        assert np.allclose(cell.y, again[:, number], atol=1e-5)
    assert all(isinstance(cell, Bars) for part in (samples, walks, sweeps) for cell in part.rows[0].cells)
    assert [cell.legend.title for cell in codes.rows[0].cells] == ["state 1", "state 2"]
    assert set(codes.figures) == {"r2_1", "r2_2", "r2_3"}


def test_an_encoder_that_can_do_nothing_is_refused(pca):
    loaded = arena.load(pca)

    class Mute(Encoder):
        def loss(self, batch):
            return torch.zeros(())

    loaded.encoder = Mute(loaded.encoder.space, None)
    with pytest.raises(ArenaError, match="Mute neither encodes, decodes, samples nor predicts labels"):
        gallery(loaded)


def test_it_is_loaded_without_frames_and_encodes_alike_in_any_company(pca, tmp_path):
    loaded = arena.load(pca)
    assert isinstance(loaded, LoadedEncoder)
    assert not loaded.encoder.training
    assert loaded.steps == 26
    observations = open_data(loaded.fit.data).observation[:70].copy()
    z = loaded.encode(observations)
    assert z.shape == (70, 3)
    assert np.allclose(z, mode(loaded.encoder.encode(torch.from_numpy(observations))).numpy(), atol=1e-5)
    copy = shutil.copytree(pca, tmp_path / "copy")
    away = tmp_path / "away"
    shutil.move("frames", away)
    try:
        assert np.array_equal(arena.load(copy).encode(observations[5:6]), z[5:6])
        shutil.rmtree(copy / "checkpoint")  # from its snapshot
        assert np.array_equal(arena.load(copy).encode(observations), z)
        again = gallery(arena.load(copy), rows=1, columns=2)  # the frames are collected again
        assert Path("frames").exists()
    finally:
        shutil.rmtree("frames", ignore_errors=True)
        shutil.move(away, "frames")
    assert again.png == gallery(loaded, rows=1, columns=2).png
    with pytest.raises(ArenaError, match=r"observations have the shape \(70, 8, 8\)"):
        loaded.encode(observations[..., 0])
    with pytest.raises(ArenaError, match="observations have type float32, not uint8"):
        loaded.encode(observations.astype(np.float32))


def test_the_command(pca, tmp_path, capsys):
    out = tmp_path / "vae.png"
    assert main(["gallery", str(pca), "--out", str(out), "--columns", "3", "--rows", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    page = np.asarray(Image.open(out))
    assert page.shape == (found["height"], found["width"], 3)
    assert out.read_bytes() == gallery(arena.load(pca), rows=1, columns=3).png
    metrics = [json.loads(line) for line in (pca / "metrics.jsonl").read_text().splitlines()]
    assert found["held_out_loss"] == -metrics[-1]["evaluation"]
    assert found["subtitle"].startswith("digits · 26 updates · held-out loss")
    assert [len(section["cells"]) for section in found["sections"]] == [6, 3, 3, 9, 1]
    assert main(["gallery", str(pca), "--columns", "3"]) == 0
    text = capsys.readouterr().out
    assert "gallery.png" in text
    assert "Walks: straight lines" in text
    assert (pca / "gallery.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_snapshot_is_named_as_everywhere(pca, capsys):
    [first, *_] = sorted(int(folder.name) for folder in (pca / "snapshots").iterdir())
    for words in ([f"{pca}@{first}"], [str(pca), "--at", str(first)]):
        assert main(["gallery", *words, "--rows", "1", "--columns", "2", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["subtitle"].startswith(f"digits · {first} updates")
        assert (found["run"], found["path"]) == (str(pca), str(pca / "gallery.png"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["agent"], "trained the agent random, not an encoder; give a run of `arena fit`"),
        (["nowhere"], "nowhere is not a run"),
        (["pca", "--out", "there/is/no/folder.png"], "cannot write there/is/no/folder.png"),
        (["pca", "--out", "picture.jpg"], "does not end in .png; write picture.jpg.png"),
        (["pca", "--at", "7"], "has no snapshot '7'"),
        (["pca", "--columns", "51"], "columns is 51; give 50 at most"),
    ],
)
def test_errors_are_one_line(pca, words, said, capsys):
    run, *rest = words
    if run == "agent":
        results = arena.train("random", "FrozenLake-v1", steps=100, seeds=1, out="runs", progress=False)
        run = results.runs[0]["path"]
    assert main(["gallery", str(pca) if run == "pca" else run, *rest]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_an_encoder_neither_plays_nor_collects(pca, capsys):
    assert main(["eval", str(pca)]) == 2
    assert "fitted the encoder pca, which does not act; give a run of `arena train`" in (
        capsys.readouterr().err
    )


def test_frames_that_changed_are_refused(pca, tmp_path):
    copy = shutil.copytree(pca, tmp_path / "copy")
    document = json.loads((copy / "run.json").read_text())
    document["experiment"]["frames"]["digest"] = "0" * 64
    document["id"] = Fit.from_dict(document["experiment"]).id(0)
    put(copy / "run.json", document)
    for manifest in copy.glob("snapshots/*/manifest.json"):
        values = taken(manifest)
        put(manifest, {**values, "info": {**values["info"], "id": document["id"]}})
    shutil.rmtree(copy / "checkpoint")
    with pytest.raises(ArenaError, match="are not those of the fit"):
        gallery(arena.load(copy))


def test_grey_colour_and_numbers_are_shown_as_they_are():
    rng = np.random.default_rng(0)
    grey = gym.spaces.Box(0, 16, (8, 8, 1), np.uint8)
    seen = rng.integers(0, 17, (4, 8, 8, 1)).astype(np.uint8)
    for cell, frame in zip(ObservationRenderer(grey, seen).cells(seen), seen, strict=True):
        assert np.array_equal(cell.pixels, np.rint(frame / 16 * 255).astype(np.uint8).repeat(3, axis=2))
    coloured = gym.spaces.Box(0, 255, (6, 5, 3), np.uint8)
    seen = rng.integers(0, 256, (4, 6, 5, 3)).astype(np.uint8)
    for cell, frame in zip(ObservationRenderer(coloured, seen).cells(seen), seen, strict=True):
        assert np.array_equal(cell.pixels, frame)
    stacked = gym.spaces.Box(0, 255, (4, 6, 5), np.uint8)
    seen = rng.integers(0, 256, (4, 4, 6, 5)).astype(np.uint8)
    renderer = ObservationRenderer(stacked, seen)
    assert renderer.note == "the last of 4 channels"
    assert np.array_equal(renderer.cells(seen)[0].pixels[..., 0], seen[0, 3])
    numbers = gym.spaces.Box(-9, 9, (2,), np.float32)
    values = np.array([[0, -4], [2, 4], [1, 0]], np.float32)
    bars = ObservationRenderer(numbers, values).cells(values)
    assert [bar.values.tolist() for bar in bars] == [[0, 0], [1, 1], [0.5, 0.5]]
    with pytest.raises(ArenaError, match="neither images nor few enough to be a curve"):
        ObservationRenderer(gym.spaces.Box(-1, 1, (70, 70), np.float32), np.zeros((1, 70, 70), np.float32))


def test_a_class_has_the_colour_of_its_pixels_unless_two_look_alike():
    frame = np.zeros((4, 4, 3), np.uint8)
    frame[:2], frame[2:] = (200, 10, 10), (0, 0, 90)
    maps = np.array([[[1, 1], [4, 4]]])
    colours = class_colours(6, maps, (Picture(frame),))
    assert colours[[1, 4]].tolist() == [[200, 10, 10], [0, 0, 90]]
    frame[2:] = (200, 12, 12)
    apart = class_colours(6, maps, (Picture(frame),))
    assert len({tuple(row) for row in apart.tolist()}) == 6
    many = class_colours(40, np.zeros((1, 3, 3), np.int64), ())
    assert len({tuple(row) for row in many.tolist()}) == 40


def test_bars_and_points_are_where_their_values_are():
    bars = Bars(np.array([0.0, 1.0]))
    dots = Scatter(np.array([0.0, 1.0]), np.array([0.0, 1.0]), one_colour(2, (200, 0, 0)), side=100)
    page = draw("title", "subtitle", [Section("a", (Row("b", (bars,)),)), Section("c", (Row("", (dots,)),))])
    drawn = np.asarray(Image.open(io.BytesIO(page.png)))
    one, other = (
        drawn[place.top : place.bottom, place.left : place.right].astype(int) for place in page.places
    )
    blue = (one[..., 2] - one[..., 0]) > 100
    half = one.shape[1] // 2
    assert not blue[:-10, :half].any()
    assert blue[10:-10, half:].any(axis=1).all()
    red = (other[..., 0] - other[..., 1]) > 60
    assert red[50:, :50].any() and red[:50, 50:].any()
    assert not red[:50, :50].any() and not red[50:, 50:].any()


def test_words_that_are_too_long_or_strange_are_cut():
    section = Section(
        "Ω ← quite another title", (Row("a name that never ends", (Bars(np.ones(40)),)),), "x" * 900
    )
    page = draw("−1", "ł" * 300, [section])
    assert page.width < 1200
