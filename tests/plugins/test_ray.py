"""Runs on a real Ray of two workers give the bytes of this process, after kills, failures, waits and stops."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import types
from collections import Counter
from pathlib import Path

import pytest

from arena.cli import main
from arena.config.options import asdict, coerce, fields_help
from arena.errors import ArenaError, Interrupted
from arena.launch.base import BUSY
from arena.plugins.discovery import Plugins, get_plugins, use_plugins
from arena.runs.listener import Listener
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.testing.processes import child_environment
from arena.training.runner import execute

if importlib.util.find_spec("ray") is None:  # not imported yet: the launcher sets what Ray reads then
    pytest.skip("ray is not installed", allow_module_level=True)

from arena_ray.launcher import Ray
from arena_ray.session import _join, _seclusion, connected

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="finds workers in /proc")

#: An environment that fails after a while, in a module that workers find on their path.
FAILING = """
from gymnasium.envs.classic_control import CartPoleEnv


class Fails(CartPoleEnv):
    episodes = 0

    def reset(self, **arguments):
        self.episodes += 1
        if self.episodes > 30:
            raise ZeroDivisionError("no\\nmore")
        return super().reset(**arguments)
"""

#: A script that trains a run on a Ray of its own until it has heard both signals.
SCRIPT = """
import signal
import sys
from pathlib import Path

from arena.errors import Interrupted
from arena.runs.run import Run, find_runs
from arena.runs.listener import Listener
from arena_ray.launcher import Ray

asked = set()


def handler(number, frame):
    asked.add(number)


signal.signal(signal.SIGINT, handler)
before = signal.signal(signal.SIGTERM, handler)


class Says(Listener):
    def announced(self, activity):
        print(activity, flush=True)

    def noticed(self, run, text):
        print(text, flush=True)

    def progressed(self, run, progress, evaluation):
        print(f"heard {min(asked)}" if asked else "progressed", flush=True)

    def stopping(self):
        return len(asked) == 2


if __name__ == "__main__":
    try:
        Ray(Ray.Config(), 2).launch([Run.open(folder) for folder in find_runs(Path(sys.argv[1]))], Says())
    except Interrupted as error:
        assert signal.getsignal(signal.SIGTERM) is handler
        sys.exit(f"Interrupted: {error}")
"""


class LiveSubscriber(Listener):
    """Notes what it hears; kills the workers of some runs so many times, as they train."""

    def __init__(self, kill=()):
        self.kill, self.notices, self.steps, self.stop = Counter(dict(kill)), {}, {}, False

    def progressed(self, run, progress, evaluation):
        self.steps.setdefault(run.seed, []).append(progress.steps)
        if self.kill[run.seed] and (pid := trainer(run)):
            self.kill[run.seed] -= 1
            self.steps[run.seed].append("killed")
            os.kill(pid, signal.SIGKILL)

    def noticed(self, run, text):
        self.notices.setdefault(run.seed, []).append(text)

    def stopping(self):
        return self.stop


class Until(Listener):
    """Stops once a run has come so far."""

    def __init__(self, steps):
        self.enough, self.steps = False, steps

    def progressed(self, run, progress, evaluation):
        self.enough = progress.steps >= self.steps

    def stopping(self):
        return self.enough


def trainer(run):
    """The process that holds a run's lock."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) == str(run.folder / "lock"):
                return int(link.parts[2])
        except OSError:
            pass
    return None


def processes(word):
    """The processes whose command line has a word."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word in path.read_bytes().replace(b"\0", b" ").decode(errors="replace"):
                found.append(int(path.parts[2]))
        except OSError:
            pass
    return found


def prepared(folder, seed, steps=2_000, env="CartPole-v1"):
    settings = {
        "steps": steps,
        "seeds": [seed],
        "horizon": 50,
        "episodes": 5,
        "log_every": 500,
        "trackers": [],
    }
    return Run.prepare(resolve_experiment("random", env, **settings), seed, folder)


def outcome_bytes(run):
    return run.metrics.read_bytes(), (run.folder / "result.json").read_bytes()


def trained_here(folder, run):
    """The bytes of the same run, trained in this process without any trouble."""
    twin = prepared(folder, run.seed, run.spec.steps)
    execute(twin)
    return outcome_bytes(twin)


@pytest.fixture(scope="module")
def ray(tmp_path_factory):
    """Two workers of a local Ray, as the launcher starts it."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "failing_on_ray.py").write_text(FAILING)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder))
        with connected(workers=2):
            import ray

            yield ray


def launch(runs, listener, workers=2, **options):
    return Ray(Ray.Config(**options), workers).launch(runs, listener)


