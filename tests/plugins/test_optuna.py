"""`arena tune`: its search spaces, values equal to those of `arena train`, and studies that survive kills."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
import tomllib

import pytest

import arena
from arena.cli import main
from arena.runs.listener import Listener
from arena.runs.run import Run, find_runs

optuna = pytest.importorskip("optuna")

from arena_optuna.definition import Definition  # noqa: E402
from arena_optuna.study import StudyFolder  # noqa: E402
from arena_optuna.trial import evaluations, score, train_trial  # noqa: E402

FILE = """
steps = 4000
seeds = {seeds}
evaluate_every = {every}
episodes = 2
horizon = 50
[agent]
name = "q-learning"
[env]
id = "arena/CliffWalk-v0"
[search]
{search}
[study]
{study}
"""

SEARCH = """
"agent.learning_rate" = { low = 0.01, high = 1.0, log = true }
agent.epsilon = [0.01, 0.1]
num_envs = { low = 1, high = 3 }
"""


@pytest.fixture
def tune(tmp_path, monkeypatch, capsys):
    """Writes a file and tunes by it in a folder of its own; the object that it prints."""
    monkeypatch.chdir(tmp_path)

    def call(*words, search=SEARCH, study="trials = 3", **more):
        write(tmp_path, search, study, **more)
        status = main(["tune", "cliff.toml", "--json", *map(str, words)])
        out, err = capsys.readouterr()
        assert status == 0, err
        assert "INFO" not in out + err
        return json.loads(out)

    return call


@pytest.fixture
def fails(tmp_path, monkeypatch, capsys):
    """The one line with which a file is refused."""
    monkeypatch.chdir(tmp_path)

    def call(*words, search=SEARCH, study="", **more):
        write(tmp_path, search, study, **more)
        assert main(["tune", "cliff.toml", *words]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        [line] = [line for line in err.splitlines() if not line.startswith("trial ")]
        return line

    return call


def write(folder, search, study, top="", **more):
    text = FILE
    for name, said in {"search": search, "study": study, "seeds": 1, "every": 1000, **more}.items():
        text = text.replace(f"{{{name}}}", str(said))
    (folder / "cliff.toml").write_text(top + text)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"search": ""}, "[search] is empty"),
        ({"search": "alpha = [1, 2]"}, "no option to search is called 'alpha'"),
        ({"search": "steps = [1000, 2000]"}, "steps cannot be searched: all trials are measured in the same way"),
        ({"search": "num_envs = [1, 2]", "top": "num_envs = 3\n"}, "num_envs is both fixed and searched"),
        ({"search": '"env.slipp" = [0.1]'}, "no option to search is called 'env.slipp'; did you mean 'env.slip'"),
        ({"study": "trails = 3"}, "no option of study is called 'trails'; did you mean 'trials'?"),
        ({"study": "trials = 0"}, "study.trials is 0, which is not in [1, inf)"),
        ({"study": 'sampler = "cmaes"'}, "study.sampler is 'cmaes', which is not 'tpe' or 'random'"),
        ({"study": 'name = "a/b"'}, "the study's name is 'a/b', which is no valid folder name"),
        ({"study": 'storage = "study.db"'}, "the storage 'study.db' is no database URL"),
        ({"study": 'storage = "sqlite:///no/such/folder/a.db"'}, "cannot open the storage sqlite:///no/such/folder/a.db"),
        ({"study": 'storage = "oracle://u:secret@host/x"'}, "cannot open the storage oracle://u:***@host/x"),
        ({"top": "stepz = 3\n"}, "no key of a tuning file is called 'stepz'; did you mean 'steps'"),
        ({"top": "[studdy]\ntrials = 3\n"}, "no key of a tuning file is called 'studdy'; did you mean 'study'?"),
        ({"top": "[serach]\n"}, "no key of a tuning file is called 'serach'; did you mean 'search'?"),
        ({"top": "quux = 3\n"}, "no key of a tuning file is called 'quux'; known: agent, "),
        ({"top": "steps 3\n"}, "cliff.toml is not TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said_on_one_line(fails, settings, said):
    line = fails(**settings)
    assert line.startswith(f"arena: {said}") or (said.startswith("cannot open") and "needs" in line)
    assert "secret" not in line


def test_memory_is_one_processes(tune, fails):
    memory = 'storage = "sqlite:///:memory:"\ntrials = 2'
    assert "is in one process's memory; use --workers 1" in fails("--workers", "2", study=memory)
    assert [row["state"] for row in tune(study=memory)["trials"]] == ["complete"] * 2


def test_without_optuna_it_says_what_to_install(fails, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert fails() == "arena: arena tune needs Optuna; pip install 'arena-rl[optuna]'"


def test_optuna_is_imported_by_the_verb_only():
    code = "import sys; from arena.cli import main; main(['--help']); print('optuna' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")
    assert "search for an agent's hyperparameters" in done.stdout


#: Objectives that the command maximizes in the plain suite; the others are computed from its runs.
OBJECTIVES = ["final", *(pytest.param(name, marks=pytest.mark.slow) for name in ("best", "area"))]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_values_are_those_of_training_at_once(tune, tmp_path, objective):
    # The last evaluation comes early, at 4,000 steps. Hyperband stops the runs at 900 and 2,700.
    study = f'trials = 4\nobjective = "{objective}"\npruner = "hyperband"\nsampler = "random"'
    found = tune(study=study, seeds=2, every=900)
    assert found["study"] == "cliff"
    complete = [row for row in found["trials"] if row["state"] == "complete"]
    for row in complete:
        values = dict(row["params"])
        results = arena.train(
            "q-learning",
            "arena/CliffWalk-v0",
            num_envs=values.pop("num_envs"),
            agent_options={name.removeprefix("agent."): value for name, value in values.items()},
            **{"steps": 4000, "seeds": 2, "evaluate_every": 900, "episodes": 2, "horizon": 50},
            out=tmp_path / "again",
            progress=False,
        )
        runs = [Run.open(tmp_path / "again" / path.rpartition("/")[2]) for path in row["runs"]]
        for run, path in zip(runs, row["runs"], strict=True):
            assert run.metrics.read_bytes() == (tmp_path / path / "metrics.jsonl").read_bytes()
        means = [[mean for _, mean in evaluations(run)] for run in runs]
        by_hand = {
            "final": sum(m[-1] for m in means) / 2,
            "best": sum(map(max, means)) / 2,
            "area": sum(sum(m) / len(m) for m in means) / 2,
        }
        assert row["value"] == pytest.approx(by_hand[objective])
        assert {name: score(runs, 4000, name) for name in by_hand} == pytest.approx(by_hand)
        if objective == "final":
            assert row["value"] == results.summary["mean"]
    best = max(complete, key=lambda row: (row["value"], -row["number"]))
    assert found["best"] == best


@pytest.mark.parametrize("pruner", ["median", pytest.param("hyperband", marks=pytest.mark.slow)])
def test_hopeless_trials_are_pruned(tune, tmp_path, pruner):
    # With a step size of 1e-6 the first policy stays, which returns -50; the others find the way before 3,000 steps.
    study = f'trials = 14\nobjective = "area"\npruner = "{pruner}"\nsampler = "random"'
    search = '"agent.learning_rate" = [1e-6, 0.9, 0.8, 0.7]\n"agent.epsilon" = { low = 0.01, high = 0.1 }'
    found = tune(search=search, study=study)
    assert {row["state"] for row in found["trials"]} == {"complete", "pruned"}
    for row in found["trials"]:
        [run] = [Run.open(tmp_path / path) for path in row["runs"]]
        last = evaluations(run)[-1][0]
        assert last in (1000, 2000, 3000) if row["state"] == "pruned" else last == 4000
        assert row["value"] == score([run], last, "area")
    hopeless = [row for row in found["trials"] if row["params"]["agent.learning_rate"] == 1e-6]
    assert any(row["state"] == "pruned" for row in hopeless)
    if pruner == "median":
        ends = [row["state"] for row in hopeless if row["number"] >= 5]
        assert {*ends} == {"pruned"}


def history(folder):
    """Whatever a study holds of its trials but the times."""
    with StudyFolder(Definition.from_file(folder / "cliff.toml"), folder / "runs" / "tune-cliff") as study:
        return [(t.number, t.state, t.params, t.values, t.intermediate_values) for t in study.trials]


def stopped(folder, lines, how):
    """Tunes in a process of its own, which has no end, and stops it after so many lines; its last words."""
    words = [sys.executable, "-m", "arena", "tune", "cliff.toml", "--trials", "1000"]
    with subprocess.Popen(words, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(lines):
            assert " of 1000: trial " in process.stderr.readline()
        time.sleep(0.05)
        process.send_signal(how)
        rest = process.stderr.read()
    assert process.returncode == (2 if how == signal.SIGINT else -how)
    return rest


def test_killed_and_resumed_is_as_never_stopped(tune, tmp_path):
    study = 'objective = "area"\nseed = 5'
    write(tmp_path, SEARCH, study)
    stopped(tmp_path, 2, signal.SIGKILL)
    assert len(history(tmp_path)) >= 2
    assert "trials done; run the same command again to continue" in stopped(tmp_path, 1, signal.SIGINT)
    trials = max(6, len(history(tmp_path)))  # of which one may be waiting
    again = tune("--trials", trials, study=study)
    found = history(tmp_path)
    (tmp_path / "runs").rename(tmp_path / "before")
    assert tune("--trials", trials, study=study) == again
    assert history(tmp_path) == found
    assert len(found) == trials
    paths = [path for row in again["trials"] for path in row["runs"]]
    assert {path.name for path in find_runs(tmp_path / "before")} == {
        path.rpartition("/")[2] for path in paths
    }
    for path in paths:
        before = tmp_path / "before" / path.removeprefix("runs/") / "metrics.jsonl"
        assert (tmp_path / path / "metrics.jsonl").read_bytes() == before.read_bytes()


def test_a_trial_of_the_dead_waits_with_what_it_has_and_one_of_the_living_does_not(tune, tmp_path):
    found = tune(study="trials = 1")
    definition = Definition.from_file(tmp_path / "cliff.toml", trials=3)
    out = tmp_path / "runs" / "tune-cliff"
    with StudyFolder(definition, out) as dead:
        begun = dead.ask()
        assert begun.params
    with StudyFolder(definition, out) as one, StudyFolder(definition, out) as other:
        first, second = one.ask(), other.ask()
        assert (first.number, first.params) == (begun.number, begun.params)
        assert second.number == begun.number + 1
        assert one.ask() is None  # three are done or being done
        other.put_back(second)
        assert (one.ask().number, other.ask()) == (second.number, None)
    assert found["best"]["number"] == 0


def test_a_kill_in_the_last_trial_is_made_good(tune, tmp_path):
    tune(study="trials = 1")
    definition = Definition.from_file(tmp_path / "cliff.toml", trials=2)
    out = tmp_path / "runs" / "tune-cliff"
    with StudyFolder(definition, out) as dead:
        last = dead.ask().number
        with StudyFolder(definition, out) as other:
            assert other.ask() is None
    assert tune("--trials", 2)["trials"][last]["state"] == "complete"


def test_a_kill_between_a_report_and_the_pruners_word_does_not_spare_a_trial(tmp_path, monkeypatch):
    class Kill(BaseException):
        """What no trial catches."""

    def kill(trial):
        raise Kill

    write(tmp_path, SEARCH, 'trials = 2\npruner = "hyperband"')
    definition = Definition.from_file(tmp_path / "cliff.toml")
    with StudyFolder(definition, tmp_path / "out") as dead:
        trial = dead.ask()
        with monkeypatch.context() as patch:
            patch.setattr(optuna.trial.Trial, "should_prune", kill)
            with pytest.raises(Kill):
                train_trial(dead, trial, Listener())
        [reported] = dead.trials[trial.number].intermediate_values
    assert reported < definition.steps
    monkeypatch.setattr(optuna.trial.Trial, "should_prune", lambda trial: True)
    with StudyFolder(definition, tmp_path / "out") as folder:
        again = folder.ask()
        state, _ = train_trial(folder, again, Listener())
        assert (again.number, state.name) == (trial.number, "PRUNED")
        assert [*folder.trials[again.number].intermediate_values] == [reported]


def test_a_finished_study_is_free_and_more_trials_go_on(tune, tmp_path):
    first = tune(study="trials = 2")
    database = tmp_path / "runs" / "tune-cliff" / "study.db"
    before = database.stat().st_mtime_ns
    assert tune(study="trials = 2") == first
    assert database.stat().st_mtime_ns == before
    more = tune("--trials", 4, study="trials = 2")
    assert more["trials"][:2] == first["trials"]
    assert len(more["trials"]) == 4
    assert not [*(database.parent / "locks").glob("trial*")]


def test_two_workers_share_a_study(tune, tmp_path):
    # With two choices most trials are equal to another one: one of two that are trained at once waits for its runs.
    found = tune(
        "--workers",
        2,
        search='"agent.learning_rate" = [0.2, 0.9]',
        study="trials = 6\npruner = 'none'",
        seeds=2,
    )
    assert [row["number"] for row in found["trials"]] == [*range(6)]
    assert {row["state"] for row in found["trials"]} == {"complete"}
    for row in found["trials"]:
        runs = [Run.open(tmp_path / path) for path in row["runs"]]
        assert {run.spec.options["learning_rate"] for run in runs} == {row["params"]["agent.learning_rate"]}
        assert row["value"] == score(runs, 4000, "final")
    assert len(find_runs(tmp_path / "runs")) == 4


def test_a_storage_elsewhere_belongs_to_one_folder(tune, fails, tmp_path):
    study = 'trials = 1\nstorage = "sqlite:///other.db"\nname = "mine"'
    found = tune(study=study)
    assert (found["study"], found["storage"]) == ("mine", "sqlite:///other.db")
    assert (tmp_path / "other.db").exists()
    assert not [*(tmp_path / "runs" / "tune-mine").glob("*.db")]
    line = fails("--out", "elsewhere", study=study)
    assert "has its runs in another folder" in line
    assert str(tmp_path / "runs" / "tune-mine") in line
    (tmp_path / "runs" / "tune-mine").rename(tmp_path / "moved")
    assert tune("--out", "moved", study=study)["best"]["value"] == found["best"]["value"]


def test_another_search_is_another_study(tune, fails):
    tune(study="trials = 1")
    line = fails(search=SEARCH.replace("0.01, 0.1", "0.01, 0.2"))
    assert 'agent.epsilon was {"choices": [0.01, 0.1]} and is now {"choices": [0.01, 0.2]}' in line
    line = fails(study='objective = "best"')
    assert 'objective was "final" and is now "best"' in line


def test_somebody_elses_study_is_left_alone(fails, tmp_path):
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'theirs.db'}")
    study = optuna.create_study(storage=storage, study_name="cliff")
    study.tell(study.ask(), 1.0)
    storage.engine.dispose()
    assert "was not created by arena" in fails(study=f'storage = "sqlite:///{tmp_path / "theirs.db"}"')


def test_combinations_that_fail_are_said_once_and_passed_over(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    # An exponential schedule needs an end, which the file does not give.
    search = '"agent.learning_rate_schedule" = ["constant", "exponential"]\n'
    search += '"agent.learning_rate" = { low = 0.1, high = 1.0 }'
    write(tmp_path, search, "trials = 4\nsampler = 'random'")
    assert main(["tune", "cliff.toml", "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    states = [row["state"] for row in found["trials"]]
    assert states.count("complete") == 4
    assert states.count("failed") > 1
    assert err.count("failed: ") == 1
    assert "learning_rate_final" in err
    assert {
        row["params"]["agent.learning_rate_schedule"] for row in found["trials"] if row["state"] == "failed"
    } == {"exponential"}


def test_where_everything_fails_it_ends(fails, monkeypatch):
    def broken(*_):
        raise ValueError("no good")

    monkeypatch.setattr("arena_optuna.work.train_trial", broken)
    assert "10 trials in a row failed, the last with: ValueError: no good" in fails("--quiet")


def test_the_winner_is_trained_on_fresh_seeds_by_the_command_that_is_named(tune, capsys, tmp_path):
    found = tune(study="trials = 3")
    words = shlex.split(found["command"])
    assert words[:3] == ["arena", "train", "--config"]
    assert main([*words[1:-1], "1", "--json"]) == 0
    trained = json.loads(capsys.readouterr().out)
    assert trained["experiment"]["seeds"] == [*range(1000, 1010)]
    best = found["best"]["params"]
    for name, value in best.items():
        where = trained["experiment"]
        for key in name.replace("agent.", "agent.options.").split("."):
            where = where[key]
        assert where == value
    assert trained["experiment"]["steps"] == 4000


def test_seeds_of_the_search_are_not_fresh(tune, tmp_path):
    tune(study="trials = 1", seeds=[3, 1004])
    winner = tomllib.loads((tmp_path / "runs" / "tune-cliff" / "best.toml").read_text())
    assert winner["seeds"] == [*range(1005, 1015)]


def test_people_get_a_table(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, SEARCH, "trials = 2")
    assert main(["tune", "cliff.toml"]) == 0
    out, err = capsys.readouterr()
    assert "cliff · 2 complete" in out
    assert out.split("\n")[2].split() == ["trial", "final", "return", "learning_rate", "epsilon", "num_envs"]
    assert "arena train --config runs/tune-cliff/best.toml --workers 2" in out
    assert [line.partition(":")[0] for line in err.strip().splitlines()] == ["1 of 2", "2 of 2"]
    assert main(["list", "runs", "runs/tune-cliff", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["runs"]
    assert {row["status"] for row in rows} == {"finished"}


def test_equally_good_trials_are_counted(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, '"agent.learning_rate" = [0.5]', "trials = 3")
    assert main(["tune", "cliff.toml", "--quiet"]) == 0
    assert "\n3 trials have the highest value\n" in capsys.readouterr().out
