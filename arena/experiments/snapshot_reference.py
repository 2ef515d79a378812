"""Reference to the initial weights of a run: a snapshot of another run, or a file of another library."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.errors import ArenaError
from arena.storage.codec import Encoded, State, decode, encode
from arena.storage.files import Folder, refuse_link, write_error
from arena.storage.manifest import DamagedError, read_manifest, read_verified, write_files

if TYPE_CHECKING:
    from arena.agents.base import Agent

__all__ = ["FILES", "TO_COME", "SnapshotReference", "read_snapshot", "verify_snapshot"]

FILES = ("arrays.safetensors", "state.json")

#: Name of the run of a snapshot that a sweep has not made yet.
TO_COME = "a fit of this sweep"


@dataclass(frozen=True)
class SnapshotReference:
    """Reference to a snapshot of another run; the folder of the run that uses it has a copy.

    Attributes:
        run: folder of the other run, which may be deleted later; or the file of another library.
        step: number of steps before the snapshot; 0 for a file.
        digest: digest of the snapshot's bytes, part of the id of the run that uses it.
    """

    run: str
    step: int
    digest: str

    @classmethod
    def from_folder(cls, run: Path, folder: Path, run_id: str) -> SnapshotReference:
        """Make a reference to the snapshot in a sub-folder of a run, which is named by its step.

        Raises:
            ArenaError: the snapshot is damaged, or was not written by the run of that id at that step.
        """
        return cls(str(run), int(folder.name), _digest(_files(folder, run_id)))

    @classmethod
    def from_file(cls, path: Path, agent_class: type[Agent]) -> SnapshotReference:
        """Make a reference to a file of another library.

        Raises:
            ArenaError: the agent cannot read the file.
        """
        return cls(str(path), 0, _digest(_foreign(path, agent_class)))

    @classmethod
    def from_mapping(cls, fields: Mapping[str, Any]) -> SnapshotReference:
        """Make a reference from the values in a ``run.json``.

        Raises:
            ArenaError: the values are malformed.
        """
        run, step, digest = (fields.get(name) for name in ("run", "step", "digest"))
        sound = isinstance(run, str) and isinstance(digest, str) and type(step) is int and step >= 0
        if not sound or len(fields) != 3:
            raise ArenaError(f"start is {dict(fields)!r}, which is malformed", "give a run folder instead")
        assert isinstance(run, str) and isinstance(digest, str) and isinstance(step, int)
        return cls(run, step, digest)

    def copy(self, folder: Path, agent_class: type[Agent] | None = None) -> None:
        """Copy the snapshot's files into a folder, unless it has them.

        Args:
            folder: the destination.
            agent_class: class that reads a file of another library.

        Raises:
            ArenaError: the other run was deleted, or its snapshot was changed.
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
            with Folder(folder.parent, folder.name, create=True) as opened:
                data = dict(zip(FILES, (files.arrays, files.tree), strict=True))
                write_files(opened, data, {"run": self.run, "step": self.step})
        except OSError as error:
            raise write_error(folder, error) from error

    def load(self, folder: Path) -> State:
        """Load the snapshot from a folder that it was copied to.

        Raises:
            ArenaError: the copy is missing or damaged.
        """
        self._verify(_files(folder), folder)
        return read_snapshot(folder)

    def _verify(self, files: Encoded, place: Path) -> None:
        if _digest(files) != self.digest:
            problem = (
                f"{place} is not the snapshot of {self.run} at step {self.step:,} that the run starts from"
            )
            raise ArenaError(problem, "restore it from a copy, or start a new run with --from")


def read_snapshot(folder: Path, run_id: str | None = None) -> State:
    """Read the state of an agent or an encoder from a snapshot's folder.

    Args:
        folder: the folder.
        run_id: id of the run that must have written it, at the step that names the folder; None for a copy.

    Raises:
        ArenaError: a file is missing or damaged.
    """
    state: State = decode(_files(folder, run_id))["agent"]
    return state


def verify_snapshot(folder: Path, run_id: str | None = None) -> Encoded:
    """Read the files of a snapshot, and compare them with their digests.

    Raises:
        DamagedError: a file is missing or damaged.
        OSError: a file cannot be read.
    """
    manifest = read_manifest(folder)
    if run_id is not None and manifest.info != {"id": run_id, "step": int(folder.name)}:
        raise DamagedError("it belongs to another run or step")
    try:
        return Encoded(*(read_verified(folder / name, *manifest.files[name]) for name in FILES))
    except LookupError as error:
        raise DamagedError("its manifest lacks a file") from error


def _files(folder: Path, run_id: str | None = None) -> Encoded:
    try:
        return verify_snapshot(folder, run_id)
    except DamagedError as error:
        remedy = "use another snapshot (RUN@STEPS), or train it again with `arena resume RUN --repair`"
        raise ArenaError(f"the snapshot {folder} is damaged: {error}", remedy) from error
    except OSError as error:
        raise ArenaError(f"cannot read {folder}: {error.strerror}", "restore it from a copy") from error


def _foreign(path: Path, agent_class: type[Agent]) -> Encoded:
    """Convert a file of another library to the files of a snapshot."""
    return encode({"agent": agent_class.foreign_snapshot(path)})


def _digest(files: Encoded) -> str:
    digest = hashlib.sha256()
    for data in (files.arrays, files.tree):
        digest.update(hashlib.sha256(data).digest())
    return digest.hexdigest()