def test_runs_end_in_the_same_bytes_whatever_befalls_the_others(ray, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    out = Path("out")  # relative: the workers are elsewhere
    plain, finished, doomed, failing = (
        prepared(out, 0),
        prepared(out, 1),
        prepared(tmp_path / "out", 2, 10**8),
        prepared(out, 3, 10**8, "failing_on_ray:Fails"),
    )
    killed, busy, damaged = prepared(tmp_path / "out", 4, 30_000), prepared(out, 5), prepared(out, 6)
    damaged.metrics.mkdir()
    finished_result = execute(finished)
    with pytest.raises(Interrupted):
        execute(killed, Until(10_000))

    class Watches(LiveSubscriber):
        def noticed(self, run, text):
            super().noticed(run, text)
            if run is busy:
                lock.__exit__(None, None, None)
                execute(busy)

    listener = Watches({doomed.seed: 2, killed.seed: 1})
    lock = busy.locked()
    lock.__enter__()
    runs = [busy, killed, doomed, failing, damaged, finished, plain]
    outcomes = dict(zip((run.seed for run in runs), launch(runs, listener, retries=1), strict=True))

    for run in (plain, killed, busy):
        assert outcome_bytes(run) == trained_here(tmp_path / "here", run)
    for run in (plain, killed, busy, finished):
        assert outcomes[run.seed] == run.result()
    assert outcomes[finished.seed] == finished_result
    assert finished.seed not in listener.steps, "a finished run is free"

    death = "its worker died because it was killed or crashed; restart 1 of 1, from its checkpoint"
    assert listener.notices[killed.seed] == [death]
    steps = listener.steps[killed.seed]
    assert all(step >= 10_000 for step in steps if step != "killed")
    assert steps[-1] == 30_000, "the last news always arrive"
    assert listener.notices[doomed.seed] == [death]
    problem = f"the worker that trained {doomed.folder} died 2 times, most recently because it was killed or crashed"
    assert outcomes[doomed.seed].problem == problem
    assert outcomes[doomed.seed].remedy.endswith("run the same command again to continue")
    assert listener.notices[busy.seed] == [BUSY]
    for run, said in ((failing, "raised ZeroDivisionError"), (damaged, "cannot write")):
        error = outcomes[run.seed]
        assert isinstance(error, ArenaError)
        assert said in error.problem
        assert error.remedy
        assert "\n" not in str(error)
    output = capfd.readouterr()
    assert output.out + output.err == "", "the terminal is the listener's"


def test_a_stop_checkpoints_and_the_next_launch_goes_on_to_the_same_bytes(ray, tmp_path):
    runs = [prepared(tmp_path, seed) for seed in range(3)]

    class Stops(LiveSubscriber):
        def progressed(self, run, progress, evaluation):
            super().progressed(run, progress, evaluation)
            if {0, 1} <= self.steps.keys() and not self.stop:
                for pid in processes("ray::Mailbox"):  # what relays the news may die too
                    os.kill(pid, signal.SIGKILL)
                self.stop = True

    # So many steps that neither ends before the stop.
    endless = [prepared(tmp_path / "endless", seed, 10**8) for seed in (0, 1)]
    with pytest.raises(
        Interrupted, match="stopped with 0 of 3 runs finished; run the same command again to continue"
    ):
        launch([*endless, runs[2]], Stops(), workers=3)  # and Ray has room for two
    assert all(run.checkpoints.load().info["step"] > 0 for run in endless)
    assert not runs[2].metrics.exists(), "no further run begins"

    with pytest.raises(Interrupted):
        execute(runs[0], Until(500))
    outcomes = launch(runs, listener := LiveSubscriber(), workers=1)
    assert outcomes == [run.result() for run in runs]
    assert listener.steps[0][0] >= 500
    assert [outcome_bytes(run) for run in runs] == [trained_here(tmp_path / "here", run) for run in runs]


def test_what_no_node_can_hold_is_refused_at_once(ray, tmp_path):
    message = "a run needs 1 tpu, and no node of Ray has more than 0; reduce it in the launcher's options"
    with pytest.raises(ArenaError, match=message):
        launch([prepared(tmp_path, 0)], LiveSubscriber(), resources=(("tpu", 1.0),))


def test_a_worker_that_does_not_see_the_folder_says_so(ray, tmp_path):
    run = prepared(tmp_path, 0)
    elsewhere = Run(tmp_path / "elsewhere", run.spec)
    (outcome,) = launch([elsewhere], LiveSubscriber())
    assert outcome.problem.endswith(f" finds no run in {elsewhere.folder}")
    assert "file system that every node" in outcome.remedy


@pytest.mark.slow  # starts a Ray of its own
def test_signals_stop_a_ray_of_our_own_and_nothing_is_left_of_it(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    run = prepared(tmp_path / "out", 0, 10**8)
    with subprocess.Popen(
        [sys.executable, "-W", "error", str(script), str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=child_environment(0),
        start_new_session=True,
    ) as process:
        assert process.stdout.readline() == "starting Ray…\n", process.stderr.read()
        assert process.stdout.readline() == "progressed\n", process.stderr.read()
        mine = [pid for pid in processes("") if session(pid) == process.pid]
        assert len(mine) > 2, "Ray's own processes are of this session"
        folders = ray_folders(process.pid)
        assert folders
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        while process.stdout.readline() != "heard 2\n":
            assert process.poll() is None, process.stderr.read()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert (
        errors == "Interrupted: stopped with 0 of 1 runs finished; run the same command again to continue\n"
    )
    assert run.checkpoints.load().info["step"] > 0
    assert not [pid for pid in mine if session(pid) == process.pid]
    assert not ray_folders(process.pid)


def ray_folders(pid):
    """The sessions' folders of a driver."""
    return [*Path("/tmp").glob(f"arena-*/ray/session_*_{pid}")]


def session(pid):
    """The session of a process, or None of one that has ended."""
    try:
        return os.getsid(pid)
    except OSError:
        return None


def test_without_ray_one_line_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "arena_ray.launcher")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ArenaError) as caught:
        get_plugins().launchers["ray"].load()
    assert str(caught.value) == "launcher ray needs Ray; pip install 'arena-rl[ray]'"


def test_plugins_in_memory_do_not_reach_workers(tmp_path):
    run = prepared(tmp_path, 0)
    with use_plugins(Plugins(extra={"mine": types.ModuleType("mine")})):
        with pytest.raises(
            ArenaError, match="plugins that exist only in this process's memory do not reach Ray's workers"
        ):
            launch([run], LiveSubscriber())


JOINS = """
import sys
from pathlib import Path

from arena.runs.run import Run
from arena.runs.listener import Listener
from arena_ray.launcher import Ray

if __name__ == "__main__":
    print(Ray(Ray.Config(address=sys.argv[1]), 2).launch([Run.open(Path(sys.argv[2]))], Listener()))
"""


def joined(address, folder, **variables):
    """What a process says that joins a cluster."""
    environment = child_environment(0) | variables
    words = [sys.executable, "-W", "error", "-c", JOINS, address, str(folder)]
    return subprocess.run(words, capture_output=True, text=True, env=environment, check=False, timeout=60)


@pytest.mark.slow  # a driver of its own
def test_a_cluster_can_be_joined_by_who_has_its_token(ray, tmp_path):
    run = prepared(tmp_path, 0)
    address = ray.get_runtime_context().gcs_address
    assert address.startswith("127.0.0.1:")
    done = joined(address, run.folder, **_seclusion())
    assert done.stderr == ""
    assert done.stdout == f"{[run.result()]}\n"
    assert outcome_bytes(run) == trained_here(tmp_path / "here", run)


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_a_cluster_that_is_not_there_is_not_waited_for(tmp_path, scheme):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"{scheme}127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(
        ArenaError, match=f"cannot join the Ray cluster {address}: ConnectionRefusedError.*; check"
    ):
        _join(None, address, {})


