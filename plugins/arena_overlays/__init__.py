"""Overlays of the viewer: values, policy, action values, visits, codes and reconstructions of an agent."""
