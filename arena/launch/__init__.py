"""Launchers: how the runs of an experiment are executed, in this process or in others."""
