"""Agents: the base class of every agent, what it needs, and how a trained one acts."""
