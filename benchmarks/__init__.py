"""Benchmarks of speed against other libraries: ``python -m benchmarks SUITE``; both sides alternate in one run."""
