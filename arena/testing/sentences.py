"""Laws of texts: a help text or a summary stands alone, so that a reader understands it without its neighbors."""

from __future__ import annotations

import re
import types
import typing
from typing import Annotated, Any

from arena.testing.errors import LawError

__all__ = ["help_stands_alone", "names_a_quantity", "summary_stands_alone"]

#: First words that refer to another text.
LEANING = re.compile(
    r"\W*(also|ditto|he|her|his|its?|likewise|the same|same|she|such|that|their|them|these|they|this|those|we|your?)\b",
    re.IGNORECASE,
)

#: Words and phrases that refer to another text, or that a technical dictionary does not explain.
BANNED = re.compile(
    r"\b(likewise|ditto|the same,|as above|see above|as before|the one before|the other one"
    r"|tells|told|mend(s|ed)?|whoever|somebody|nobody|anybody|along a line)(?!\w)",
    re.IGNORECASE,
)

#: Words that give a number its meaning: what it counts, its unit, or its mathematical kind.
QUANTITIES = re.compile(
    r"""\b(
    acceleration|action|amplitude|angle|atom|band|batch|bin|bonus|bound|byte|capital|car|cell|channel
    |circle|class|coefficient|column|component|constant|copies|copy|cost|count|cutoff|damping|decay|degree|depth
    |deviation|dimension|discount|distance|divergence|divisor|draw|entropy|episode|epoch|error|exponent
    |factor|filter|fold|force|fraction|frame|frequency|gain|gradient|gravity|half-life|height|hertz
    |horizon|index|inertia|intensity|interval|iteration|kilogram|layer|length|level|limit|link|magnitude
    |map|margin|mass|maximum|meter|minimum|moment|momentum|move|nat|newton|noise|norm|number|observation
    |offset|patch|path|penalty|percent|percentage|percentile|pixel|plane|point|power|priority|probability
    |prototype|quantile|radian|radius|range|rank|rate|ratio|regularization|reward|row|sample|scale
    |seconds|seed|sequence|side|similarity|size|slope|smoothing|speed|stage|state|step|strength|sum|sweep
    |temperature|term|threshold|tick|tile|time|timeout|tolerance|torque|transition|trial|unit|update
    |value|variance|velocity|visit|weight|width|worker|α|β|γ|δ|ε|ζ|η|κ|λ|μ|π|ρ|σ|τ|φ|ω
    )(s|es)?\b""",
    re.IGNORECASE | re.VERBOSE,
)


def help_stands_alone(text: str, hint: Any, where: str) -> None:
    """A help text refers to no other text, and names the quantity of a number.

    Args:
        text: the help text.
        hint: type of the option.
        where: name of the option, for errors.

    Raises:
        LawError: the text breaks the law.
    """
    summary_stands_alone(text, where)
    if _is_number(hint) and not names_a_quantity(text):
        raise LawError(
            f"the help of {where} does not say what its number is: {text!r}",
            "name the quantity and its unit or range, such as 'Time limit, in seconds.'",
        )


def summary_stands_alone(text: str, where: str) -> None:
    """A text is not empty, begins with no pronoun, and refers to no other text.

    Args:
        text: the text.
        where: name of what it describes, for errors.

    Raises:
        LawError: the text breaks the law.
    """
    if not text.strip():
        raise LawError(f"{where} has no text", "describe it")
    found = LEANING.match(text) or BANNED.search(text)
    if found:
        problem = f"{where} has the text {text!r} with {found[1]!r}, no plain or complete description"
        raise LawError(problem, "name the thing itself")


def names_a_quantity(text: str) -> bool:
    """Whether a text names a quantity, a unit or a range."""
    return bool(QUANTITIES.search(text) or re.search(r"[\[(]\d|\bfrom \d|\d (to|and) \d", text))


def _is_number(hint: Any) -> bool:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _is_number(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return any(_is_number(one) for one in arguments if one is not type(None))
    return hint in (int, float)
