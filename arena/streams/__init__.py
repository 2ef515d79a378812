"""Streams: vectors of environments stepped as arrays of transitions."""
