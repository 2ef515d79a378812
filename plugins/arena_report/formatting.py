"""Numbers, intervals and counts as the report's tables write them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

__all__ = ["UNKNOWN", "Interval", "Write", "decimals", "interval", "minus", "plural"]

#: The text of a number that is unknown.
UNKNOWN = "–"

Interval = Sequence[float] | None
Write = Callable[[float | None], str]


def decimals(values: Iterable[float | None], also: Iterable[float | None] = ()) -> Write:
    """Number format of a table column: equally many digits after the decimal point, so that the numbers align.

    The number at the lower quartile of sizes has three significant digits; whole numbers have no decimal point.

    Args:
        values: numbers that determine how many digits there are.
        also: further numbers in the same format; they determine only whether all numbers are whole.

    Example:
        >>> write = decimals([0.728, 0.7, -12.5])
        >>> [write(x) for x in (0.728, 0.7, -12.5, None)]
        ['0.728', '0.700', '−12.500', '–']
    """
    known = [abs(value) for value in values if value is not None]
    sizes = sorted(size for size in known if size > 1e-9)
    typical = sizes[len(sizes) // 4] if sizes else 1.0
    if sizes and (sizes[-1] >= 1e7 or sizes[-1] < 1e-3):
        return lambda value: UNKNOWN if value is None else minus(f"{value:.3g}")
    digits = min(max(2 - math.floor(math.log10(typical)), 1), 4)
    if all(abs(value - round(value)) < 1e-9 for value in [*known, *also] if value is not None):
        digits = 0
    return lambda value: UNKNOWN if value is None else minus(f"{value:,.{digits}f}")


def interval(bounds: Interval, write: Write) -> str:
    """Both ends of an interval in brackets."""
    return UNKNOWN if bounds is None else f"[{write(bounds[0])}, {write(bounds[1])}]"


def minus(text: str) -> str:
    """A number with a typographic minus sign, and without a sign if every digit is zero."""
    return text.lstrip("-") if not text.strip("-0.,") else text.replace("-", "−")


def plural(n: int, noun: str) -> str:
    """``1 seed``, ``1,000 seeds``."""
    return f"{n:,} {noun}{'s' * (n != 1)}"
