"""Lazy public names of a package: each is imported on first use, so that importing the package costs nothing."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["lazy_exports"]


def lazy_exports(
    package: str, homes: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the functions ``__getattr__`` and ``__dir__`` of a package (PEP 562).

    Args:
        package: name of the package.
        homes: lazy names by the module that defines them: absolute, or relative to the package (``.module``).

    Returns:
        ``__getattr__``, which imports a lazy name, and ``__dir__``, which lists the package's ``__all__``.
    """
    home_of = {name: home for home, names in homes.items() for name in names}

    def get(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(home_of[name], package), name)

    def names() -> list[str]:
        return sorted(importlib.import_module(package).__all__)

    return get, names
