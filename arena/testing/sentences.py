"""Laws of texts: a help text or a summary stands alone, so that a stranger understands it without its neighbors."""

from __future__ import annotations

import re
import types
import typing
from typing import Annotated, Any

from arena.testing.errors import LawError

__all__ = ["help_stands_alone", "names_a_quantity", "summary_stands_alone"]

#: First words that refer to another text.
PRONOUNS = frozenset(
    [
        "he",
        "her",
        "his",
        "it",
        "its",
        "likewise",
        "she",
        "such",
        "that",
        "their",
        "them",
        "they",
        "these",
        "this",
        "those",
        "we",
        "you",
        "your",
        "also",
        "ditto",
    ]
)

#: Words and phrases that lean on another text wherever they stand.
LEANING = (
    "likewise",
    "the same, ",
    "as above",
    "see above",
    "the one before",
    "tells again",
    "whoever",
    "somebody",
)

#: Words that give a number its meaning: what it counts, its unit, or its mathematical kind.
QUANTITIES = re.compile(
    r"""\b(
    actions?|amplitude|angle|atoms?|bands?|batch(es)?|bins?|bonus|bound|bounds|capital|cars?|cells?|channels?|circles?
    |classes|coefficients?|columns?|components?|copies|cost|costs|count|cutoff|damping|decay|degrees?|depth|deviation|deviations
    |dimensions?|distance|divisor|draws?|entropy|episodes?|epochs?|error|errors|exponent|exponential|factor|filters?|folds?|force|fraction
    |frames?|frequency|gain|gradient|gravity|height|horizon|hertz|index|inertia|intensity|interval|iterations?|kilograms?|layers?|learning\ rate
    |length|level|levels|limit|links?|magnitude|maps?|margin|mass|maximum|meters?|metres?|minimum|moment|momentum|moves?|names?
    |nats?|newtons?|noise|norm|number|numbers|observations?|offset|paths?|patches|penalty|percent|pixels?|planes|points?|power|priority|probability
    |prototypes|quantiles?|radians?|radius|rank|rate|ratio|range|regulari[sz]ation|reward|rewards|rows?|runs?|samples?|scale|second|seconds|seed|seeds|sequences?
    |share|side|similarity|size|sizes|slope|smoothing|speed|stages?|standard|states?|steps?|strength|sum|sweeps?|temperature|term|threshold|thresholds|ticks?
    |tiles?|times?|timeout|tolerance|torque|transitions?|trials?|units?|updates?|values?|variance|velocity|visits?|weight|weights|width|workers?
    |divergence|discount|constant|half-life|percentile|percentage|α|β|γ|δ|ε|ζ|η|κ|λ|μ|π|ρ|σ|τ|φ|ω
    )\b""",
    re.VERBOSE | re.IGNORECASE,
)


def help_stands_alone(text: str, hint: Any, where: str) -> None:
    """A help text begins with no pronoun, leans on no other text, and names the quantity of a number.

    Args:
        text: the help text.
        hint: the type of the option.
        where: what errors call the option.

    Raises:
        LawError: it does not.
    """
    summary_stands_alone(text, where)
    if _is_number(hint) and not names_a_quantity(text):
        raise LawError(
            f"the help of {where} does not say what its number is: {text!r}",
            "name the quantity and its unit or range, such as 'Time limit, in seconds.'",
        )


def summary_stands_alone(text: str, where: str) -> None:
    """A text begins with no pronoun and leans on no other text.

    Raises:
        LawError: it does not.
    """
    words = text.split()
    first = words[0].strip(".,:;()'\"").lower() if words else ""
    leaning = [phrase for phrase in LEANING if phrase in text.lower()]
    if not words or first in PRONOUNS or text.lower().startswith("the same") or leaning:
        raise LawError(f"{where} says {text!r}, which leans on another text", "name the thing itself")


def names_a_quantity(text: str) -> bool:
    """Whether a text names a quantity, a unit or a range."""
    return bool(QUANTITIES.search(text)) or bool(re.search(r"[\[(]\d|\bfrom \d|\d (to|and) \d", text))


def _is_number(hint: Any) -> bool:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _is_number(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return any(_is_number(one) for one in arguments if one is not type(None))
    return hint in (int, float)
