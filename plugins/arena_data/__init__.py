"""Sources of frames: images in a folder, ``.npz`` files, and scikit-learn's digits.

The names are imported on first use, so that importing this package costs nothing.

Example:
    >>> from arena_data import npz
    >>> frames = npz("measurements.npz", bounds=(0, 1))  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena.plugins.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from arena_data.arrays import digits, npz
    from arena_data.images import pictures

__all__ = ["digits", "npz", "pictures"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        ".arrays": ["digits", "npz"],
        ".images": ["pictures"],
    },
)
