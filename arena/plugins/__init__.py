"""Plugins: their specs, the hooks, and how installed plugins are discovered."""
