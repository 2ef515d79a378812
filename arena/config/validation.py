"""Validation of arguments from Python, the command line and files: counts, seeds, trackers, devices."""

from __future__ import annotations

import operator
from typing import Any

from arena.errors import ArenaError

__all__ = ["first_given", "most", "parse_count", "validated_count", "validated_device", "validated_seeds"]

#: Maximum number of seeds of one experiment.
MOST_SEEDS = 100_000

#: Largest whole number by name of the argument, and of any other argument.
MOST = {
    **dict.fromkeys(("envs", "num_envs", "episodes", "trials"), 10**6),
    **dict.fromkeys(("workers", "threads"), 10**4),
    **dict.fromkeys(("rows", "columns", "fps"), 10**3),
    **dict.fromkeys(("frames", "n"), 10**10),
}
MOST_OTHER = 10**15

_UNITS = {"k": 10**3, "M": 10**6, "G": 10**9}


def parse_count(text: str) -> int:
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


def first_given(*values: Any) -> Any:
    """Return the first value that is not None."""
    return next(value for value in values if value is not None)


def most(name: str) -> int:
    """Largest value of a whole number with a name such as ``envs`` or ``--envs``."""
    return MOST.get(name.removeprefix("--"), MOST_OTHER)


def validated_count(name: str, value: Any, low: int = 1, high: int | None = None) -> int:
    """Convert a count to int: any integer type, ``1e4`` as TOML reads it, or a text as on the command line.

    Args:
        name: name of the argument in the error.
        value: the count.
        low: smallest allowed value.
        high: largest allowed value; by default that of `most`.

    Raises:
        ArenaError: the value is not a whole number of at least `low`.
    """
    try:
        if isinstance(value, str):
            count = parse_count(value)
        else:
            count = int(value) if isinstance(value, float) and value.is_integer() else operator.index(value)
    except (TypeError, ValueError, OverflowError):
        count = low - 1
    if isinstance(value, bool) or count < low:
        raise ArenaError(f"{name} is {value!r}, which is not a whole number from {low}", "give one")
    limit = most(name) if high is None else high
    if count > limit:
        raise ArenaError(f"{name} is {_short(value)}, which is more than {limit:,}", "give a smaller number")
    return count


def validated_seeds(seeds: Any) -> tuple[int, ...]:
    """Convert seeds to a tuple: a number n means the seeds 0 to n - 1, a list means these seeds.

    Raises:
        ArenaError: there are no seeds or too many, a seed is too large, or a seed is repeated.
    """
    if isinstance(seeds, (list, tuple)) or hasattr(seeds, "tolist"):
        values = seeds.tolist() if hasattr(seeds, "tolist") else seeds
        values = values if isinstance(values, (list, tuple)) else [values]
        chosen = tuple(validated_count("a seed", seed, low=0, high=2**63) for seed in values)
    else:
        chosen = tuple(range(min(validated_count("seeds", seeds, high=2**63), MOST_SEEDS + 1)))
    if len(chosen) > MOST_SEEDS or any(seed >= 2**63 for seed in chosen):
        problem = f"there are more than {MOST_SEEDS:,} seeds, or a seed of 2^63 or more"
        raise ArenaError(problem, "give fewer or smaller seeds")
    if not chosen or len(set(chosen)) < len(chosen):
        problem = f"the list of seeds {list(chosen[:20])} is empty or repeats a seed"
        raise ArenaError(problem, "give each seed once")
    return chosen


def validated_device(name: str) -> str:
    """Check that this machine has a torch device of a name such as ``cuda:1``, and return the name.

    Raises:
        ArenaError: torch does not know the name, or the machine has no such device.
    """
    if name == "cpu":
        return name
    import torch

    try:
        device = torch.device(name)
    except (RuntimeError, TypeError) as error:
        problem = f"torch does not know the device {name!r}"
        raise ArenaError(problem, "give a device such as cpu, cuda or cuda:1") from error
    found = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    if (device.index or 0) >= found.get(device.type, 0):
        raise ArenaError(f"this machine has no device {name!r}", "use --device cpu")
    return name


def _short(value: Any) -> str:
    """Text of a number in at most about 20 characters."""
    text = str(value)
    return text if len(text) <= 20 else f"{text[:12]}… of {len(text)} characters"
