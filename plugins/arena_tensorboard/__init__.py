"""TensorBoard as a tracker; docs/tracking.md says how to use it."""
