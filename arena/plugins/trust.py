"""Trust: which code may be imported because a file names it, such as the ``run.json`` of a run folder.

A person's own words, on the command line or in Python, may name any module. A file may come from another person.
The code that it names is imported only

* if a plugin provides it: its module belongs to the package of an entry point, a target or an environment;
* if this user made the file, or allowed it once: `note` stores a digest of the file in ``trusted.json``;
* inside `trusting`, which is ``--trust`` on the command line and ``trust=True`` in Python.

Names without a colon, such as ``CartPole-v1``, are looked up among registered names, and import no other module.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

import filelock

from arena.errors import ArenaError
from arena.plugins.discovery import GROUP, get_plugins
from arena.plugins.specs import EnvironmentSpec
from arena.storage.files import open_regular

__all__ = [
    "CHILDREN",
    "check",
    "find_typed_modules",
    "import_named",
    "is_trusting",
    "note",
    "noting_together",
    "trusting",
]

#: Environment variable by which child processes trust as their parent does.
CHILDREN = "ARENA_TRUST"

#: Largest number of digests in ``trusted.json``, of which the oldest are removed, and its largest size in bytes.
MOST, MOST_BYTES = 10_000, 4 << 20

#: Seconds to wait for another process that writes ``trusted.json``.
PATIENCE = 10.0

#: Registered names that need trust although they have no module: they import or write what their options name.
INDIRECT = ("GymV21Environment-v0", "GymV26Environment-v0", "RecordVideo")

#: Entry of ``trusted.json``: digest of a file, and the working directory that it may import from, or "".
Entry = tuple[str, str]

_trusting: ContextVar[bool] = ContextVar("trusting", default=False)
_entries: set[Entry] = set()  # of this process, also where the home cannot be written
_unwritten: list[Entry] | None = None
_added: set[str] = set()  # folders that were added to the path


@contextmanager
def trusting(on: bool = True) -> Iterator[None]:
    """Trust, in a ``with`` block, all code that opened files name, and remember these files; no change if not on."""
    token = _trusting.set(on or _trusting.get())
    try:
        yield
    finally:
        _trusting.reset(token)


def is_trusting() -> bool:
    """Return whether all code that files name is trusted at present."""
    return _trusting.get() or os.environ.get(CHILDREN) == "1"


def check(path: Path, document: Mapping[str, Any], names: Iterable[str], trusted: bool = False) -> None:
    """Refuse a file that names code which it may not import; nothing is imported.

    Args:
        path: the file, for the error.
        document: content of the file.
        names: names of environments and wrappers in it.
        trusted: whether the parent of this process trusts the file.

    Raises:
        ArenaError: the first name that needs trust.
    """
    strange = _strange(names)
    if trusted or not strange:
        return
    digest, here = _digest(document), _place(strange)
    if is_trusting():
        _remember((digest, here))
        _find_in(here)
        return
    places = [place for known, place in {*_entries, *_read()} if known == digest]
    # Another module of the same name in this working directory is not the one that was trusted.
    if not places or (here and not any(place and _is_in(place, strange) for place in places)):
        raise ArenaError(
            f"{path} names {strange[0]!r}, which no plugin provides, and this user has not made or allowed the file",
            "if its author is trusted, add --trust (in Python trust=True), which runs that code",
        )
    for place in places:
        _find_in(place)


def import_named(module: str, name: str) -> ModuleType:
    """Import the module of a name that a person wrote, or that a checked file contains.

    Raises:
        ArenaError: the module cannot be imported.
    """
    try:
        return importlib.import_module(module)
    except (ImportError, ValueError, TypeError) as error:  # the latter two for names such as `:A` and `.a:A`
        problem = f"{name}: cannot import {module}: {error}"
        if _place([f"{module}:"]):
            raise ArenaError(problem, "add --trust to import it from the working directory") from error
        raise ArenaError(problem, "check the module's name") from error


def note(document: Mapping[str, Any], names: Iterable[str]) -> None:
    """Remember a file that this user has made; without effect on disk where the home cannot be written."""
    strange = _strange(names)
    if strange:
        _remember((_digest(document), _place(strange)))


@contextmanager
def noting_together() -> Iterator[None]:
    """Write what is noted in a ``with`` block once, at its end."""
    global _unwritten
    if _unwritten is not None:
        yield
        return
    _unwritten = []
    try:
        yield
    finally:
        entries, _unwritten = _unwritten, None
        _write(entries)


@contextmanager
def find_typed_modules(words: Sequence[str], trusted: bool) -> Iterator[None]:
    """Let a command import modules of the working directory: those that its words name, with ``--trust`` all.

    The working directory comes last on the path, so that no file in it replaces an installed module.
    """
    before, variable = [*sys.path], os.environ.get(CHILDREN)
    typed = [word.partition("=")[2] if word.startswith("--") else word for word in words]
    _find_in(os.getcwd() if trusted else _place([word.partition("(")[0].strip() for word in typed]))
    if trusted:
        os.environ[CHILDREN] = "1"
    try:
        yield
    finally:
        sys.path[:] = before
        if trusted and variable is None:
            os.environ.pop(CHILDREN, None)


def _strange(names: Iterable[str]) -> list[str]:
    """Names that need trust."""
    found = [name for name in names if ":" in name or name.rpartition(":")[2] in INDIRECT]
    if not found:
        return []
    packages = _plugin_packages()
    return [
        name
        for name in found
        if name.rpartition(":")[2] in INDIRECT or not packages.issuperset(map(_root, name.split(":")[:-1]))
    ]


def _plugin_packages() -> set[str]:
    """Top-level packages of arena, Gymnasium and the plugins in use."""
    plugins = get_plugins()
    used = {info.name for info in plugins.infos if info.distribution and info.status in ("ok", "warning")}
    modules = ["arena", "gymnasium"]
    with suppress(Exception):  # metadata that cannot be read are no reason to trust
        modules += [point.value for point in metadata.entry_points(group=GROUP) if point.name in used]
    for registry in plugins.registries.values():
        modules += [spec.target for spec in registry.values() if spec.target]
        modules += [spec.package for spec in registry.values() if isinstance(spec, EnvironmentSpec)]
    return {_root(module) for module in modules}


def _root(module: str) -> str:
    return module.partition(":")[0].partition(".")[0]


def _digest(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _roots(names: Iterable[str]) -> set[str]:
    """Top-level packages of the modules in some names."""
    return {_root(module) for name in names for module in name.split(":")[:-1]}


def _place(names: Iterable[str]) -> str:
    """The working directory, if a module of these names is found only there; otherwise an empty text."""
    with suppress(OSError):
        here = os.getcwd()
        if any(not _is_importable(root) and _is_in(here, [f"{root}:"]) for root in _roots(names)):
            return here
    return ""


def _is_in(place: str, names: Iterable[str]) -> bool:
    """Whether a folder has a module of some names; no code is run."""
    return any(root.isidentifier() and PathFinder.find_spec(root, [place]) for root in _roots(names))


def _is_importable(root: str) -> bool:
    """Whether a module is found without the folders that `_find_in` has added to the path; no code is run."""
    loaded = getattr(sys.modules.get(root), "__spec__", None)
    if loaded is not None:
        folders = loaded.submodule_search_locations  # of a package
        file = loaded.origin or "" if folders is None else next(iter(folders), "")
        return os.path.dirname(file) not in _added
    path = [folder for folder in sys.path if folder not in _added]
    for finder in sys.meta_path:
        with suppress(ImportError, ValueError, AttributeError):
            if finder.find_spec(root, path if finder is PathFinder else None):
                return True
    return root in sys.modules


def _find_in(place: str) -> None:
    if place and place not in sys.path:
        sys.path.append(place)
        _added.add(place)


def _remember(entry: Entry) -> None:
    if entry in _entries:
        return
    _entries.add(entry)
    if _unwritten is not None:
        _unwritten.append(entry)
    else:
        _write([entry])


def _path() -> Path:
    state = os.environ.get("XDG_STATE_HOME", "")
    return (Path(state) if os.path.isabs(state) else Path.home() / ".local/state") / "arena" / "trusted.json"


def _read() -> dict[Entry, None]:
    """Entries of ``trusted.json``, the oldest first; none if the file is missing, damaged or another user's."""
    try:
        with open_regular(_path(), MOST_BYTES) as file:
            status = os.fstat(file.fileno())
            if os.name != "nt" and (status.st_uid != os.getuid() or status.st_mode & 0o022):
                return {}
            rows = json.loads(file.read(MOST_BYTES))["trusted"]
        return {(str(digest), str(place)): None for digest, place in rows}
    except (OSError, ValueError, TypeError, KeyError, RecursionError, RuntimeError):
        return {}


def _write(entries: Sequence[Entry]) -> None:
    """Add entries to ``trusted.json`` if the home can be written: training does not depend on it."""
    if not entries:
        return
    with suppress(OSError, filelock.Timeout, RuntimeError):  # RuntimeError: there is no home
        path = _path()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with filelock.FileLock(path.with_suffix(".lock"), timeout=PATIENCE):
            found = _read()
            if found.keys() >= set(entries):
                return
            rows = [*{**found, **dict.fromkeys(entries)}][-MOST:]
            descriptor, temporary = tempfile.mkstemp(dir=path.parent)  # mode 0600
            try:
                with open(descriptor, "w", encoding="utf-8") as file:
                    json.dump({"schema": 1, "trusted": rows}, file)
                os.replace(temporary, path)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(temporary)
