"""TensorBoard reads what the tracker writes, each step once, whatever became of the processes that wrote it."""

from __future__ import annotations

import errno
import json
import threading
import time

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from arena.errors import Interrupted
from arena.plugins.discovery import get_plugins
from arena.runs.listener import Listener
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.testing import imports_lightly, plugin_imports_lightly
from arena.testing.kills import killed
from arena.training.runner import execute

CLIFF = "arena/CliffWalk-v0"
SIZES = {"scalars": 0, "tensors": 0}  # keep all


class Told(Listener):
    def __init__(self, turns=float("inf")):
        self.notices, self.turns = [], turns

    def progressed(self, run, progress, evaluation):
        self.turns -= 1

    def noticed(self, run, text):
        self.notices.append(text)

    def stopping(self):
        return self.turns <= 0


def prepared(folder, seed=0, **settings):
    defaults = {
        "steps": 1000,
        "seeds": [seed],
        "horizon": 50,
        "episodes": 3,
        "evaluate_every": 500,
        "log_every": 50,
    }
    experiment = resolve_experiment("q-learning", CLIFF, **{**defaults, **settings})
    return Run.prepare(experiment, seed, folder)


def read(run):
    found = EventAccumulator(str(run.folder / "tensorboard"), size_guidance=SIZES, purge_orphaned_data=True)
    found.Reload()
    return found


def steps(found, tag="training/episodes"):
    return [event.step for event in found.Scalars(tag)]


def tracker(run, step=0):
    return get_plugins().trackers["tensorboard"].load()(run, step)


def test_every_number_of_the_metrics_is_there(tmp_path):
    run = prepared(tmp_path)
    before = time.time()
    result = execute(run)
    found, lines = read(run), [json.loads(text) for text in run.metrics.read_text().splitlines()]
    names = {
        "evaluation": "evaluation/return",
        "episode_return": "episode/return",
        "episode_length": "episode/length",
        "episodes": "training/episodes",
    }
    metrics = {name for line in lines for name in line} - {"step"}
    for name in metrics:
        shown = [(event.step, event.value) for event in found.Scalars(names.get(name, f"agent/{name}"))]
        wanted = [(line["step"], pytest.approx(line[name])) for line in lines if line.get(name) is not None]
        assert shown == wanted, name
    assert len(found.Tags()["scalars"]) == len(metrics) + 3
    assert [event.value for event in found.Scalars("evaluation/optimum")] == [result["optimum"]]
    assert [event.step for event in found.Scalars("evaluation/policy_value")] == [1000]
    times = [event.wall_time for event in found.Scalars("training/seconds")]
    assert times == sorted(times)
    assert before <= times[0] <= times[-1] <= time.time()


def test_the_hparams_tab_has_the_options_and_the_end(tmp_path):
    runs = [
        prepared(tmp_path, seed, agent_options={"discount": 0.5}, env_options={"slip": 0.1})
        for seed in (0, 1)
    ]
    infos = []
    for run in runs:
        execute(run)
        data = read(run).PluginTagToContent("hparams")
        start = HParamsPluginData.FromString(data["_hparams_/session_start_info"]).session_start_info
        end = HParamsPluginData.FromString(data["_hparams_/session_end_info"]).session_end_info
        assert end.status == api_pb2.STATUS_SUCCESS
        assert end.end_time_secs >= start.start_time_secs
        infos.append(start)
    one, other = infos
    assert one.hparams["agent"].string_value == "q-learning"
    assert one.hparams["agent.discount"].number_value == 0.5
    assert one.hparams["env.slip"].number_value == 0.1
    assert one.group_name == other.group_name  # seeds are one row


def test_a_killed_run_shows_each_step_once(tmp_path):
    run = prepared(tmp_path, steps=300, evaluate_every=100, log_every=10)
    assert killed(run, 300, kills=1, seed=1) > 0
    found = read(run)
    assert steps(found) == list(range(10, 301, 10))
    assert steps(found, "evaluation/return") == [100, 200, 300]


