"""Styles of tiles: a palette that is safe for colour-blind readers, and colours and a glyph for each kind of tile.

The accents are Okabe and Ito's (https://jfly.uni-koeln.de/color/), which can be told apart under every common colour
blindness, with a wine red of Paul Tol's (https://personal.sron.nl/~pault/) and a mint. Backgrounds differ in
lightness as well, so that an image can be printed in grey.
"""

from __future__ import annotations

import functools
import re
import string
import zlib
from dataclasses import dataclass, replace

from arena_gridworld.tiles import TILES

__all__ = ["ACCENTS", "PALETTE", "STYLES", "WALKER", "Colour", "TileStyle", "mix", "tile_style"]

#: Red, green and blue, each from 0 to 255.
Colour = tuple[int, int, int]

#: All colours, by name.
PALETTE: dict[str, Colour] = {
    "paper": (246, 244, 239),
    "line": (228, 224, 214),
    "faint": (176, 171, 158),
    "slate": (98, 106, 121),
    "mortar": (82, 89, 103),
    "abyss": (22, 24, 32),
    "rock": (150, 134, 118),
    "ice": (160, 214, 240),
    "breeze": (218, 226, 232),
    "dusk": (84, 112, 140),
    "white": (255, 255, 255),
    "blue": (0, 114, 178),
    "orange": (230, 159, 0),
    "sky": (86, 180, 233),
    "green": (0, 158, 115),
    "yellow": (240, 228, 66),
    "wine": (136, 34, 85),
    "mint": (120, 200, 150),
    "vermillion": (213, 94, 0),
    "purple": (204, 121, 167),
}

#: Accents of keys, doors and teleports in turn, from letter a and digit 0 on; on the second turn, pictures differ.
ACCENTS = tuple(PALETTE[name] for name in ("orange", "purple", "mint", "sky", "vermillion", "wine"))

#: Colour of the walker; its rim is white, so that it stands out from every background.
WALKER = PALETTE["blue"]


@dataclass(frozen=True)
class TileStyle:
    """Style of one kind of tile.

    Attributes:
        glyph: name of its picture in `arena_gridworld.observation.sprites.GLYPHS`.
        ground: background colour.
        ink: colour of the picture.
        solid: colour of the whole tile where it is too small for a picture.
        turns: quarter turns clockwise of a picture with a direction; 0 is up.
        level: number within its kind, such as the strength of a wind, or the index of its letter, from 0.
    """

    glyph: str
    ground: Colour
    ink: Colour
    solid: Colour
    turns: int = 0
    level: int = 0

    @property
    def second(self) -> bool:
        """Whether an earlier tile of its kind has the same accent, so that the picture must differ."""
        return self.level // len(ACCENTS) % 2 == 1


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Mix two colours; ``share`` is the fraction of the second, from 0 to 1."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _style(glyph: str, ground: str, ink: str) -> TileStyle:
    return TileStyle(glyph, PALETTE[ground], PALETTE[ink], solid=PALETTE[ground])


#: Style of each kind of tile, by the first word of its name.
STYLES: dict[str, TileStyle] = {
    "floor": _style("floor", "paper", "line"),
    "wall": _style("bricks", "slate", "mortar"),
    "start": replace(_style("start", "paper", "faint"), solid=mix(PALETTE["paper"], PALETTE["faint"], 0.45)),
    "goal": _style("flag", "green", "white"),
    "cliff": _style("edge", "abyss", "rock"),
    "lava": _style("waves", "vermillion", "yellow"),
    "ice": _style("glint", "ice", "white"),
    "wind": replace(_style("arrow", "breeze", "dusk"), solid=mix(PALETTE["breeze"], PALETTE["dusk"], 0.6)),
    "key": _style("key", "paper", "orange"),
    "door": _style("door", "paper", "orange"),
    "teleport": _style("portal", "paper", "orange"),
}

#: Directions in the names of tiles, as quarter turns clockwise.
DIRECTIONS = {
    word: turns
    for turns, words in enumerate(("up north", "right east", "down south", "left west"))
    for word in words.split()
}

#: Index of every letter: first those of the table of tiles, in its order, then the rest of the alphabet.
PLACES = {
    letter: place
    for place, letter in enumerate(
        dict.fromkeys(
            [word for tile in TILES for word in tile.name.split() if len(word) == 1 and word.isalpha()]
        )
        | dict.fromkeys(string.ascii_lowercase)
    )
}

#: Kinds with an accent: the colour, and its fraction, that are mixed in for a tile of one colour.
LETTERED = {"key": ("paper", 0.3), "door": ("abyss", 0.4), "teleport": ("white", 0.6)}

OPEN = frozenset(("open", "opened", "unlocked"))


@functools.cache
def tile_style(name: str) -> TileStyle:
    """Style of a tile, found from its name.

    The name is split at ``_``, ``-`` and spaces into a kind of `STYLES`, a direction (``up``, ``east``, …), a letter or
    number, and ``open`` for a door. A name without a kind gets a token in a colour computed from the name.

    Example:
        >>> tile_style("door_b_open").glyph, tile_style("wind_left").turns
        ('door_open', 3)
    """
    words = [word for word in re.split(r"[_\W]+", name.lower()) if word]
    kind = next((word for word in words if word in STYLES), None)
    if kind is None:
        number = zlib.crc32(name.encode())
        ink = ACCENTS[number % len(ACCENTS)]
        return TileStyle("token", PALETTE["paper"], ink, mix(ink, PALETTE["paper"], 0.5), level=number % 4)
    turns = next((DIRECTIONS[word] for word in words if word in DIRECTIONS), 0)
    level = next((level for word in words if (level := _level(word)) is not None), None)
    look = replace(STYLES[kind], turns=turns, level=level or 0)
    if kind not in LETTERED:
        return look
    is_open = kind == "door" and not OPEN.isdisjoint(words)
    ink = PALETTE["rock"] if is_open and level is None else ACCENTS[look.level % len(ACCENTS)]
    shade, share = ("paper", 0.25) if is_open else LETTERED[kind]
    solid = mix(ink, PALETTE[shade], share)
    if look.second:
        solid = mix(solid, PALETTE["slate"], 0.4)
    return replace(look, glyph="door_open" if is_open else look.glyph, ink=ink, solid=solid)


def _level(word: str) -> int | None:
    if word.isdecimal():
        return int(word)
    return PLACES.get(word)
