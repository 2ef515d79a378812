"""Hyperparameter search with Optuna, `arena tune`: every trial is a set of ordinary runs, which resume and prune."""
