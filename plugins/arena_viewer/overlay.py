"""Overlays: drawings of plugins over the picture of an environment, or beside it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from weakref import WeakKeyDictionary

from arena.errors import ArenaError
from arena.plugins.discovery import get_plugins
from arena.plugins.specs import describe_error
from arena_viewer.drawing import Area, Canvas
from arena_viewer.player import Moment, Player

if TYPE_CHECKING:
    from arena.environments.rendering import CellPainter
    from arena.plugins.specs import OverlaySpec

__all__ = ["Overlay", "OverlayContext", "OverlaySwitch", "load_overlays"]


@dataclass(frozen=True, eq=False)
class OverlayContext:
    """Context of an overlay's drawing: a moment of a player.

    Attributes:
        player: the player, with the kept moments of the episode and the agent (`Player.actor`).
        moment: the displayed moment, which may be an earlier one.
        cell: the cell under the mouse, or else the walker's cell; None if there are no cells.
        hovers: whether the mouse is over the cell.
        players: all players side by side, including this one.
    """

    player: Player
    moment: Moment
    cell: int | None = None
    hovers: bool = False
    players: Sequence[Player] = ()

    @property
    def cells(self) -> CellPainter | None:
        """The painter, if its picture is a grid of cells; otherwise None."""
        return self.player.cells


class Overlay(ABC):
    """Base class of overlays: drawn over an environment's picture, or in the panel beside it.

    Each player has its own overlay, made when it is first switched on. It draws at every frame: cache what takes long
    (`arena_viewer.drawing.Canvas.kept`) as long as ``actor.version`` and the scene are the same.
    """

    #: Position: over the picture, or beside it in the panel.
    place: ClassVar[Literal["over", "beside"]] = "over"

    def refusal(self, player: Player) -> str | None:
        """The reason why nothing can be drawn for a player, in a few words; None if it can."""
        return None

    def height(self, context: OverlayContext, width: float) -> float:
        """Height in points, in a panel of the given width, of an overlay beside the picture."""
        return 0.0

    def prepare(self, context: OverlayContext) -> None:
        """Prepares drawing; called for every player before any is drawn, for example to share one scale."""
        return

    @abstractmethod
    def draw(self, canvas: Canvas, area: Area, context: OverlayContext) -> None:
        """Draws the overlay.

        Args:
            canvas: canvas in points.
            area: the environment's picture, or the overlay's part of the panel, below its title.
            context: the displayed moment and its player.
        """


class OverlaySwitch:
    """An overlay with its switch.

    Args:
        spec: spec of the overlay.
        key: key that switches the overlay.

    Attributes:
        on: whether the overlay is drawn.
        failed: one-line error that switched the overlay off; empty if there was none.
    """

    def __init__(self, spec: OverlaySpec, key: str) -> None:
        self.spec, self.key = spec, key
        self.on, self.failed = spec.shown, ""
        self._made: WeakKeyDictionary[Player, Overlay] = WeakKeyDictionary()

    @property
    def title(self) -> str:
        """Title in the panel and in the list of keys."""
        return self.spec.title or self.spec.name

    def refusal(self, player: Player) -> str | None:
        """The reason why nothing can be drawn for a player; None if it can."""
        found: str | None = self._guarded(lambda: self._of(player).refusal(player), None)
        return self.failed or found

    def stands(self, place: str, player: Player) -> bool:
        """Whether the overlay is on, belongs to that place, and has something to draw."""
        return self.on and self._place(player) == place and self.refusal(player) is None

    def height(self, context: OverlayContext, width: float) -> float:
        """Height in a panel, in points."""
        found: float = self._guarded(lambda: self._of(context.player).height(context, width), 0.0)
        return found

    def prepare(self, context: OverlayContext) -> None:
        """Prepares the overlay for a player."""
        self._guarded(lambda: self._of(context.player).prepare(context), None)

    def draw(self, canvas: Canvas, area: Area, context: OverlayContext) -> None:
        """Draws the overlay; an error switches it off and stops nothing else."""
        self._guarded(lambda: self._of(context.player).draw(canvas, area, context), None)

    def _place(self, player: Player) -> str:
        found: str = self._guarded(lambda: self._of(player).place, "")
        return found

    def _of(self, player: Player) -> Overlay:
        made = self._made.get(player)
        if made is None:
            made = self._made[player] = self.spec.load()()
        return made

    def _guarded(self, call: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return call()
        except Exception as error:
            self.on = False
            self.failed = str(error) if isinstance(error, ArenaError) else describe_error(error)
            return otherwise


def load_overlays(taken: str = "") -> list[OverlaySwitch]:
    """Overlays of all plugins, by name; an overlay whose key is taken gets a digit.

    Args:
        taken: keys with another meaning.
    """
    found, keys = [], set(taken)
    digits = iter("123456789")
    for spec in get_plugins().overlays.values():
        key = spec.key if spec.key and spec.key not in keys else next(digits, "")
        keys.add(key)
        found.append(OverlaySwitch(spec, key))
    return found
