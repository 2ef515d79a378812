"""Whole numbers as people write them, on the command line and in files."""

from __future__ import annotations

__all__ = ["whole_number"]

_UNITS = {"k": 10**3, "M": 10**6, "G": 10**9}


def whole_number(text: str) -> int:
    """Reads ``200000``, ``200_000``, ``2e5``, ``200k`` or ``0.2M``.

    Raises:
        ValueError: it is no whole number.
    """
    unit = _UNITS.get(text[-1:], 1)
    digits = text[:-1] if unit > 1 else text
    if digits.lstrip("+-").replace("_", "").isdigit():
        return int(digits) * unit
    number = float(digits) * unit
    if not number.is_integer():  # nor are infinity and NaN
        raise ValueError(text)
    return int(number)
