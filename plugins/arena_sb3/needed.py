"""Says what to install where Stable-Baselines3 or its contributions are missing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from arena.errors import ArenaError

__all__ = ["needed"]


@contextlib.contextmanager
def needed(agents: str, library: str) -> Iterator[None]:
    """Turns a failed import into what to do about it.

    Args:
        agents: who needs it, such as "agents sb3-ppo and sb3-sac".
        library: what they need.

    Raises:
        ArenaError: the block could not import something; the ImportError is its cause.
    """
    try:
        yield
    except ImportError as error:
        raise ArenaError(f"{agents} need {library} ({error})", "pip install 'arena-rl[sb3]'") from error
