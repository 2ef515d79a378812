"""Whatever goes wrong has its own clear end, and nothing from before it is lost."""

from __future__ import annotations

import errno
import itertools
import json
import os
import pickle
import resource
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from test_runner import experiment, prepared

from arena.cli import main
from arena.errors import ArenaError, Interrupted
from arena.runs import run as run_module
from arena.runs.listener import Listener
from arena.runs.run import Run
from arena.storage import files, numba_cache
from arena.streams.base import Stream
from arena.testing import contents, difference
from arena.testing.processes import child_environment
from arena.training import session
from arena.training.runner import execute


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_metric_that_is_no_number_ends_the_run_and_leaves_the_last_good_checkpoint(
    value, tmp_path, monkeypatch
):
    plain = Stream.progress
    bad = lambda self, **metrics: plain(self, loss=value if self.steps > 200 else 0.5)
    monkeypatch.setattr(Stream, "progress", bad)
    monkeypatch.setattr(session, "CHECKPOINT_SECONDS", 0.0)
    run = prepared(tmp_path, steps=1000)
    with pytest.raises(ArenaError) as caught:
        execute(run)
    step = run.checkpoints.load().info["step"]
    assert 0 < step <= 200
    assert f"loss of q-learning is {value} at step" in str(caught.value)
    assert f"the last checkpoint is of step {step} in {run.folder}" in str(caught.value)
    assert [json.loads(line)["loss"] for line in run.metrics.read_text().splitlines()] == [0.5] * (step // 50)
    assert run.result() is None


def test_a_run_that_diverges_at_once_says_that_it_has_no_checkpoint(tmp_path, monkeypatch):
    plain = Stream.progress
    monkeypatch.setattr(Stream, "progress", lambda self, **metrics: plain(self, loss=np.nan))
    with pytest.raises(ArenaError, match="diverged, and there is no checkpoint in"):
        execute(prepared(tmp_path))


def test_a_clock_that_jumps_changes_no_byte_but_of_the_timing(tmp_path, monkeypatch):
    steady = prepared(tmp_path / "steady")
    execute(steady)
    jumps = itertools.cycle([4e9, 0.0, 1e9, -5.0])
    monkeypatch.setattr(session.time, "time", lambda: next(jumps))
    jumping = prepared(tmp_path / "jumping")
    execute(jumping)
    assert jumping.metrics.read_bytes() == steady.metrics.read_bytes()
    assert jumping.result() == steady.result()
    assert 0 <= jumping.seconds < 600


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("place", ["checkpoint", "metrics.jsonl", "snapshots", "result.json"])
def test_a_disk_that_takes_no_more_loses_nothing_that_it_had(place, number, tmp_path, monkeypatch):
    monkeypatch.setattr(session, "CHECKPOINT_SECONDS", 0.0)
    whole, run = prepared(tmp_path / "whole", steps=400), prepared(tmp_path / "run", steps=400)
    execute(whole)
    failures = 0
    for allowed in range(0, 100, 3):  # the first write fails, the fourth, …, until none does
        with monkeypatch.context() as patch:
            _fail_writing(patch, run.folder / place, number, allowed)
            try:
                execute(run)
                break
            except ArenaError as error:
                failures += 1
                assert f"cannot write {run.folder / place}" in str(error)  # noqa: PT017
                assert os.strerror(number) in str(error)  # noqa: PT017
                assert error.remedy  # noqa: PT017
    assert failures
    assert difference(contents(whole), contents(run)) is None


def _fail_writing(patch, path, number, allowed):
    """Lets so many writes beneath a path pass, and makes every other one fail as the system would."""
    write, calls, whole, targets = os.write, itertools.count(), files.Folder.write, []

    def of_folder(self, name, data, **options):
        targets.append(self.path / name)  # the file itself has another name until it is complete
        try:
            whole(self, name, data, **options)
        finally:
            targets.pop()

    def failing(descriptor, data):
        target = targets[-1] if targets else Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        if target.is_relative_to(path) and next(calls) >= allowed:
            raise OSError(number, os.strerror(number))
        return write(descriptor, data)

    patch.setattr(files.Folder, "write", of_folder)
    patch.setattr(os, "write", failing)


def test_a_real_limit_on_the_size_of_files_ends_in_one_line_and_resumes(tmp_path, capsys):
    arguments = [
        "train",
        "q-learning",
        "arena/CliffWalk-v0",
        "--steps",
        "3000",
        "--seed",
        "0",
        "--out",
        str(tmp_path),
    ]
    command = [sys.executable, "-m", "arena", *arguments, "--log-every", "10", "--track", "none", "--quiet"]
    limited = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=child_environment(0),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000)),
    )
    assert limited.returncode == 2
    assert limited.stderr.count("\n") == 1
    assert (
        "timing.jsonl: " in limited.stderr
        and "; free some space there, or choose another folder" in limited.stderr
    )
    assert main([*command[3:]]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["checkpoint", "snapshots", "snapshots/000000000500", "metrics.jsonl"])
def test_nothing_is_written_or_removed_through_a_link(name, tmp_path):
    run, elsewhere = prepared(tmp_path), tmp_path / "elsewhere"
    kept = elsewhere / "00000000" / "important"
    kept.parent.mkdir(parents=True)
    kept.write_text("x")
    (run.folder / name).parent.mkdir(exist_ok=True)
    (run.folder / name).symlink_to(elsewhere)
    with pytest.raises(ArenaError, match="is a link, which may point outside the run"):
        execute(run)
    assert [path for path in elsewhere.rglob("*") if path.is_file()] == [kept]


