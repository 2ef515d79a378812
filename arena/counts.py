"""Parsing of whole numbers with units, such as ``200k``, on the command line and in files."""

from __future__ import annotations

__all__ = ["whole_number"]

_UNITS = {"k": 10**3, "M": 10**6, "G": 10**9}


def whole_number(text: str) -> int:
    """Parse a whole number such as ``200000``, ``200_000``, ``2e5``, ``200k`` or ``0.2M``.

    Raises:
        ValueError: the text is not a whole number.
    """
    unit = _UNITS.get(text[-1:], 1)
    digits = text[:-1] if unit > 1 else text
    if digits.lstrip("+-").replace("_", "").isdigit():
        return int(digits) * unit
    number = float(digits) * unit
    if not number.is_integer():  # infinity and NaN are not either
        raise ValueError(text)
    return int(number)
