"""The pen: words shortened to their room, pictures in proportion, what is kept, whole pixels; with no display."""

import itertools
import math

import numpy as np
import pygame
import pytest
from planted_worlds import Red, player_of, shown_of

from arena_viewer import drawing as pen_module
from arena_viewer.drawing import BODY, Area, Canvas, surface_of
from arena_viewer.frames import png_bytes, rgb_array
from arena_viewer.playback import Playback
from arena_viewer.renderer import Renderer

WHITE = (255, 255, 255)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_a_text_is_shortened_to_its_room(scale):
    text = "Ünïcode and a rather long line\nof words"
    whole = Canvas(pygame.Surface((900, 60)), scale)
    width = whole.width_of(text.replace("\n", "?"), BODY)
    for room in (0, 3, 10, 50, 100, width - 1, width, width + 1, math.inf):
        canvas = Canvas(pygame.Surface((900, 60)), scale)
        taken = canvas.text((2, 30 / scale / 2), text, BODY, WHITE, room=room)
        ink = np.flatnonzero(rgb_array(canvas.surface).any((0, 2)))
        assert taken <= room and (taken == width) == (room >= width)
        assert not len(ink) or ink.max() <= (2 + taken) * scale + 1


def test_a_text_stands_as_it_is_aligned():
    for align, left in (("left", 100), ("centre", None), ("right", None)):
        canvas = Canvas(pygame.Surface((400, 40)), 1.0)
        width = canvas.text((100, 20), "mmmm", BODY, WHITE, align=align)
        ink = np.argwhere(rgb_array(canvas.surface).any(-1))
        left = {"left": 100, "centre": 100 - width / 2, "right": 100 - width}[align]
        assert ink[:, 1].min() == pytest.approx(left, abs=2)
        assert ink[:, 1].max() == pytest.approx(left + width, abs=2)
        assert ink[:, 0].mean() == pytest.approx(20, abs=3)


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (7, 3), (200, 100), (1, 400), (400, 1)])
@pytest.mark.parametrize("room", [(10, 10), (100, 37), (37, 100), (1, 1)])
def test_a_picture_keeps_its_proportions(smooth, shape, room):
    height, width = shape
    canvas = Canvas(pygame.Surface((120, 120)))
    area = Area(5, 6, *room)
    at = canvas.picture(area, np.full((*shape, 3), 255, np.uint8), smooth)
    assert at.width <= room[0] and at.height <= room[1]
    assert area.x <= at.x and at.right <= area.right and area.y <= at.y and at.bottom <= area.bottom
    share = min(room[0] / width, room[1] / height)
    share = math.floor(share) if share > 1 and not smooth else share
    assert at.width == max(1, round(width * share)) and at.height == max(1, round(height * share))
    lit = np.argwhere(rgb_array(canvas.surface).all(-1))
    assert lit.min(0).tolist() == [at.y, at.x]
    assert lit.max(0).tolist() == [at.bottom - 1, at.right - 1]


def test_what_is_kept_is_drawn_once_for_each_key_size_and_scale():
    calls = []

    def draw(canvas, area):
        calls.append((canvas.scale, area.width))
        canvas.fill(area, (9, 9, 9))

    surface = pygame.Surface((100, 100))
    for _ in range(3):
        for key, width, scale in (("a", 10, 1.0), ("b", 10, 1.0), ("a", 20, 1.0), ("a", 10, 2.0)):
            surface.fill((0, 0, 0))
            Canvas(surface, scale).kept(
                (test_what_is_kept_is_drawn_once_for_each_key_size_and_scale, key), Area(1, 2, width, 5), draw
            )
            lit = np.argwhere(rgb_array(surface).any(-1))
            assert lit.min(0).tolist() == [2 * scale, scale]
            assert (np.ptp(lit, 0) + 1).tolist() == [5 * scale, width * scale]
    assert calls == [(1.0, 10), (1.0, 10), (1.0, 20), (2.0, 10)]


def test_neighbours_stay_neighbours_at_any_scale():
    for scale in (0.5, 0.67, 1.1, 1.75, 3.0):
        canvas, whole = Canvas(pygame.Surface((400, 400)), scale), Area(3.3, 4.7, 97.1, 55.5)
        for columns in (1, 3, 7):
            boxes = [canvas.pixels(whole.cell(0, column, 1, columns)) for column in range(columns)]
            assert all(one.right == other.left for one, other in itertools.pairwise(boxes))
            assert (boxes[0].left, boxes[-1].right) == (canvas.pixels(whole).left, canvas.pixels(whole).right)


def test_equal_pixels_are_equal_files():
    frame = np.random.default_rng(0).integers(256, size=(30, 40, 3), dtype=np.uint8)
    surface = surface_of(frame)
    assert np.array_equal(rgb_array(surface), frame)
    assert png_bytes(surface) == png_bytes(surface_of(frame.copy())) and png_bytes(surface).startswith(
        b"\x89PNG"
    )


def test_a_window_of_many_sizes_does_not_fill_the_memory(monkeypatch):
    class Layered(Red):
        def draw(self, canvas, area, context):
            canvas.kept(self, area, lambda canvas, area: canvas.fill(area, (9, 9, 9)))

    most = 4 << 20
    monkeypatch.setattr(pen_module, "LAYERS", most)
    monkeypatch.setattr(pen_module, "_layers", {})
    playback = Playback([player_of(), player_of()], overlays=[shown_of(kind=Layered)])
    Renderer().draw(pygame.Surface((900, 700)), playback)
    discs = pen_module._disc.cache_info().currsize
    for place in range(150):
        Renderer().draw(pygame.Surface((400 + 5 * place, 300 + 3 * place)), playback)
        held = sum(4 * layer.get_width() * layer.get_height() for layer in pen_module._layers.values())
        assert 0 < held <= most and not playback.overlays[0].failed
    assert pen_module._disc.cache_info().currsize - discs <= 10
