"""The error for a missing Stable-Baselines3 or sb3-contrib, with the command that installs it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from arena.errors import ArenaError

__all__ = ["needed"]


@contextlib.contextmanager
def needed(agents: str, library: str) -> Iterator[None]:
    """Turns a failed import in the block into an error that names the command to install the library.

    Args:
        agents: the agents that need it, such as "agents sb3-ppo and sb3-sac".
        library: the library's name.

    Raises:
        ArenaError: the block could not import something; the ImportError is its cause.
    """
    try:
        yield
    except ImportError as error:
        raise ArenaError(f"{agents} need {library} ({error})", "pip install 'arena-rl[sb3]'") from error
