"""`arena report DIR …`: compares runs over seeds and environments, as a page, a table or JSON.

The names are imported on first use, so that importing this package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arena_report.encoders import area
    from arena_report.results import comparison
    from arena_report.run_records import RunRecord, Skipped, read_runs

_HOMES = {
    "RunRecord": "run_records",
    "Skipped": "run_records",
    "area": "encoders",
    "comparison": "results",
    "read_runs": "run_records",
}

__all__ = ["RunRecord", "Skipped", "area", "comparison", "read_runs"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'arena_report' has no attribute {name!r}")
    return getattr(importlib.import_module(f"arena_report.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
