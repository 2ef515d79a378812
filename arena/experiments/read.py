"""Conversion of the experiment or fit in a ``run.json`` to an object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arena.experiments.experiment import Experiment
from arena.experiments.training_spec import TrainingSpec

__all__ = ["spec_from_dict"]


def spec_from_dict(values: Mapping[str, Any]) -> TrainingSpec:
    """Make the experiment or the fit from the plain values of `TrainingSpec.to_dict`.

    Raises:
        ArenaError: a name is unknown or missing, or a value is out of its range.
    """
    if "encoder" in values and "agent" not in values:
        from arena.experiments.fit import Fit  # which needs torch

        return Fit.from_dict(values)
    return Experiment.from_dict(values)
