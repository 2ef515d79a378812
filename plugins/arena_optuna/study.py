"""A study in its storage and its folder: trials are asked for, finished, and put back after their process died.

A trial whose process was killed is still *running* in the storage. Each process holds the lock of its trial, which the
system releases with the process. So a running trial with a free lock belongs to a dead process, and is set back to
*waiting* with its parameters and reports.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock
import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from arena.errors import ArenaError
from arena.storage.files import read_bounded, write_atomically, write_error
from arena.storage.text_files import parse_json
from arena_optuna.definition import Definition
from arena_optuna.sampler import Seeded, pruner_of

__all__ = ["COUNTED", "StudyFolder", "refuse_memory", "storage_url"]

#: States of trials that count towards the requested number.
COUNTED = (TrialState.COMPLETE, TrialState.PRUNED)

#: Seconds that a process waits while others write to SQLite.
LOCK_SECONDS = 60


class StudyFolder:
    """A study opened by one process; a context manager.

    Args:
        definition: the tuning file.
        out: folder of the study and its runs.

    Raises:
        ArenaError: the storage cannot be used, or its study of this name is a different one.
    """

    def __init__(self, definition: Definition, out: Path) -> None:
        self.definition, self.out = definition, out
        self._held: dict[int, filelock.FileLock] = {}
        try:
            (out / "locks").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(out, error) from error
        self.url = storage_url(definition, out)
        with self._alone():
            self.storage = _opened(self.url)
            try:
                self.study = self._study()
                self._refuse_other()
            except BaseException:
                self._close()
                raise

    def __enter__(self) -> StudyFolder:
        return self

    def __exit__(self, *_: object) -> None:
        for number in [*self._held]:
            self._held.pop(number).release()
        self._close()

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials, by number."""
        return self.study.get_trials(deepcopy=False)

    @property
    def best(self) -> FrozenTrial | None:
        """The complete trial with the highest value; the first of several."""
        complete = (trial for trial in self.trials if trial.state == TrialState.COMPLETE)
        return max(complete, key=lambda trial: (trial.value, -trial.number), default=None)

    @property
    def place(self) -> str:
        """The storage's URL, without a password."""
        return make_url(self.url).render_as_string(hide_password=True)

    def ask(self) -> Trial | None:
        """Starts the next trial, with all its parameters; None if enough trials are done or running."""
        with self._alone():
            trials = self.trials
            dead = self._put_back_dead(trials)
            begun = sum(trial.state in (*COUNTED, TrialState.RUNNING) for trial in trials) - dead
            if begun >= self.definition.settings.trials:
                return None
            trial = self.study.ask({p.name: p.distribution() for p in self.definition.space})
            self._held[trial.number] = self._lock(trial.number)
            self._held[trial.number].acquire(timeout=0)
            return trial

    def tell(self, trial: Trial, state: TrialState, value: float | None = None) -> None:
        """Records the end of a trial."""
        with self._alone():
            self.study.tell(trial, value, state=state)
            self._let_go(trial.number)

    def put_back(self, trial: Trial) -> None:
        """Returns an unfinished trial to the queue; the next process that asks continues it."""
        with self._alone():
            self._wait_again(trial.number)
            self._let_go(trial.number)

    def _study(self) -> optuna.Study:
        name = self.definition.name
        return optuna.create_study(
            storage=self.storage,
            study_name=name,
            direction="maximize",
            load_if_exists=True,
            sampler=Seeded(self.definition.settings),
            pruner=pruner_of(self.definition),
        )

    def _refuse_other(self) -> None:
        """Raises where the study belongs to another folder, or its values would not be comparable."""
        token = _token(self.out)
        attributes = self.study.user_attrs
        mine = json.loads(json.dumps(self.definition.identity()))
        if not attributes and not self.trials:
            self.study.set_user_attr("arena_folder", {"token": token, "path": str(self.out.resolve())})
            self.study.set_user_attr("arena_identity", mine)
            return
        folder, identity = attributes.get("arena_folder"), attributes.get("arena_identity")
        where = f"the study {self.definition.name!r} in {self.place}"
        if folder is None or identity is None:
            raise ArenaError(f"{where} was not created by arena", "choose another [study] name")
        if folder["token"] != token:
            problem = f"{where} has its runs in another folder: {folder['path']}"
            raise ArenaError(problem, "pass that folder to --out, or choose another [study] name")
        for name in {**identity, **mine}:
            if identity.get(name) != mine.get(name):
                change = f"{_as_text(identity.get(name))} and is now {_as_text(mine.get(name))}"
                raise ArenaError(
                    f"{where} has other settings: {name} was {change}, so values would not be comparable",
                    "choose another [study] name, or another --out",
                )

    def _put_back_dead(self, trials: list[FrozenTrial]) -> int:
        """Returns the trials of dead processes to the queue, and counts them."""
        dead = 0
        for trial in trials:
            if trial.state != TrialState.RUNNING or trial.number in self._held:
                continue
            lock = self._lock(trial.number)
            with contextlib.suppress(filelock.Timeout), lock.acquire(timeout=0):
                self._wait_again(trial.number)
                dead += 1
        return dead

    def _wait_again(self, number: int) -> None:
        study_id = self.storage.get_study_id_from_name(self.definition.name)
        trial_id = self.storage.get_trial_id_from_study_id_trial_number(study_id, number)
        self.storage.set_trial_state_values(trial_id, TrialState.WAITING)

    def _let_go(self, number: int) -> None:
        lock = self._held.pop(number)
        lock.release()
        # No other process can be opening it: that requires the study's lock, which is held.
        Path(lock.lock_file).unlink(missing_ok=True)

    def _lock(self, number: int) -> filelock.FileLock:
        return filelock.FileLock(self.out / "locks" / f"trial{number:06d}")

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Holds the study's lock, without which no process starts, ends or returns trials."""
        try:
            with filelock.FileLock(self.out / "locks" / "study"):
                yield
        except PermissionError as error:
            raise write_error(self.out, error) from error

    def _close(self) -> None:
        self.storage.remove_session()
        self.storage.engine.dispose()


