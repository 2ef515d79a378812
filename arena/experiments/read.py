"""Reads the experiment or the fit that a run's ``run.json`` holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arena.experiments.experiment import Experiment
from arena.experiments.training_spec import TrainingSpec

__all__ = ["spec_from_dict"]


def spec_from_dict(values: Mapping[str, Any]) -> TrainingSpec:
    """The experiment or the fit that `TrainingSpec.to_dict` made plain values of.

    Raises:
        ArenaError: an unknown or a missing name, or a value out of its range.
    """
    if "encoder" in values and "agent" not in values:
        from arena.experiments.fit import Fit  # which needs torch

        return Fit.from_dict(values)
    return Experiment.from_dict(values)
