"""What a cell of a map can be: the one table that the parser, the engine and the renderers read."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CODES", "LEGEND", "TILES", "Tile"]

#: The keys' letters; the door that a key opens is drawn with its capital. S, G, C and L are taken, v is a wind.
LETTERS = "abdefh"


@dataclass(frozen=True)
class Tile:
    """One kind of cell.

    Args:
        name: how the engine refers to it; ``<name>_reward`` of the engine's rules, if there is one, is the
            reward of the step that enters it.
        symbols: the characters that stand for it in a map; the first is the one that is written.
        meaning: what it does, for the legend in an error; empty if another tile's says it too.
        blocks: a move into it leaves the walker where it was.
        ends: entering it ends the episode.
        sends_back: entering it puts the walker on a start; the episode goes on.
        slides: a move that enters it goes on in its direction until it leaves the ice or is stopped.
        wind: rows down and columns right that a walker who sets out from it is pushed by, for a strength of one.
        teleports: entering it puts the walker on the other tile of its kind.
        key: the letter of the doors that it opens; it is taken by whoever enters it.
        door: the letter of the key that opens it; it blocks until then.
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


#: Every kind of cell; a map's ``cells`` hold indices into this table.
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

#: The index in `TILES` of a tile's name.
CODES = {tile.name: code for code, tile in enumerate(TILES)}

#: All characters and their meanings, on one line.
LEGEND = ", ".join(tile.meaning for tile in TILES if tile.meaning)
