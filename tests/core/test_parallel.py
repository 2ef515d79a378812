"""Worker processes and signals: whoever is told to stop, or loses its parent, stops; and nobody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import types

import gymnasium as gym
import pytest

from arena.errors import ArenaError, Interrupted
from arena.launch.local import execute_all
from arena.plugins.discovery import Plugins, use_plugins
from arena.runs.listener import Listener
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.testing.processes import child_environment

#: A script that trains runs of so many steps, and says what happens as it happens.
SCRIPT = """
import sys
from pathlib import Path

from arena.errors import ArenaError
from arena.launch.local import execute_all
from arena.runs.run import Run, find_runs
from arena.runs.listener import Listener
from arena.launch.workers import Worker

begin = Worker.begin


def says_begun(*arguments):
    begin(*arguments)
    print("begun", flush=True)


class Says(Listener):
    said = set()

    def progressed(self, run, progress, evaluation):
        if run.seed not in self.said:
            self.said.add(run.seed)
            print("progressed", flush=True)

    def noticed(self, run, text):
        print("noticed", run.seed, text, flush=True)


def main():
    Worker.begin = says_begun
    runs = sorted((Run.open(folder) for folder in find_runs(Path(sys.argv[1]))), key=lambda run: run.seed)
    try:
        execute_all(runs, Says(), workers=int(sys.argv[2]))
    except ArenaError as error:
        sys.exit(f"{type(error).__name__}: {error}")


GUARD
    main()
"""

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals to a process group")


class Hangs(gym.Wrapper):
    steps = 0

    def step(self, action):
        self.steps += 1
        if self.steps > 3000:
            time.sleep(3600)
        return self.env.step(action)


def prepared(folder, seed=0, steps=10**8, **settings):
    settings |= {"steps": steps, "seeds": [seed], "horizon": 50, "episodes": 5}
    return Run.prepare(resolve_experiment("random", "CartPole-v1", **settings), seed, folder)


def started(folder, workers=2, guard='if __name__ == "__main__":'):
    script = folder / "script.py"
    script.write_text(SCRIPT.replace("GUARD", guard))
    return subprocess.Popen(
        [sys.executable, str(script), str(folder), str(workers)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=child_environment(0),
        start_new_session=True,
    )


def await_lines(process, word, count):
    for line in process.stdout:
        count -= line.startswith(word)
        if not count:
            return
    pytest.fail(process.stderr.read())


@posix
def test_workers_end_with_their_parent_idle_or_not(tmp_path):
    brief, endless = prepared(tmp_path, 0, steps=1), prepared(tmp_path, 1)
    with started(tmp_path) as process:
        await_lines(process, "progressed", 2)
        process.kill()
        # The pipes end when the last process that has them does: workers inherit them.
        process.communicate(timeout=20)
    assert brief.result() is not None
    assert endless.checkpoints.load().info["step"] > 0


@posix
def test_an_interrupt_of_the_whole_group_while_workers_start(tmp_path):
    runs = [prepared(tmp_path, seed) for seed in (0, 1)]
    with started(tmp_path) as process:
        await_lines(process, "begun", 1)
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors.startswith("Interrupted: stopped before ")
    assert errors.endswith("began; run the same command again to continue\n")
    assert errors.count("\n") == 1
    assert output.count("noticed 0 stopping; press Ctrl-C again to stop at once") == 1
    assert not any(run.metrics.exists() for run in runs)


@posix
def test_a_second_interrupt_stops_workers_at_once(tmp_path):
    for seed in (0, 1):
        prepared(tmp_path, seed, wrappers=["test_parallel:Hangs"])
    with started(tmp_path) as process:
        await_lines(process, "progressed", 2)
        process.send_signal(signal.SIGINT)
        await_lines(process, "noticed", 1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert errors.endswith("KeyboardInterrupt\n")


def test_a_script_without_its_guard_hears_of_it(tmp_path):
    for seed in (0, 1):
        prepared(tmp_path, seed)
    with started(tmp_path, guard="if True:") as process:
        _, errors = process.communicate(timeout=30)
    assert (
        'put the call under if __name__ == "__main__":; run the same command again' in errors.splitlines()[-1]
    )


def test_plugins_in_memory_do_not_reach_workers(tmp_path):
    runs = [prepared(tmp_path, seed) for seed in (0, 1)]
    with use_plugins(Plugins(extra={"mine": types.ModuleType("mine")})):
        with pytest.raises(
            ArenaError, match="plugins that exist only in this process's memory .*; use workers=1"
        ):
            execute_all(runs, workers=2)


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_is_told_once_and_no_further_run_begins(number, tmp_path):
    class Stops(Listener):
        notices = ()

        def progressed(self, run, progress, evaluation):
            signal.raise_signal(number)

        def noticed(self, run, text):
            self.notices += ((run, text),)

    first, second = prepared(tmp_path, 0, steps=1), prepared(tmp_path, 1)
    listener = Stops()
    with pytest.raises(
        Interrupted, match=f"stopped before {second.folder} began; run the same command again to continue"
    ):
        execute_all([first, second], listener)
    assert first.result() is not None
    assert not second.metrics.exists()
    assert listener.notices == ((first, "stopping; press Ctrl-C again to stop at once"),)
