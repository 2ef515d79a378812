"""Sweeps: grids of experiments read from a file, and the fits that they need first."""
