"""A file written atomically is the old one or the new one."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from arena.errors import ArenaError
from arena.storage.files import write_atomically


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_write_atomically(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def failing(*arguments: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left")

    path = tmp_path / "run.json"
    write_atomically(path, b"old")
    with monkeypatch.context() as patch:
        patch.setattr(
            os, call, lambda *_, **__: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left"))
        )
        with pytest.raises(ArenaError, match=r"cannot write .*run.json: No space left; free"):
            write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    write_atomically(path, b"new" * 100_000)
    assert path.read_bytes() == b"new" * 100_000
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.json"]
    with pytest.raises(ArenaError, match="cannot write"):
        write_atomically(tmp_path / "absent" / "run.json", b"")


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: whole(descriptor, data[:3]))
    write_atomically(tmp_path / "file", b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"
