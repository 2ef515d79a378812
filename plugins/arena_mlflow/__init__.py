"""MLflow as a tracker; see docs/tracking.md."""
