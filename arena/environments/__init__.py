"""Environments: creation, spaces, transition models, exact values, vector environments, and rendering."""
