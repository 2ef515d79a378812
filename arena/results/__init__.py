"""Results: summaries of finished runs as text, and progress bars."""
