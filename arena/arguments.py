"""Validation of arguments from Python, the command line and files: counts, seeds, trackers, devices."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from arena.counts import whole_number
from arena.errors import ArenaError
from arena.plugins import get_plugins

__all__ = ["a_device", "some_seeds", "some_trackers", "the_first", "whole"]

#: Maximum number of seeds of one experiment.
MOST_SEEDS = 100_000


def the_first(*values: Any) -> Any:
    """Return the first value that is not None."""
    return next(value for value in values if value is not None)


def whole(name: str, value: Any, low: int = 1) -> int:
    """Convert a count to int: any integer type, ``1e4`` as TOML reads it, or a text as on the command line.

    Args:
        name: name of the argument in the error.
        value: the count.
        low: smallest allowed value.

    Raises:
        ArenaError: the value is not a whole number of at least `low`.
    """
    try:
        if isinstance(value, str):
            count = whole_number(value)
        else:
            count = int(value) if isinstance(value, float) and value.is_integer() else operator.index(value)
    except (TypeError, ValueError):
        count = low - 1
    if isinstance(value, bool) or count < low:
        raise ArenaError(f"{name} is {value!r}, which is not a whole number from {low}", "give one")
    return count


def some_seeds(seeds: Any) -> tuple[int, ...]:
    """Convert seeds to a tuple: a number n means the seeds 0 to n - 1, a list means these seeds.

    Raises:
        ArenaError: there are no seeds or too many, a seed is too large, or a seed is repeated.
    """
    if isinstance(seeds, (list, tuple)) or hasattr(seeds, "tolist"):
        several = seeds.tolist() if hasattr(seeds, "tolist") else seeds
        chosen = tuple(
            whole("a seed", seed, low=0)
            for seed in (several if isinstance(several, (list, tuple)) else [several])
        )
    else:
        chosen = tuple(range(min(whole("seeds", seeds), MOST_SEEDS + 1)))
    if len(chosen) > MOST_SEEDS or any(seed >= 2**63 for seed in chosen):
        raise ArenaError(
            f"there are more than {MOST_SEEDS:,} seeds, or a seed of 2^63 or more",
            "give fewer or smaller seeds",
        )
    if not chosen or len(set(chosen)) < len(chosen):
        raise ArenaError(
            f"the list of seeds {list(chosen)} is empty or repeats a seed", "give each seed once"
        )
    return chosen


def some_trackers(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """Validate names of trackers; None selects the default trackers.

    Raises:
        ArenaError: a name is unknown.
    """
    known = get_plugins().trackers
    if not (names is None or isinstance(names, str | list | tuple)):
        raise ArenaError(f"trackers is {names!r}", 'give a list of names, such as ["tensorboard"]')
    if names is None:
        return tuple(spec.name for spec in known.values() if spec.default)
    chosen = (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))
    return tuple(known[name].name for name in chosen)


def a_device(name: str) -> str:
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
        raise ArenaError(
            f"torch does not know the device {name!r}", "give a device such as cpu, cuda or cuda:1"
        ) from error
    found = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    if (device.index or 0) >= found.get(device.type, 0):
        raise ArenaError(f"this machine has no device {name!r}", "use --device cpu")
    return name