def test_resources_may_be_given_on_a_command_line(tmp_path, monkeypatch, capsys):
    seen = []
    monkeypatch.setattr(Ray, "__init__", lambda self, config, workers: seen.append(config.resources))
    path = tmp_path / "sweep.toml"
    path.write_text('steps = 10\n[[grid]]\nagent = "random"\nenv = "CartPole-v1"\n')
    words = ["sweep", str(path), "--dry-run", "--launcher", "ray", "--launcher.resources", '[["tpu", 1]]']
    assert main(words) == 0
    assert seen == [(("tpu", 1.0),)]
    with contextlib.suppress(SystemExit):
        main(["sweep", "--launcher", "ray", "--help"])
    assert "'[[\"tpu\", 1]]'" in " ".join(capsys.readouterr().out.split())


def test_options_are_documented_and_checked():
    assert fields_help(Ray.Config).keys() == asdict(Ray.Config()).keys()
    config = coerce(Ray.Config, {"num_gpus": 0.25, "resources": [["tpu", 1]]}, where="launcher")
    assert config == Ray.Config(num_gpus=0.25, resources=(("tpu", 1.0),))
    for options, problem in {
        ("num_cpus", 0): "launcher.num_cpus is 0, which is not in",
        ("num_gpus", -1): "launcher.num_gpus is -1, which is not in",
        ("memory", 0.5): "launcher.memory is 0.5, which is not a whole number",
        ("retries", -1): "launcher.retries is -1, which is not in",
        ("resources", (("tpu", 0),)): "launcher.resources.* is 0, which is not in",
        ("adress", "auto"): "did you mean 'address'",
    }.items():
        with pytest.raises(ArenaError, match=problem):
            coerce(Ray.Config, dict([options]), where="launcher")
