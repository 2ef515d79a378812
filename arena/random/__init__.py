"""Random numbers: named generators keyed by a run's seed, and counter-based numbers for compiled code."""
