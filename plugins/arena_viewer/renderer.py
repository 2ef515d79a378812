"""Layout and drawing of a window or a film's frame; needs no display."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from arena.palette import ACCENT, FAINT, INK, LINE, SLATE, WRONG, Colour
from arena.results.text import format_number
from arena_viewer.drawing import BODY, SMALL, TITLE, Area, Canvas, Point
from arena_viewer.overlay import OverlayContext
from arena_viewer.panel import draw_panel
from arena_viewer.playback import Playback
from arena_viewer.player import CompressedFrame, Moment, Player
from arena_viewer.sdl import pygame
from arena_viewer.world_picture import draw_world

__all__ = ["SIZE", "Renderer", "tiles"]

#: Default width and height of a window, in points.
SIZE = (1120, 760)

#: Lengths in points: outer margin, bars above and below, panel, caption below a tile's picture, gap between tiles.
MARGIN, HEAD, FOOT, PANEL, CAPTION, GUTTER = 24.0, 56.0, 52.0, 292.0, 30.0, 16.0

#: The smallest width of a tile, in points, if there is room: a caption fits in.
CAPTION_WIDTH = 150.0

#: Width of a column of the list of keys, in points.
KEYS_WIDTH = 320.0

#: The smallest width of a window with a panel, in points.
NARROW = 640.0

#: The layer of overlays that cover the walker too.
ABOVE = 2

NOWHERE = Area(0, 0, 0, 0)
GROUND: Colour = (250, 249, 246)
WHITE: Colour = (255, 255, 255)


@dataclass
class Renderer:
    """Draws a playback.

    Attributes:
        columns: number of columns of tiles for several players; by default as square as possible.
        pictures: area of each player's picture in the last frame.
        timeline: area of the timeline in the last frame.
        curve: area of the run's evaluations in the last frame, or None.
        mouse: position of the mouse, in points; None outside of the window.
        sheet: lines of the list of keys while it is displayed: a key and its meaning each.
        recording: whether the window is being recorded.
        hint: whether to mention the key of the list of keys.
    """

    columns: int | None = None
    pictures: list[Area] = field(default_factory=list)
    timeline: Area = NOWHERE
    curve: Area | None = None
    mouse: Point | None = None
    sheet: Sequence[tuple[str, str]] = ()
    recording: bool = False
    hint: bool = True

    def draw(self, surface: pygame.Surface, playback: Playback, scale: float = 1.0) -> None:
        """Draws everything.

        Args:
            surface: surface of any size.
            playback: playback to draw.
            scale: pixels per point.
        """
        canvas = Canvas(surface, scale)
        whole = canvas.area
        canvas.fill(whole, GROUND)
        room = Area(MARGIN, HEAD, max(1.0, whole.width - 2 * MARGIN), max(1.0, whole.height - HEAD - FOOT))
        self.pictures, self.curve = [], None
        for player in playback.players:
            context = OverlayContext(player, playback.seen(player)[0], players=playback.players)
            for overlay in playback.overlays:
                if overlay.stands("over", player):
                    overlay.prepare(context)
        if len(playback.players) == 1:
            self._one(canvas, room, playback)
        else:
            self._tiles(canvas, room, playback)
        self._head(canvas, Area(MARGIN, 0, room.width, HEAD), playback)
        self._foot(canvas, Area(MARGIN, whole.height - FOOT, room.width, FOOT), playback)
        if playback.notice:
            self._toast(canvas, room, playback.notice)
        if self.sheet:
            self._keys(canvas, whole)

    def _one(self, canvas: Canvas, room: Area, playback: Playback) -> None:
        """Draws one environment, and the panel beside it."""
        player = playback.players[0]
        wide = room.width >= NARROW
        world = room._replace(width=room.width - PANEL - MARGIN) if wide else room
        if not wide:
            world = room._replace(height=max(1.0, room.height - CAPTION))
        context = self._world(canvas, world, playback, player)
        if not wide:
            self._caption(canvas, self.pictures[-1], context, wins=False)
        if wide:
            panel = Area(room.right - PANEL, room.y, PANEL, room.height)
            canvas.fill(panel, WHITE, radius=8)
            beside = [overlay for overlay in playback.overlays if overlay.stands("beside", player)]
            canvas.surface.set_clip(
                canvas.pixels(panel)
            )  # sections for which a low window has no room are left out
            self.curve = draw_panel(canvas, panel.inset(18), context, beside)
            canvas.surface.set_clip(None)

    def _tiles(self, canvas: Canvas, room: Area, playback: Playback) -> None:
        """Draws several environments, with a caption below each."""
        best = max((player.now.total for player in playback.players if player.ended), default=None)
        areas = tiles(room, len(playback.players), _proportion(playback.players[0]), self.columns)
        for player, tile in zip(playback.players, areas, strict=True):
            context = self._world(
                canvas, tile._replace(height=max(1.0, tile.height - CAPTION)), playback, player
            )
            wins = context.moment.ended and playback.ended and context.moment.total == best
            self._caption(canvas, self.pictures[-1], context, wins=bool(wins))

    @staticmethod
    def _caption(canvas: Canvas, picture: Area, context: OverlayContext, *, wins: bool) -> None:
        """Draws a tile's name, step and return; without the step if there is no room."""
        base, total = picture.bottom + CAPTION / 2 + 2, format_number(context.moment.total)
        end = canvas.text(
            (picture.right, base), total, BODY, ACCENT if wins else INK, bold=True, align="right"
        )
        room = max(0.0, picture.width - end - 12)
        notes = (f"{context.player.name}   step {context.moment.step:,}", context.player.name)
        note = next((note for note in notes if canvas.width_of(note, SMALL) <= room), notes[-1])
        canvas.text((picture.x, base), note, SMALL, SLATE, room=room)

    def _world(self, canvas: Canvas, area: Area, playback: Playback, player: Player) -> OverlayContext:
        """Draws one environment with its overlays."""
        moment, before, share = playback.seen(player)
        picture = draw_world(canvas, area, player, moment, before, share)
        self.pictures.append(picture)
        context = replace(self._context(player, moment, picture), players=playback.players)
        over = [overlay for overlay in playback.overlays if overlay.stands("over", player)]
        over.sort(key=lambda overlay: overlay.spec.layer)
        below = [overlay for overlay in over if overlay.spec.layer < ABOVE]
        uncovered = canvas.copied(picture) if below and context.cells else None
        for overlay in below:
            overlay.draw(canvas, picture, context)
        if uncovered is not None and context.cells is not None:
            row, column = context.cells.walker(
                moment.scene, before=None if before is None else before.scene, share=share
            )
            uncovered(picture.cell(row, column, context.cells.rows, context.cells.columns))
        for overlay in over[len(below) :]:
            overlay.draw(canvas, picture, context)
        return context

    def _context(self, player: Player, moment: Moment, picture: Area) -> OverlayContext:
        painter = player.cells
        if painter is None:
            return OverlayContext(player, moment)
        if self.mouse is None or not picture.holds(self.mouse):
            return OverlayContext(player, moment, painter.cell(moment.scene))
        # At the right and lower edges rounding may give one cell too many.
        across = min(int((self.mouse[0] - picture.x) / picture.width * painter.columns), painter.columns - 1)
        down = min(int((self.mouse[1] - picture.y) / picture.height * painter.rows), painter.rows - 1)
        return OverlayContext(player, moment, down * painter.columns + across, hovers=True)

    def _head(self, canvas: Canvas, area: Area, playback: Playback) -> None:
        middle = area.y + area.height / 2
        words = []
        if self.recording:
            words.append(("recording", WRONG))
        if playback.paused and not playback.action_from_input:
            words.append(("paused", INK))
        if playback.status:
            words.append((playback.status, SLATE))
        if not playback.action_from_input:
            words.append((f"{playback.speed:g} steps/s", SLATE))
        right = area.right
        for text, colour in reversed(words):
            right -= canvas.text((right, middle), text, BODY, colour, align="right") + 18
        canvas.text((area.x, middle), playback.title, TITLE, INK, bold=True, room=max(0.0, right - area.x))

    def _foot(self, canvas: Canvas, area: Area, playback: Playback) -> None:
        """Draws the timeline, and the hint to the list of keys."""
        middle = area.y + area.height / 2
        end = canvas.text((area.right, middle), "? keys" if self.hint else "", SMALL, SLATE, align="right")
        step = f"{math.ceil(playback.position):,}"
        label = f"{step} of {playback.newest:,}" if playback.ended else f"step {step}"
        end += canvas.text((area.right - end - 20, middle), label, SMALL, SLATE, align="right") + 40
        line = Area(area.x, middle - 2, max(1.0, area.width - end), 4)
        self.timeline = Area(line.x, middle - 14, line.width, 28)
        span = playback.span
        # If the line ended at the newest step, each new step would move the handle back.
        at = math.ceil(playback.position) if span == playback.newest else playback.position
        recorded_episodes, here = line.width * playback.newest / span, line.width * at / span
        canvas.fill(line, LINE, radius=2)
        canvas.fill(line._replace(width=max(4.0, recorded_episodes)), FAINT, 0.6, 2)
        canvas.fill(line._replace(width=max(4.0, here)), ACCENT, radius=2)
        canvas.disc((line.x + here, middle), 7, WHITE)
        canvas.disc((line.x + here, middle), 5.5, ACCENT)

    @staticmethod
    def _toast(canvas: Canvas, room: Area, text: str) -> None:
        width = min(canvas.width_of(text, BODY) + 36, room.width)
        box = Area(room.x + (room.width - width) / 2, room.bottom - 52, width, 36)
        canvas.fill(box, INK, 0.92, 18)
        canvas.text(box.middle, text, BODY, WHITE, align="centre", room=width - 24)

    def _keys(self, canvas: Canvas, whole: Area) -> None:
        """Draws the list of keys, in two columns."""
        canvas.fill(whole, GROUND, 0.86)
        half = -(-len(self.sheet) // 2)
        width, height = 2 * KEYS_WIDTH + 40, 76 + 26.0 * half
        shrink = min(1.0, (whole.height - 24) / height, (whole.width - 24) / width)
        canvas = Canvas(canvas.surface, canvas.scale * max(shrink, 0.05))
        whole = canvas.area
        box = Area((whole.width - width) / 2, (whole.height - height) / 2, width, height)
        canvas.fill(Area(box.x - 1, box.y - 1, box.width + 2, box.height + 2), LINE, radius=11)
        canvas.fill(box, WHITE, radius=10)
        canvas.text((box.x + 28, box.y + 28), "Keys", TITLE, INK, bold=True)
        for place, (key, meaning) in enumerate(self.sheet):
            column, row = divmod(place, half)
            x, y = box.x + 20 + column * KEYS_WIDTH, box.y + 66 + 26 * row
            canvas.text((x + 86, y), key, BODY, ACCENT, bold=True, align="right")
            canvas.text((x + 102, y), meaning, BODY, INK, room=KEYS_WIDTH - 110)


def tiles(room: Area, count: int, proportion: float, columns: int | None = None) -> list[Area]:
    """Areas of a grid of pictures with captions: as large as possible, close together and centered.

    Args:
        room: area of the grid.
        count: number of tiles.
        proportion: ratio of a picture's width to its height.
        columns: number of columns; by default the one with the largest pictures.
    """

    def width_in(columns: int) -> float:
        """Width of a picture in a grid with that many columns."""
        height = room.height / math.ceil(count / columns) - GUTTER - CAPTION
        return max(1.0, min(room.width / columns - GUTTER, height * proportion))

    columns = min(columns or max(range(1, count + 1), key=width_in), count)
    rows, width = math.ceil(count / columns), width_in(columns)
    height = width / proportion + CAPTION
    across = min(max(width, CAPTION_WIDTH) + GUTTER, room.width / columns)
    down = min(height + GUTTER, room.height / rows)
    left = room.x + (room.width - columns * across) / 2
    top = room.y + (room.height - rows * down) / 2
    return [
        Area(
            left + place % columns * across + (across - width) / 2,
            top + place // columns * down + (down - height) / 2,
            width,
            height,
        )
        for place in range(count)
    ]


def _proportion(player: Player) -> float:
    """Ratio of a picture's width to its height."""
    if player.painter is not None:
        width, height = player.painter.fit(1000, 1000)
        return width / height
    scene = player.now.scene
    return scene.proportion if isinstance(scene, CompressedFrame) else 1.0
