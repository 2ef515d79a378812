"""`arena report DIR …`: compares runs over seeds and environments, as a page, a table or JSON.

The names are imported on first use, so that importing this package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from arena.plugins.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from arena_report.encoders import area
    from arena_report.results import comparison
    from arena_report.run_records import RunRecord, Skipped, read_runs

__all__ = ["RunRecord", "Skipped", "area", "comparison", "read_runs"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        ".encoders": ["area"],
        ".results": ["comparison"],
        ".run_records": ["RunRecord", "Skipped", "read_runs"],
    },
)
