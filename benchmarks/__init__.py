"""Speed, side by side with peers: ``python -m benchmarks SUITE``. Ratios are measured interleaved, in one run."""
