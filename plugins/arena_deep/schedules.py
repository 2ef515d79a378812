"""Quantities that change with the number of environment steps, and how long an agent trains before it yields."""

from __future__ import annotations

from arena.streams.base import Stream

__all__ = ["linear_schedule", "steps_until_yield"]

#: Greatest number of vector steps between two yields: the runner's work between yields then costs little.
MAX_STEPS = 64


def linear_schedule(initial: float, final: float, duration: int, step: int) -> float:
    """Linear interpolation from `initial` at step 0 to `final` at step `duration`; constant after that."""
    return final if step >= duration else initial + (final - initial) * (step / duration)


def steps_until_yield(stream: Stream) -> int:
    """Number of vector steps to take before the next yield: no more than the stream has left."""
    return min(-(-stream.remaining // stream.num_envs), MAX_STEPS)
