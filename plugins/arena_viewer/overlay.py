"""What a plugin draws over a world, or beside it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from weakref import WeakKeyDictionary

from arena.errors import ArenaError
from arena.plugins import get_plugins
from arena.specs import described
from arena_viewer.drawing import Area, Canvas
from arena_viewer.player import Moment, Player

if TYPE_CHECKING:
    from arena.painting import CellPainter
    from arena.specs import OverlaySpec

__all__ = ["Overlay", "OverlayContext", "OverlaySwitch", "load_overlays"]


@dataclass(frozen=True, eq=False)
class OverlayContext:
    """What is being looked at.

    Attributes:
        player: who plays, with all moments of the episode that are kept, and the agent (`Player.mind`).
        moment: the one that is shown; not the newest where somebody went back.
        cell: the cell under the mouse, or else the walker's; None where there are no cells.
        hovers: whether the mouse is over it.
        players: all who play side by side, this one among them.
    """

    player: Player
    moment: Moment
    cell: int | None = None
    hovers: bool = False
    players: Sequence[Player] = ()

    @property
    def cells(self) -> CellPainter | None:
        """The painter, where its picture is a grid of cells."""
        return self.player.cells


class Overlay(ABC):
    """Something drawn over a world's picture, or in the panel beside it.

    One is made for each player, when it is first shown. It is called at every redrawing: what takes long should be kept
    (`arena_viewer.drawing.Canvas.kept`) for as long as ``mind.version`` and the scene are the same.
    """

    #: Where it is drawn: over the picture, which is the area then, or beside it in the panel.
    place: ClassVar[Literal["over", "beside"]] = "over"

    def refusal(self, player: Player) -> str | None:
        """Why there is nothing to draw for a player, in a few words; None where there is."""
        return None

    def height(self, context: OverlayContext, width: float) -> float:
        """How high it is in a panel of that width, in points, of an overlay beside."""
        return 0.0

    def prepare(self, context: OverlayContext) -> None:
        """Called for every player before anything is drawn: where all are to have one scale, for example."""
        return

    @abstractmethod
    def draw(self, canvas: Canvas, area: Area, context: OverlayContext) -> None:
        """Draws.

        Args:
            canvas: draws in points.
            area: the world's picture, or its own part of the panel, below its title.
            context: what is being looked at.
        """


class OverlaySwitch:
    """An overlay that can be switched on.

    Args:
        spec: of the overlay.
        key: that switches it.

    Attributes:
        on: whether it is drawn.
        failed: why it is not drawn any more, in one line, where it raised.
    """

    def __init__(self, spec: OverlaySpec, key: str) -> None:
        self.spec, self.key = spec, key
        self.on, self.failed = spec.shown, ""
        self._made: WeakKeyDictionary[Player, Overlay] = WeakKeyDictionary()

    @property
    def title(self) -> str:
        """What it is called."""
        return self.spec.title or self.spec.name

    def refusal(self, player: Player) -> str | None:
        """Why there is nothing to draw for a player; None where there is."""
        found: str | None = self._guarded(lambda: self._of(player).refusal(player), None)
        return self.failed or found

    def stands(self, place: str, player: Player) -> bool:
        """Whether it is on, belongs there, and has something to draw."""
        return self.on and self._place(player) == place and self.refusal(player) is None

    def height(self, context: OverlayContext, width: float) -> float:
        """How high it is in a panel, in points."""
        found: float = self._guarded(lambda: self._of(context.player).height(context, width), 0.0)
        return found

    def prepare(self, context: OverlayContext) -> None:
        """Tells it what will be drawn."""
        self._guarded(lambda: self._of(context.player).prepare(context), None)

    def draw(self, canvas: Canvas, area: Area, context: OverlayContext) -> None:
        """Draws it; one that raises is switched off, and everything else goes on."""
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
            self.failed = str(error) if isinstance(error, ArenaError) else described(error)
            return otherwise


def load_overlays(taken: str = "") -> list[OverlaySwitch]:
    """All that plugins contribute, by name; one whose key is taken gets a digit.

    Args:
        taken: keys that mean something else.
    """
    found, keys = [], set(taken)
    digits = iter("123456789")
    for spec in get_plugins().overlays.values():
        key = spec.key if spec.key and spec.key not in keys else next(digits, "")
        keys.add(key)
        found.append(OverlaySwitch(spec, key))
    return found
