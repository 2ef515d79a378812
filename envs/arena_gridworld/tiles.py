"""What a cell of a map can be: the one table that the parser, the engine and the renderer read."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CODES", "LEGEND", "TILES", "Tile"]


@dataclass(frozen=True)
class Tile:
    """One kind of cell.

    Args:
        name: how the engine refers to it; ``<name>_reward`` of the engine's rules, if there is one, is the
            reward of the step that enters it.
        symbols: the characters that stand for it in a map; the first is the one that is written.
        meaning: what it does, for the legend in an error.
        blocks: a move into it leaves the walker where it was.
        ends: entering it ends the episode.
        sends_back: entering it puts the walker on a start; the episode goes on.
    """

    name: str
    symbols: str
    meaning: str
    blocks: bool = False
    ends: bool = False
    sends_back: bool = False


#: Every kind of cell; a map's ``cells`` hold indices into this table.
TILES = (
    Tile("floor", ". ", "floor"),
    Tile("wall", "#", "wall", blocks=True),
    Tile("start", "S", "start"),
    Tile("goal", "G", "goal", ends=True),
    Tile("cliff", "C", "cliff", sends_back=True),
    Tile("lava", "L", "lava", ends=True),
)

#: The index in `TILES` of a tile's name.
CODES = {tile.name: code for code, tile in enumerate(TILES)}

#: All characters and their meanings, on one line.
LEGEND = ", ".join(
    f"{' or '.join(symbol if symbol != ' ' else 'space' for symbol in tile.symbols)} {tile.meaning}"
    for tile in TILES
)
