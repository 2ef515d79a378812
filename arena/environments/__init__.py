"""Environments: how they are made, their spaces, transition models, exact values, and how they are drawn."""
