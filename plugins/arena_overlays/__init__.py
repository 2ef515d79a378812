"""What the viewer draws over worlds and beside them: what an agent values, would do, remembers and sees."""
