"""Runs: folders that hold an experiment's configuration, metrics, snapshots, checkpoint and result."""