def test_a_run_that_is_deleted_while_it_trains_does_not_come_back_in_part(tmp_path):
    run = prepared(tmp_path)

    class Deletes(Listener):
        def progressed(self, run, progress, evaluation):
            shutil.rmtree(run.folder, ignore_errors=True)

    with pytest.raises(ArenaError, match=r"cannot write .*No such file|was deleted during training"):
        execute(run, Deletes())
    assert not [path for path in run.folder.rglob("*") if path.is_file()]


def test_why_a_run_failed_stays_beside_it_until_it_begins_again(tmp_path, monkeypatch):
    run = prepared(tmp_path)
    plain = Stream.progress
    with monkeypatch.context() as patch:
        patch.setattr(Stream, "progress", lambda self, **metrics: plain(self, loss=np.nan))
        with pytest.raises(ArenaError):
            execute(run)
    note = json.loads(run.failure.read_text())
    assert note["error"].startswith("loss of q-learning is nan at step 1: ")
    execute(run)
    assert not run.failure.exists()


def test_two_that_prepare_one_run_keep_the_longer(tmp_path, monkeypatch):
    prepared(tmp_path, steps=1000)
    longer = threading.Thread(target=prepared, args=(tmp_path,), kwargs={"steps": 50_000})
    read = run_module._document

    def reading(folder):
        document = read(folder)
        if threading.current_thread() is threading.main_thread() and not longer.ident:
            longer.start()
            longer.join(1.0)  # it would read and write now, if nothing kept it from that
        return document

    monkeypatch.setattr(run_module, "_document", reading)
    prepared(tmp_path, steps=2000)
    longer.join()
    assert prepared(tmp_path, steps=10).spec.steps == 50_000


def test_a_snapshot_that_has_changed_since_is_no_start(tmp_path):
    source = prepared(tmp_path / "source", steps=500)
    execute(source)
    one = experiment(start=str(source.folder))
    state = source.snapshots / "000000000500" / "state.json"
    state.write_bytes(state.read_bytes() + b" ")
    with pytest.raises(ArenaError, match="000000000500 is damaged: state.json has"):
        Run.prepare(one, 0, tmp_path)


def test_an_error_survives_the_way_to_another_process():
    error = Interrupted("stopped", "go on")
    error.add_note("from afar")
    found = pickle.loads(pickle.dumps(error))
    assert (type(found), found.problem, found.remedy, str(found)) == (
        Interrupted,
        "stopped",
        "go on",
        str(error),
    )
    assert found.__notes__ == ["from afar"]


def test_two_processes_that_compile_at_once_do_not_mix_their_code_up(tmp_path):
    """numba alone loses one of the two entries, and gives the other's code for it."""
    (tmp_path / "twice.py").write_text(TWICE)
    environment = {
        **child_environment(0),
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
        "PYTHONPATH": str(tmp_path),
    }
    command = [sys.executable, str(tmp_path / "twice.py")]
    both = [
        subprocess.Popen([*command, kind], env=environment, stdout=subprocess.PIPE, text=True)
        for kind in ("int", "float")
    ]
    assert [process.communicate(timeout=120)[0] for process in both] == ["1\n", "1.5\n"]
    again = subprocess.run(
        [*command, "int", "float"], env=environment, capture_output=True, text=True, check=True
    )
    assert again.stdout == "1\n1.5\n"


@pytest.mark.parametrize("refusal", [OSError(errno.ENOLCK, "No locks available"), NotImplementedError()])
def test_a_cache_where_nothing_can_be_locked_is_saved_to_all_the_same(refusal, tmp_path, monkeypatch):
    def refuse(lock):
        raise refusal

    saved = []
    monkeypatch.setattr(numba_cache.filelock.FileLock, "acquire", refuse)
    save = numba_cache._locked(lambda self, key, data: saved.append((key, data)))
    save(SimpleNamespace(_cache_path=str(tmp_path)), "key", "data")
    assert saved == [("key", "data")]


#: Saves slowly: float's index comes after int's, and int's code after float's.
TWICE = """
import sys, time
from numba import njit
from numba.core.caching import IndexDataCacheFile
from arena.storage import numba_cache
numba_cache.configure()
kinds = sys.argv[1:]
def slow(save, seconds):
    return lambda *arguments: (time.sleep(seconds), save(*arguments))[1]
IndexDataCacheFile._save_index = slow(IndexDataCacheFile._save_index, {"int": 0.6, "float": 1.2}[kinds[0]])
IndexDataCacheFile._save_data = slow(IndexDataCacheFile._save_data, {"int": 1.5, "float": 0.0}[kinds[0]])
@njit(cache=True)
def same(x):
    return x
for kind in kinds:
    print(same({"int": 1, "float": 1.5}[kind]))
"""


#: A cached function and the function of another file that it calls.
HELPER = "from numba import njit\n@njit(cache=True, inline='always')\ndef target(x):\n    return x + {}\n"
CALLER = """
import numpy as np
from arena.storage import numba_cache
numba_cache.configure()
from numba import njit
from edited.helper import target
@njit(cache=True)
def loop(x):
    return target(x)
print(loop(1), sum(loop.stats.cache_hits.values()))
"""


def test_an_edit_of_a_function_in_another_file_of_the_package_is_compiled(tmp_path):
    package = tmp_path / "edited"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "caller.py").write_text(CALLER)

    def answer(added):
        (package / "helper.py").write_text(HELPER.format(added))
        command = [sys.executable, "-m", "edited.caller"]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.split()

    assert answer(1) == ["2", "0"]
    assert answer(1) == ["2", "1"]  # from the cache
    assert answer(10) == ["11", "0"]