def storage_url(definition: Definition, out: Path) -> str:
    """URL of a study's storage: the file's, or SQLite in the study's folder."""
    return definition.settings.storage or f"sqlite:///{out / 'study.db'}"


def refuse_memory(definition: Definition, out: Path) -> None:
    """Rejects a storage that several processes cannot share.

    Raises:
        ArenaError: the storage is in memory, or its URL is invalid.
    """
    url = _parsed(storage_url(definition, out))
    if url.get_backend_name() == "sqlite" and (url.database in (None, "", ":memory:") or "mode" in url.query):
        raise ArenaError(
            f"the storage {url} is in one process's memory", "use --workers 1, or another storage"
        )


def _parsed(url: str) -> Any:
    try:
        return make_url(url)
    except SQLAlchemyError as error:
        example = "write one such as sqlite:///study.db or postgresql://user@host/database"
        raise ArenaError(f"the storage {url!r} is no database URL", example) from error


def _opened(text: str) -> RDBStorage:
    url = _parsed(text)
    shown = url.render_as_string(hide_password=True)
    patient = {"connect_args": {"timeout": LOCK_SECONDS}} if url.get_backend_name() == "sqlite" else {}
    try:
        return RDBStorage(text, engine_kwargs=patient)
    except ImportError as error:
        missing = getattr(error.__cause__, "name", None) or "its driver"
        raise ArenaError(f"the storage {shown} needs {missing}", f"install {missing}") from error
    except (SQLAlchemyError, RuntimeError, optuna.exceptions.OptunaError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise ArenaError(
            f"cannot open the storage {shown}: {reason}",
            "check that its URL is right and the database exists",
        ) from error


def _token(out: Path) -> str:
    """Identifier of the folder, which stays the same when it is moved."""
    path = out / "study.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return str(parse_json(read_bounded(path, 4096))["token"])
    token = secrets.token_hex(8)
    write_atomically(path, json.dumps({"schema": 1, "token": token}).encode())
    return token


def _as_text(value: Any) -> str:
    return "not searched or set" if value is None else json.dumps(value, ensure_ascii=False)
