"""W&B offline: what its own reader finds in the files; and no prompt, whatever there is of keys and networks."""

from __future__ import annotations

import json
import struct
import sys
import time

import pytest

from arena.errors import ArenaError, Interrupted
from arena.plugins.discovery import get_plugins
from arena.runs.listener import Listener
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.testing import contents, difference, plugin_imports_lightly
from arena.training.runner import execute

CLIFF = "arena/CliffWalk-v0"


class Told(Listener):
    def __init__(self, turns=float("inf")):
        self.notices, self.turns = [], turns

    def progressed(self, run, progress, evaluation):
        self.turns -= 1

    def noticed(self, run, text):
        self.notices.append(text)

    def stopping(self):
        return self.turns <= 0


@pytest.fixture
def wandb(tmp_path, monkeypatch):
    """The library, offline, with nobody's settings and keys; its service ends with the test."""
    library = pytest.importorskip("wandb")
    for name in ("API_KEY", "PROJECT", "RUN_GROUP", "DIR", "ENTITY", "RUN_ID", "IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(f"WANDB_{name}", raising=False)
    for name in ("CONFIG", "CACHE", "DATA"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRC", str(tmp_path / "home" / "netrc"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    library.teardown()
    yield library
    library.teardown()


def prepared(folder, tracker="wandb", seed=0, **settings):
    defaults = {
        "steps": 1000,
        "seeds": [seed],
        "horizon": 50,
        "episodes": 3,
        "evaluate_every": 500,
        "log_every": 50,
    }
    experiment = resolve_experiment("q-learning", CLIFF, trackers=tracker, **{**defaults, **settings})
    return Run.prepare(experiment, seed, folder)


def records(path):
    """The records of an offline file, whose format is LevelDB's log behind seven bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, found, parts = path.read_bytes(), 7, [], []
    assert data.startswith(b":W&B")
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:  # a header never spans blocks
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        parts.append(data[at + 7 : at + 7 + length])
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            found.append(Record.FromString(b"".join(parts)))
            parts = []
    return found


def rows(found):
    """Lines of history as dictionaries."""
    return [
        {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item}
        for record in found
        if record.HasField("history")
    ]


def files(run):
    return sorted((run.folder / "wandb").glob("offline-run-*/*.wandb"))


def test_runs_of_one_process_are_written_whole(wandb, tmp_path, capfd):
    plain, told = prepared(tmp_path / "plain", ()), Told()
    runs = [prepared(tmp_path / "runs", seed=seed) for seed in (0, 1)]
    result = execute(plain)
    assert execute(runs[0], told) == result
    assert difference(contents(plain), contents(runs[0])) is None
    with pytest.raises(Interrupted):
        execute(runs[1], Told(turns=3))
    assert (told.notices, wandb.run) == ([], None)
    wandb.teardown()  # its service writes the last of the files
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")
    groups = set()
    for run, status in zip(runs, (0, 1), strict=True):
        [path] = files(run)
        found = records(path)
        [about] = [record.run for record in found if record.HasField("run")]
        groups.add(about.run_group)
        assert (about.run_id, about.project) == (run.spec.id(run.seed), "arena")
        config = {item.key: json.loads(item.value_json) for item in about.config.update}
        assert (config["agent"]["name"], config["seed"]) == ("q-learning", run.seed)
        lines = [json.loads(text) for text in run.metrics.read_text().splitlines()]
        shown = [(row["step"], row["training/episodes"], row.get("evaluation/return")) for row in rows(found)]
        assert shown == [(line["step"], line["episodes"], line.get("evaluation")) for line in lines]
        [end] = [record.exit.exit_code for record in found if record.HasField("exit")]
        assert end == status
        axes = [record.metric for record in found if record.HasField("metric")]
        assert [(axis.glob_name, axis.step_metric) for axis in axes if axis.glob_name] == [("*", "step")]
        assert not any(path.is_symlink() for path in (run.folder / "wandb").iterdir())
    assert len(groups) == 1  # seeds of one experiment
    execute(Run.open(runs[1].folder))
    wandb.teardown()
    sessions = [rows(records(path)) for path in files(runs[1])]
    assert sorted(row["step"] for session in sessions for row in session) == list(range(50, 1001, 50))


def test_without_a_key_it_says_so_and_does_not_ask(wandb, tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setattr("builtins.input", lambda *arguments: pytest.fail("it asked"))
    monkeypatch.setattr("getpass.getpass", lambda *arguments: pytest.fail("it asked"))
    run, told, before = prepared(tmp_path / "runs"), Told(), time.monotonic()
    execute(run, told)
    [notice] = told.notices
    assert notice.endswith("W&B has no API key; run `wandb login`, or set WANDB_MODE=offline")
    assert time.monotonic() - before < 30
    assert not (run.folder / "wandb").exists()


def test_nothing_is_written_through_a_link(wandb, tmp_path):
    run, elsewhere, told = prepared(tmp_path / "runs"), tmp_path / "elsewhere", Told()
    elsewhere.mkdir()
    (run.folder / "wandb").symlink_to(elsewhere)
    execute(run, told)
    assert [notice.count("is a link") for notice in told.notices] == [1]
    assert not [*elsewhere.iterdir()]


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    monkeypatch.delitem(sys.modules, "arena_wandb.tracker", raising=False)
    with pytest.raises(ArenaError, match=r"needs wandb; pip install 'arena-rl\[wandb\]'"):
        get_plugins().trackers["wandb"].load()


def test_it_is_light():
    plugin_imports_lightly("arena_wandb", heavy=("wandb", "numpy"))
