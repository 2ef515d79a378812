"""Where an agent begins that does not begin from nothing: a snapshot of another run, or another library's file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.codec import Encoded, State, decode, encode
from arena.errors import ArenaError
from arena.files import cannot_write, refuse_link, write_atomically

if TYPE_CHECKING:
    from arena.agent import Agent
    from arena.encoding import Perception
    from arena.environments import EnvironmentFactory
    from arena.run import Run
    from arena.specs import AgentSpec

__all__ = ["BEST", "LAST", "TO_COME", "Start", "read_snapshot", "snapshot_folder", "snapshot_of"]

FILES = ("arrays.safetensors", "state.json")

#: The words behind ``RUN@``.
LAST, BEST = "last", "best"

#: The run that a snapshot is from which a sweep has yet to make.
TO_COME = "a fit of this sweep"


@dataclass(frozen=True)
class Start:
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
    def of(
        cls,
        source: str | Path | Mapping[str, Any],
        spec: AgentSpec,
        factory: EnvironmentFactory,
        perception: Perception | None = None,
    ) -> Start:
        """The start that a person names, or that a run remembers.

        Args:
            source: ``RUN``, ``RUN@best`` or ``RUN@20000``; a file that the agent can read; or the fields of a start.
            spec: the agent that is to begin there.
            factory: the environment that it is to learn in.
            perception: the encoder that it is to see through, or None.

        Raises:
            ArenaError: no such run or snapshot, or one of another agent, of other spaces or of another encoder.
        """
        if isinstance(source, Mapping):
            return cls.remembered(source)
        from arena.environments import same_spaces
        from arena.experiment import agent_class_of
        from arena.run import Run

        if Path(source).is_file():
            return cls(str(source), 0, _digest(_foreign(Path(source), agent_class_of(spec))))
        path, which = snapshot_of(source)
        run = Run.open(path)
        if run.experiment.agent != spec.name:
            problem = f"{path} trained {run.experiment.agent}, which is no start for {spec.name}"
            raise ArenaError(problem, f"train {run.experiment.agent}, or choose a run of {spec.name}")
        difference = same_spaces(agent_class_of(spec).needs, run.experiment.factory, factory)
        if difference is not None:
            raise ArenaError(
                f"{path} is no start here: {difference}", "choose an environment of the same spaces"
            )
        theirs = run.experiment.perception
        if _sight(theirs) != _sight(perception):
            seen = [
                f"the encoder {one.name} ({one.mode})" if one else "no encoder"
                for one in (theirs, perception)
            ]
            raise ArenaError(
                f"{path} saw through {seen[0]}, and here it would be {seen[1]}"
                if seen[0] != seen[1]
                else f"{path} saw through {seen[0]} of other options, or of another fit",
                "see through the same one, and in the same mode",
            )
        return cls.at(run, which)

    @classmethod
    def at(cls, run: Run, which: str) -> Start:
        """One of a run's snapshots."""
        folder = snapshot_folder(run, which)
        return cls(str(run.folder), int(folder.name), _digest(_files(folder)))

    @classmethod
    def remembered(cls, fields: Mapping[str, Any]) -> Start:
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
            raise cannot_write(folder, error) from error
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


def _sight(perception: Perception | None) -> dict[str, Any] | None:
    """What decides what an agent sees, and which of it are its own weights."""
    if perception is None:
        return None
    return {**perception.identity(), "mode": perception.mode == "frozen", "loss_weight": None}


def snapshot_of(source: str | Path) -> tuple[Path, str]:
    """The folder and the snapshot that ``RUN``, ``RUN@best`` or ``RUN@2000`` names."""
    path, at, which = str(source).rpartition("@")
    return (Path(path), which) if at and not Path(source).exists() else (Path(source), LAST)


def snapshot_folder(run: Run, which: str = LAST) -> Path:
    """The folder of one of a run's snapshots.

    Args:
        run: the run.
        which: ``last``, ``best``, or a number of steps.

    Raises:
        ArenaError: there is no such snapshot.
    """
    found = {int(path.parent.name): path.parent for path in sorted(run.snapshots.glob("[0-9]*/state.json"))}
    if not found:
        raise ArenaError(f"{run.folder} has no snapshot yet", f"`arena resume {run.folder}` trains it")
    if which == LAST:
        return found[max(found)]
    if which == BEST:
        best = run.best()
        return found[max(found) if best is None or best["step"] not in found else best["step"]]
    step = int(which) if which.isdecimal() else -1
    if step not in found:
        nearest = sorted(found, key=lambda number: abs(number - step) if step >= 0 else -number)[:5]
        steps = ", ".join(map(str, sorted(nearest)))
        problem = f"{run.folder} has no snapshot {which!r}"
        raise ArenaError(problem, f"give best, last, or a step such as {steps}")
    return found[step]


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
