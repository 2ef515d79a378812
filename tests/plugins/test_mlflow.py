"""MLflow's own client reads back what the tracker wrote to a local store."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest

from arena.errors import ArenaError, Interrupted
from arena.plugins.discovery import get_plugins
from arena.runs.listener import Listener
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.testing import contents, difference, plugin_imports_lightly
from arena.training.runner import execute
from run_files import put_logs

CLIFF = "arena/CliffWalk-v0"

# MLflow's tables use a loader that SQLAlchemy has deprecated, and its file store warns of its age.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),
    pytest.mark.filterwarnings("ignore:The filesystem tracking backend:FutureWarning"),
]


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
def store(tmp_path, monkeypatch):
    """A client of a store of files, whose making takes no seconds as that of a database does."""
    mlflow = pytest.importorskip("mlflow")
    for name in ("MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID", "MLFLOW_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
    monkeypatch.chdir(tmp_path)
    return mlflow.MlflowClient((tmp_path / "store").as_uri())


def prepared(folder, tracker="mlflow", seed=0, **settings):
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


def tracked(client, name="arena"):
    return client.search_runs([client.get_experiment_by_name(name).experiment_id])


def history(client, run_id, metric):
    return [(found.step, found.value) for found in client.get_metric_history(run_id, metric)]


def test_every_number_of_the_metrics_is_there(store, tmp_path):
    run, plain, told = prepared(tmp_path / "runs"), prepared(tmp_path / "plain", ()), Told()
    result = execute(run, told)
    assert (execute(plain), told.notices) == (result, [])
    assert difference(contents(plain), contents(run)) is None
    [found] = tracked(store)
    lines = [json.loads(text) for text in run.metrics.read_text().splitlines()]
    for name, shown in (("evaluation", "evaluation/return"), ("td_error", "agent/td_error")):
        wanted = [(line["step"], line[name]) for line in lines if line.get(name) is not None]
        assert history(store, found.info.run_id, shown) == wanted
    assert found.info.status == "FINISHED"
    assert found.info.run_name == run.folder.name
    assert found.data.tags["arena.run"] == run.spec.id(0)
    assert (found.data.params["agent"], found.data.params["seed"]) == ("q-learning", "0")
    assert float(found.data.params["agent.discount"]) == run.spec.options["discount"]
    assert found.data.metrics["evaluation/optimum"] == result["optimum"]
    assert {path.name for path in tmp_path.iterdir()} == {
        "runs",
        "plain",
        "store",
    }  # nothing in the working folder


def test_a_resumed_run_goes_on_in_the_same_place(store, tmp_path):
    run = prepared(tmp_path / "runs")
    with pytest.raises(Interrupted):
        execute(run, Told(turns=3))
    [found] = tracked(store)
    assert found.info.status == "KILLED"
    execute(Run.open(run.folder))
    execute(prepared(tmp_path / "runs", steps=1500))
    [again] = tracked(store)
    assert (again.info.run_id, again.info.status) == (found.info.run_id, "FINISHED")
    episodes = history(store, found.info.run_id, "training/episodes")
    assert [step for step, _ in episodes] == list(range(50, 1501, 50))


def test_after_a_kill_each_step_is_there_once(store, tmp_path):
    run = prepared(tmp_path / "runs")
    begin = get_plugins().trackers["mlflow"].load()
    run.metrics.touch()
    lines = {step: {"step": step, "episodes": step // 50} for step in (50, 100, 150, 200)}
    first = begin(run, 0)
    first.log(50, lines[50])
    first._flush()
    first.log(100, lines[100])  # lost with its process, which had saved a checkpoint
    put_logs(run.folder, [{**lines[step], "odd": None} for step in (50, 100)], [{"step": 100}])
    second = begin(run, 100)
    second.log(150, lines[150])
    second._flush()  # and killed before the next checkpoint
    third = begin(run, 100)
    for step in (150, 200):
        third.log(step, lines[step])
    third.close()
    [found] = tracked(store)
    assert history(store, found.info.run_id, "training/episodes") == [(50, 1), (100, 2), (150, 3), (200, 4)]


def test_runs_of_one_process_are_apart(store, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    begin = get_plugins().trackers["mlflow"].load()
    sessions = []
    for seed in (0, 1):
        run = prepared(tmp_path / "runs", seed=seed)
        run.metrics.touch()
        sessions.append(begin(run, 0))
    for seed, session in enumerate(sessions):
        session.log(50, {"step": 50, "episodes": seed})
    for session in sessions:
        session.close()
    found = {run.data.params["seed"]: run.data.metrics["training/episodes"] for run in tracked(store, "mine")}
    assert found == {"0": 0, "1": 1}


def test_many_metrics_go_in_several_messages(store, tmp_path):
    run = prepared(tmp_path / "runs")
    run.metrics.touch()
    session = get_plugins().trackers["mlflow"].load()(run, 0)
    for step in range(1, 601):
        session.log(step, {"step": step, "episodes": 1.0, "td_error": 0.5})
    session.close()
    [found] = tracked(store)
    assert len(history(store, found.info.run_id, "agent/td_error")) == 600


def test_by_default_a_database_lies_beside_the_runs(store, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    out, told = tmp_path / "my runs #1", Told()
    execute(prepared(out), told)
    assert told.notices == []
    [found] = tracked(type(store)(f"sqlite:///{out / 'mlflow.db'}"))
    assert found.info.status == "FINISHED"
    assert {path.name for path in tmp_path.iterdir()} == {out.name, "store"}
    # A stranger's folder of runs:
    theirs, told = prepared(tmp_path / "theirs"), Told()
    (tmp_path / "theirs" / "mlflow.db").symlink_to(out / "mlflow.db")
    execute(theirs, told)
    assert [notice.count("is a link") for notice in told.notices] == [1]


def test_a_server_that_is_away_costs_the_tracker_only(store, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # nobody listens
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    run, told = prepared(tmp_path), Told()
    assert execute(run, told)["steps"] == 1000
    [notice] = told.notices
    assert notice.startswith("tracker mlflow failed")


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.delitem(sys.modules, "arena_mlflow.tracker", raising=False)
    with pytest.raises(ArenaError, match=r"needs mlflow; pip install 'arena-rl\[mlflow\]'"):
        get_plugins().trackers["mlflow"].load()


def test_without_a_database_library_it_says_what_to_install(store, tmp_path, monkeypatch):
    from arena_mlflow import tracker

    monkeypatch.setattr(
        tracker, "importlib", SimpleNamespace(util=SimpleNamespace(find_spec=lambda name: None))
    )
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    with pytest.raises(ArenaError, match="local database needs sqlalchemy"):
        tracker.MLflow(prepared(tmp_path), 0)


def test_it_is_light():
    plugin_imports_lightly("arena_mlflow", heavy=("mlflow", "sqlalchemy", "numpy"))
