"""What people and files say, as values: each in its range, or an error that names it."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from arena.config.counts import whole_number
from arena.errors import ArenaError
from arena.plugins.discovery import get_plugins

__all__ = ["a_device", "some_seeds", "some_trackers", "the_first", "whole"]

#: More runs than this are not one experiment.
MOST_SEEDS = 100_000


def the_first(*values: Any) -> Any:
    """The first of several values that is not None."""
    return next(value for value in values if value is not None)


def whole(name: str, value: Any, low: int = 1) -> int:
    """A count: any integer type's, ``1e4`` as TOML reads it, or a text as on the command line."""
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
    """Seeds: so many (0, 1, …), or which.

    Raises:
        ArenaError: they are none, too many, or repeat.
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
        raise ArenaError(f"more than {MOST_SEEDS:,} seeds, or one from 2^63", "give fewer or smaller ones")
    if not chosen or len(set(chosen)) < len(chosen):
        raise ArenaError(f"the seeds {list(chosen)} are empty or repeat", "give each seed once")
    return chosen


def some_trackers(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """The trackers of these names; the default ones for None.

    Raises:
        ArenaError: there is none of a name.
    """
    known = get_plugins().trackers
    if not (names is None or isinstance(names, str | list | tuple)):
        raise ArenaError(f"trackers is {names!r}", 'give a list of names, such as ["tensorboard"]')
    if names is None:
        return tuple(spec.name for spec in known.values() if spec.default)
    chosen = (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))
    return tuple(known[name].name for name in chosen)


def a_device(name: str) -> str:
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
