"""Agents: base class, requirements, compatibility with environments, and acting after training."""
