"""Silences Optuna's log and its warnings about experimental features, which are not for arena's users."""

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
    """Silences Optuna's log, and turns failures of its storage into errors on one line.

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
            f"the study's storage failed: {reason}",
            "check that it can be reached; then run the same command again to continue",
        ) from error
    finally:
        optuna.logging.set_verbosity(before)
