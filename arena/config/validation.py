"""What people and files say, as values: each in its range, or an error that names it."""

from __future__ import annotations

import operator
from typing import Any

from arena.errors import ArenaError

__all__ = ["first_given", "parse_count", "validated_count", "validated_device", "validated_seeds"]

#: More runs than this are not one experiment.
MOST_SEEDS = 100_000


_UNITS = {"k": 10**3, "M": 10**6, "G": 10**9}


def parse_count(text: str) -> int:
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


def first_given(*values: Any) -> Any:
    """The first of several values that is not None."""
    return next(value for value in values if value is not None)


def validated_count(name: str, value: Any, low: int = 1) -> int:
    """A count: any integer type's, ``1e4`` as TOML reads it, or a text as on the command line."""
    try:
        if isinstance(value, str):
            count = parse_count(value)
        else:
            count = int(value) if isinstance(value, float) and value.is_integer() else operator.index(value)
    except (TypeError, ValueError):
        count = low - 1
    if isinstance(value, bool) or count < low:
        raise ArenaError(f"{name} is {value!r}, which is not a whole number from {low}", "give one")
    return count


def validated_seeds(seeds: Any) -> tuple[int, ...]:
    """Seeds: so many (0, 1, …), or which.

    Raises:
        ArenaError: they are none, too many, or repeat.
    """
    if isinstance(seeds, (list, tuple)) or hasattr(seeds, "tolist"):
        several = seeds.tolist() if hasattr(seeds, "tolist") else seeds
        chosen = tuple(
            validated_count("a seed", seed, low=0)
            for seed in (several if isinstance(several, (list, tuple)) else [several])
        )
    else:
        chosen = tuple(range(min(validated_count("seeds", seeds), MOST_SEEDS + 1)))
    if len(chosen) > MOST_SEEDS or any(seed >= 2**63 for seed in chosen):
        raise ArenaError(f"more than {MOST_SEEDS:,} seeds, or one from 2^63", "give fewer or smaller ones")
    if not chosen or len(set(chosen)) < len(chosen):
        raise ArenaError(f"the seeds {list(chosen)} are empty or repeat", "give each seed once")
    return chosen


def validated_device(name: str) -> str:
    """A device that this machine has.

    Raises:
        ArenaError: it has none of that name.
    """
    if name == "cpu":
        return name
    import torch

    try:
        device = torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise ArenaError(
            f"the device {name!r} is none that torch knows", "give cpu, cuda or cuda:1"
        ) from error
    found = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    if (device.index or 0) >= found.get(device.type, 0):
        raise ArenaError(f"there is no device {name!r} on this machine", "use --device cpu")
    return name
