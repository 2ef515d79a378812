"""Reports: run folders compared on one page that needs nothing but a browser."""

from __future__ import annotations

from arena.report.data import RunRecord, Skipped, read_runs
from arena.report.results import comparison

__all__ = ["RunRecord", "Skipped", "comparison", "read_runs"]
