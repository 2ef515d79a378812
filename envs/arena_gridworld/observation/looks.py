"""What the tiles look like: one quiet, colour-blind-safe palette and a look by name, for frames and windows alike.

The accents are Okabe and Ito's (https://jfly.uni-koeln.de/color/), which stay apart under every common colour
blindness, with a wine red of Paul Tol's (https://personal.sron.nl/~pault/) and a mint. Grounds differ in lightness
as well, so that a frame survives a grey printer.
"""

from __future__ import annotations

import functools
import re
import string
import zlib
from dataclasses import dataclass, replace

from arena_gridworld.tiles import TILES

__all__ = ["ACCENTS", "LOOKS", "PALETTE", "WALKER", "Colour", "Look", "look_of", "mix"]

#: Red, green and blue, each from 0 to 255.
Colour = tuple[int, int, int]

#: Every colour there is, by name.
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

#: The accents of keys, doors and teleports: the first is that of letter a and digit 0, and so on, around; the second
#: time around, pictures differ.
ACCENTS = tuple(PALETTE[name] for name in ("orange", "purple", "mint", "sky", "vermillion", "wine"))

#: The walker's body; its rim is white, so that it stands out from every ground.
WALKER = PALETTE["blue"]


@dataclass(frozen=True)
class Look:
    """How one kind of tile looks.

    Attributes:
        glyph: the picture on it, one of `arena_gridworld.observation.sprites.GLYPHS`.
        ground: the colour under the picture.
        ink: the picture's own colour.
        solid: the colour of the whole tile where it is too small for a picture.
        turns: quarter turns clockwise of a picture that points; 0 is up.
        level: which of a kind it is: its number, such as a wind's strength, or its letter's place, from 0.
    """

    glyph: str
    ground: Colour
    ink: Colour
    solid: Colour
    turns: int = 0
    level: int = 0

    @property
    def second(self) -> bool:
        """Whether another of its kind has the same accent, so that the picture must tell them apart."""
        return self.level // len(ACCENTS) % 2 == 1


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """A colour between two: ``share`` of the other, from 0 to 1."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _look(glyph: str, ground: str, ink: str) -> Look:
    return Look(glyph, PALETTE[ground], PALETTE[ink], solid=PALETTE[ground])


#: The look of each kind, under the first word of a tile's name.
LOOKS: dict[str, Look] = {
    "floor": _look("floor", "paper", "line"),
    "wall": _look("bricks", "slate", "mortar"),
    "start": replace(_look("start", "paper", "faint"), solid=mix(PALETTE["paper"], PALETTE["faint"], 0.45)),
    "goal": _look("flag", "green", "white"),
    "cliff": _look("edge", "abyss", "rock"),
    "lava": _look("waves", "vermillion", "yellow"),
    "ice": _look("glint", "ice", "white"),
    "wind": replace(_look("arrow", "breeze", "dusk"), solid=mix(PALETTE["breeze"], PALETTE["dusk"], 0.6)),
    "key": _look("key", "paper", "orange"),
    "door": _look("door", "paper", "orange"),
    "teleport": _look("portal", "paper", "orange"),
}

#: Words that a tile's name may hold besides its kind.
DIRECTIONS = {
    word: turns
    for turns, words in enumerate(("up north", "right east", "down south", "left west"))
    for word in words.split()
}

#: Every letter's place: first those of the table of tiles, in its order, then the rest of the alphabet.
PLACES = {
    letter: place
    for place, letter in enumerate(
        dict.fromkeys(
            [word for tile in TILES for word in tile.name.split() if len(word) == 1 and word.isalpha()]
        )
        | dict.fromkeys(string.ascii_lowercase)
    )
}

#: The kinds that have an accent, and what it is mixed with, by how much, for a tile of one colour.
LETTERED = {"key": ("paper", 0.3), "door": ("abyss", 0.4), "teleport": ("white", 0.6)}

OPEN = frozenset(("open", "opened", "unlocked"))


@functools.cache
def look_of(name: str) -> Look:
    """The look of a tile by its name.

    The name's words (between ``_``, ``-`` or spaces) say what it is: a kind of `LOOKS`, for a pointing kind a
    direction (``up``, ``east``, …), for a lettered one its letter or number, for a door ``open``. A name that has
    no kind gets a token in a colour of its own, the same one everywhere.

    Example:
        >>> look_of("door_b_open").glyph, look_of("wind_left").turns
        ('door_open', 3)
    """
    words = [word for word in re.split(r"[_\W]+", name.lower()) if word]
    kind = next((word for word in words if word in LOOKS), None)
    if kind is None:
        number = zlib.crc32(name.encode())
        ink = ACCENTS[number % len(ACCENTS)]
        return Look("token", PALETTE["paper"], ink, mix(ink, PALETTE["paper"], 0.5), level=number % 4)
    turns = next((DIRECTIONS[word] for word in words if word in DIRECTIONS), 0)
    level = next((level for word in words if (level := _level(word)) is not None), None)
    look = replace(LOOKS[kind], turns=turns, level=level or 0)
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
