"""Text of option values for labels and tables; a light module, which listings import."""

from __future__ import annotations

import json

__all__ = ["format_value"]


def format_value(value: object, *, longest: int | None = 30, digits: int | None = None) -> str:
    """Format an option's value on one line: text without quotes, numbers in their shortest form.

    Args:
        value: the value, as plain Python or JSON has it.
        longest: maximum number of characters; longer texts lose their middle. None for no limit.
        digits: number of significant digits of floats; None for as many as they need.

    Example:
        >>> [format_value(value) for value in (0.5, True, None, [64, 64], "adam")]
        ['0.5', 'true', 'none', '[64,64]', 'adam']
    """
    if isinstance(value, bool) or value is None:
        text = str(value).lower()
    elif isinstance(value, float):
        text = _float(value, digits)
    elif isinstance(value, list | tuple):
        text = f"[{','.join(format_value(item, longest=None, digits=digits) for item in value)}]"
    elif isinstance(value, dict):
        text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    else:
        text = str(value)
    text = " ".join(text.split())
    if longest is None or len(text) <= longest:
        return text
    head = longest // 2
    return f"{text[:head]}…{text[head + 1 - longest :]}"


def _float(value: float, digits: int | None) -> str:
    if digits is not None:
        return f"{value:.0f}" if 10**digits <= abs(value) < 1e15 else f"{value:.{digits}g}"
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)
