"""Time series in bounded memory."""

from __future__ import annotations

__all__ = ["BoundedSeries"]


class BoundedSeries:
    """A long series as a bounded number of equal parts, each with the mean of its numbers.

    Args:
        most: the largest number of parts, even; when it is reached, neighbors are merged in pairs.

    Example:
        >>> history = BoundedSeries(most=4)
        >>> for number in (1, 3, 5, 7, 9):
        ...     history.append(number)
        >>> history.parts, history.length
        ([2.0, 6.0, 9.0], 2)
    """

    def __init__(self, most: int = 512) -> None:
        self._most = most
        self._whole: list[float] = []
        self._sum, self._count = 0.0, 0
        self.length = 1

    def append(self, number: float) -> None:
        """Appends a number."""
        self._sum += number
        self._count += 1
        if self._count == self.length:
            self._whole.append(self._sum / self._count)
            self._sum, self._count = 0.0, 0
        if len(self._whole) == self._most:
            pairs = zip(self._whole[::2], self._whole[1::2], strict=True)
            self._whole = [(one + other) / 2 for one, other in pairs]
            self.length *= 2

    @property
    def parts(self) -> list[float]:
        """Means of the parts, the last of which may be incomplete."""
        return [*self._whole, self._sum / self._count] if self._count else [*self._whole]
