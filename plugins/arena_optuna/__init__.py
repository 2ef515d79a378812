"""`arena tune`: searches for hyperparameters with Optuna; every trial is ordinary runs that resume and prune."""
