"""Kinds of tiles: the table that the parser, the engine and the renderers read."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CODES", "LEGEND", "TILES", "Tile"]

#: Letters of the keys; the door that a key opens is drawn with its capital. S, G, C and L are taken, v is a wind.
LETTERS = "abdefh"


@dataclass(frozen=True)
class Tile:
    """One kind of tile.

    Args:
        name: name of the tile; ``<name>_reward`` in the rules, if it exists, is the reward of the step that enters it.
        symbols: characters for the tile in a map; the first is used for writing.
        meaning: entry in the legend of an error; empty if that of another tile covers it.
        blocks: a move into it leaves the walker in its cell.
        ends: entering it ends the episode.
        sends_back: entering it puts the walker on a start; the episode continues.
        slides: a move that enters it continues in its direction until it leaves the ice or is stopped.
        wind: push on a step that begins in it, in rows down and columns right, for a strength of one.
        teleports: entering it puts the walker on the other tile of its kind.
        key: letter of the doors that it opens; entering the tile takes the key.
        door: letter of the key that opens it; a closed door blocks.
    """

    name: str
    symbols: str
    meaning: str = ""
    blocks: bool = False
    ends: bool = False
    sends_back: bool = False
    slides: bool = False
    wind: tuple[int, int] = (0, 0)
    teleports: bool = False
    key: str = ""
    door: str = ""


#: All kinds of tiles; the ``cells`` of a map are indices into this table.
TILES = (
    Tile("floor", ". ", ". or space floor"),
    Tile("wall", "#", "# wall", blocks=True),
    Tile("start", "S", "S start"),
    Tile("goal", "G", "G goal", ends=True),
    Tile("cliff", "C", "C cliff", sends_back=True),
    Tile("lava", "L", "L lava", ends=True),
    Tile("ice", "~", "~ ice", slides=True),
    Tile("wind up", "^", "^ > v < wind", wind=(-1, 0)),
    Tile("wind right", ">", wind=(0, 1)),
    Tile("wind down", "v", wind=(1, 0)),
    Tile("wind left", "<", wind=(0, -1)),
    *(
        Tile(f"teleport {digit}", digit, "two equal digits teleports" if digit == "0" else "", teleports=True)
        for digit in "0123456789"
    ),
    *(
        Tile(f"key {letter}", letter, f"{' '.join(LETTERS)} keys" if letter == "a" else "", key=letter)
        for letter in LETTERS
    ),
    *(
        Tile(
            f"door {letter}",
            letter.upper(),
            f"{' '.join(LETTERS.upper())} their doors" if letter == "a" else "",
            blocks=True,
            door=letter,
        )
        for letter in LETTERS
    ),
    Tile("open door", "'", "' open door"),
)

#: Index in `TILES` of each tile, by name.
CODES = {tile.name: code for code, tile in enumerate(TILES)}

#: Legend of all characters, on one line.
LEGEND = ", ".join(tile.meaning for tile in TILES if tile.meaning)
