"""Experiments: everything that decides the outcome of training an agent or fitting an encoder."""
