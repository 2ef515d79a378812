"""Where an agent begins that does not begin from nothing: a snapshot of another run, or another library's file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.errors import ArenaError
from arena.storage.codec import Encoded, State, decode, encode
from arena.storage.files import refuse_link, write_atomically, write_error

if TYPE_CHECKING:
    from arena.agents.base import Agent

__all__ = ["FILES", "TO_COME", "SnapshotReference", "read_snapshot"]

FILES = ("arrays.safetensors", "state.json")

#: The run that a snapshot is from which a sweep has yet to make.
TO_COME = "a fit of this sweep"


@dataclass(frozen=True)
class SnapshotReference:
    """A snapshot that another run took, which a run's folder keeps a copy of, so that it can go on alone.

    Attributes:
        run: the folder of the other run, for people: it may be gone; or the file of another library.
        step: after how many of its steps the snapshot was taken; 0 of a file.
        digest: of the snapshot's bytes; it is part of the id of a run that begins there.
    """

    run: str
    step: int
    digest: str

    @classmethod
    def from_folder(cls, run: Path, folder: Path) -> SnapshotReference:
        """A snapshot of a run of ours.

        Args:
            run: the run's folder.
            folder: the snapshot's folder in it, named by its step.
        """
        return cls(str(run), int(folder.name), _digest(_files(folder)))

    @classmethod
    def from_file(cls, path: Path, agent_class: type[Agent]) -> SnapshotReference:
        """Another library's file that an agent can begin from.

        Raises:
            ArenaError: the agent cannot read it.
        """
        return cls(str(path), 0, _digest(_foreign(path, agent_class)))

    @classmethod
    def from_mapping(cls, fields: Mapping[str, Any]) -> SnapshotReference:
        """The start that a run wrote down.

        Raises:
            ArenaError: no run writes that.
        """
        run, step, digest = (fields.get(name) for name in ("run", "step", "digest"))
        sound = isinstance(run, str) and isinstance(digest, str) and type(step) is int and step >= 0
        if not sound or len(fields) != 3:
            raise ArenaError(f"start is {dict(fields)!r}, which no run writes", "give a run folder instead")
        assert isinstance(run, str) and isinstance(digest, str) and isinstance(step, int)
        return cls(run, step, digest)

    def copy(self, folder: Path, agent_class: type[Agent] | None = None) -> None:
        """Puts the snapshot's files into a folder, unless they are there.

        Args:
            folder: where to.
            agent_class: who reads another library's file, where it is one.

        Raises:
            ArenaError: the other run has gone, or its snapshot has changed since.
        """
        refuse_link(folder)
        if all((folder / name).exists() for name in FILES):
            return
        source = Path(self.run)
        if source.is_file() and agent_class is not None:
            files = _foreign(source, agent_class)
        else:
            source = source / "snapshots" / f"{self.step:012d}"
            files = _files(source)
        self._verify(files, source)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(folder, error) from error
        for name, data in zip(FILES, (files.arrays, files.tree), strict=True):
            write_atomically(folder / name, data)

    def load(self, folder: Path) -> State:
        """The snapshot from a folder that it was copied to.

        Raises:
            ArenaError: the copy is missing or damaged.
        """
        self._verify(_files(folder), folder)
        return read_snapshot(folder)

    def _verify(self, files: Encoded, place: Path) -> None:
        if _digest(files) != self.digest:
            problem = (
                f"{place} is not the snapshot of {self.run} at step {self.step:,} that the run begins from"
            )
            raise ArenaError(problem, "restore it from a copy, or begin a new run with --from")


def read_snapshot(folder: Path) -> State:
    """The state of an agent from a snapshot's folder.

    Raises:
        ArenaError: a file is missing or damaged.
    """
    state: State = decode(_files(folder))["agent"]
    return state


def _files(folder: Path) -> Encoded:
    return Encoded(*(_read(folder / name) for name in FILES))


def _foreign(path: Path, agent_class: type[Agent]) -> Encoded:
    """What a snapshot's files would hold, had a run of ours written another library's file."""
    return encode({"agent": agent_class.foreign_snapshot(path)})


def _digest(files: Encoded) -> str:
    digest = hashlib.sha256()
    for data in (files.arrays, files.tree):
        digest.update(hashlib.sha256(data).digest())
    return digest.hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArenaError(f"cannot read {path}: {error.strerror}", "restore it from a copy") from error
