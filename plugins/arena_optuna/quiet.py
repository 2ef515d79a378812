"""Optuna says what it does on standard error, and warns of what may change in it; neither is for arena's users."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import optuna
from sqlalchemy.exc import SQLAlchemyError

from arena.errors import ArenaError

__all__ = ["quiet"]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silences Optuna's log, and makes its storage's failures errors of one line.

    Raises:
        ArenaError: the storage failed.
    """
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    except (optuna.exceptions.StorageInternalError, SQLAlchemyError) as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise ArenaError(
            f"the study's storage failed: {reason}", "see that it is there; the same command goes on"
        ) from error
    finally:
        optuna.logging.set_verbosity(before)
