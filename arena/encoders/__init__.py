"""Encoders: protocols, distributions, standardization, training, and their use in streams and networks."""
