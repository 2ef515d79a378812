"""Training: the loop that logs, evaluates, checkpoints and resumes, for agents and encoders."""
