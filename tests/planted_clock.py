"""A clock that stands still."""

import time


class Clock:
    """Time that goes on when it is told to, in the place of the module `time`."""

    def __init__(self):
        self.now, self.wall = 1000.0, time.time()

    def monotonic(self):
        return self.now

    def time(self):
        return self.wall
