"""Weights & Biases as a tracker; see docs/tracking.md."""
