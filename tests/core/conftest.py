"""Fixtures of several test files: `arena list` in this process, as JSON, as text and as an error."""

from __future__ import annotations

import json

import pytest

from arena.cli import main


@pytest.fixture
def listed(capsys):
    """The rows of a command line."""

    def call(*words):
        status = main(["list", "runs", *map(str, words), "--json"])
        out, err = capsys.readouterr()
        assert (status, err) == (0, "")
        return json.loads(out)["runs"]

    return call


@pytest.fixture
def shown(capsys):
    """What a command line prints for people."""

    def call(*words):
        assert main(["list", "runs", *map(str, words)]) == 0
        return capsys.readouterr().out

    return call


@pytest.fixture
def complaint(capsys):
    """The one line that a command line ends with."""

    def call(*words):
        assert main(["list", *map(str, words)]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        return err

    return call


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command in a folder of its own; status and standard output."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        status = main([*map(str, words)])
        return status, capsys.readouterr().out

    return call