def test_what_a_killed_process_wrote_of_later_steps_is_dropped(tmp_path):
    run = prepared(tmp_path)
    for begins, logged in ((0, (50, 100, 150, 200)), (100, (150, 200)), (200, (250,))):
        session = tracker(run, begins)
        for step in logged:
            session.log(step, {"step": step, "episodes": begins})
        # Not closed: a kill comes without warning, and everything is on disk all the same.
        if begins == 100:
            with (run.folder / "tensorboard" / "events.out.tfevents.000002").open("ab") as file:
                file.write(b"\x20\x00\x00")  # torn
        found = read(run)
        session.close()
    assert [(event.step, event.value) for event in found.Scalars("training/episodes")] == [
        (50, 0),
        (100, 0),
        (150, 100),
        (200, 100),
        (250, 200),
    ]


def test_one_run_stopped_and_gone_on_with_is_one_curve(tmp_path):
    run = prepared(tmp_path)
    for turns in (3, 5):
        with pytest.raises(Interrupted):
            execute(run, Told(turns))
    execute(run)
    execute(prepared(tmp_path, steps=1500))
    assert steps(read(run)) == list(range(50, 1501, 50))
    names = sorted(path.name for path in (run.folder / "tensorboard").iterdir())
    assert names == [f"events.out.tfevents.{number:06d}" for number in (1, 2, 3, 4)]


def test_files_come_after_all_that_are_there(tmp_path):
    run = prepared(tmp_path)
    folder = run.folder / "tensorboard"
    folder.mkdir()
    for name in ("events.out.tfevents.000007", "events.out.tfevents.1700000000.host.1.0", "notes.txt"):
        (folder / name).touch()
    tracker(run).close()
    assert (folder / "events.out.tfevents.000008").stat().st_size > 0


def test_nothing_is_left_open_and_there_is_no_thread(tmp_path):
    threads = threading.active_count()
    run = prepared(tmp_path)
    session = tracker(run)
    session.log(1, {"step": 1, "episodes": 2})
    assert threading.active_count() == threads
    session.close()
    session.close()  # as after a failure


@pytest.mark.parametrize("dangling", [False, True])
def test_nothing_is_written_through_links(dangling, tmp_path):
    run, elsewhere, told = prepared(tmp_path / "runs"), tmp_path / "elsewhere", Told()
    if not dangling:
        elsewhere.mkdir()
    (run.folder / "tensorboard").symlink_to(elsewhere)
    execute(run, told)
    assert [notice.count("is a link") for notice in told.notices] == [1]
    assert elsewhere.exists() is not dangling
    assert dangling or not [*elsewhere.iterdir()]


def test_a_linked_file_is_not_written_to(tmp_path):
    run = prepared(tmp_path)
    (run.folder / "tensorboard").mkdir()
    target = tmp_path / "target"
    (run.folder / "tensorboard" / "events.out.tfevents.000001").symlink_to(target)
    tracker(run).close()
    assert not target.exists()


def test_a_full_disk_ends_the_tracker_only(tmp_path, monkeypatch):
    run, told = prepared(tmp_path), Told()
    target = get_plugins().trackers["tensorboard"].load()
    write, left = target._write, iter(range(5))

    def full(self, **event):
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, **event)

    monkeypatch.setattr(target, "_write", full)
    execute(run, told)
    [notice] = told.notices
    assert notice.startswith("tracker tensorboard failed, and the run continues without it: OSError: ")
    assert len(steps(read(run))) == 2


def test_numbers_of_every_size_can_be_read_again(tmp_path):
    run = prepared(tmp_path)
    session = tracker(run)
    session.log(2**40, {"step": 2**40, "huge": 1e300, "tiny": 1e-300, "third": 1 / 3})
    session.close()
    found = read(run)
    assert found.Scalars("agent/third")[0].value == pytest.approx(1 / 3)
    assert found.Scalars("agent/third")[0].step == 2**40
    assert found.Scalars("agent/huge")[0].value == float("inf")  # float32 is what TensorBoard draws


def test_the_first_record_says_how_the_file_is_to_be_read(tmp_path):
    run = prepared(tmp_path)
    tracker(run, 100).close()
    [path] = (run.folder / "tensorboard").iterdir()
    version, start, *_ = LegacyEventFileLoader(str(path)).Load()
    assert version.file_version == "brain.Event:2"
    assert (start.session_log.status, start.step) == (start.session_log.START, 101)


def test_it_is_the_default_and_light():
    assert resolve_experiment("q-learning", CLIFF).trackers == ("tensorboard",)
    plugin_imports_lightly("arena_tensorboard", heavy=("tensorboard", "numpy"))
    imports_lightly("import arena_tensorboard.tracker", heavy=("tensorflow", "torch", "tensorboard.backend"))
