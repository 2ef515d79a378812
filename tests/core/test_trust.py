"""What a file names is imported only if a plugin provides it, this user made the file, or allowed it."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import arena
from arena.cli import main
from arena.cli.verbs import VERBS
from arena.errors import ArenaError
from arena.experiments.data_reference import DataReference
from arena.experiments.read import id_from_dict
from arena.frames.references import open_data
from arena.plugins import trust
from arena.plugins.discovery import get_plugins
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from run_files import put

TRAP = """
from pathlib import Path
import gymnasium as gym
Path(__file__).with_suffix(".sprung").touch()
def make() -> gym.Env:
    return gym.make("FrozenLake-v1")
class W(gym.Wrapper):
    pass
"""

LAKE = "FrozenLake-v1"

#: Command lines of every verb on the run RUN, the fit FIT and the file FILE; whether it needs their code.
VERBS_ON_RUNS = {
    "train": [
        (["train", "random", LAKE, "--from", "RUN", "--steps", "5", "--quiet"], True),
        (["train", "dqn", LAKE, "--encoder", "FIT", "--steps", "5", "--quiet"], True),
        (["train", "dqn", LAKE, "--novelty", "FIT", "--steps", "5", "--quiet"], True),
    ],
    "fit": [(["fit", "pca", LAKE, "--policy", "RUN", "--frames", "20", "--quiet"], True)],
    "sweep": [
        (["sweep", "FILE", "--dry-run"], True),
        (["sweep", "FILE", "--quiet", "--steps", "5", "--workers", "1"], True),
    ],
    "tune": [(["tune", "FILE", "--trials", "1", "--quiet"], True)],
    "resume": [(["resume", "RUN", "--quiet"], True), (["resume", "FIT", "--quiet"], True)],
    "eval": [
        (["eval", "RUN"], True),
        (["eval", "RUN", "--help"], True),
        (["eval", "RUN", "--env.slip", "0"], True),
        (["eval", "RUN", "--env", LAKE], True),
    ],
    "watch": [(["watch", "RUN@best"], True), (["watch", "RUN", "--follow"], True)],
    "play": [(["play", LAKE, "--against", "RUN"], True)],
    "gallery": [(["gallery", "FIT"], True)],
    "report": [(["report", ".", "--partial"], False), (["report", "RUN", "FIT", "--json"], False)],
    "list": [(["list", "runs", "."], False), (["list", "runs", "RUN", "--json"], False)],
    "check": [(["check", "RUN"], False)],
}
#: Each with what the file names: an environment, or a wrapper; and with where the module is found.
CASES = [
    (words, imports, kind, found)
    for lines in VERBS_ON_RUNS.values()
    for number, (words, imports) in enumerate(lines)
    for kind, found in [("env", "working directory"), ("wrapper", "path")][: 2 if number == 0 else 1]
]


class Place:
    """A folder with a module that must not be imported."""

    def __init__(self, folder, patch):
        self.folder, self.patch = folder, patch
        self.marker = folder / "trap.sprung"
        (folder / "trap.py").write_text(TRAP)
        patch.chdir(folder)
        self.forget()

    def forget(self, home="state"):
        """The state of a new process, of a user who has made and allowed nothing if the home is new."""
        self.patch.setenv("XDG_STATE_HOME", str(self.folder / home))
        self.patch.delenv(trust.CHILDREN, raising=False)
        trust._entries.clear()
        sys.modules.pop("trap", None)
        self.marker.unlink(missing_ok=True)

    @property
    def sprung(self):
        return self.marker.exists()

    def own(self, *words, env="trap:make"):
        """A run that this user makes, by a name on the command line."""
        words = ["train", "random", env, *words, "--steps", "5", "--quiet", "--track", "none"]
        assert main(words) == 0
        return next(Path("runs").glob("*_seed0_*"))


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield Place(tmp_path, monkeypatch)
    sys.modules.pop("trap", None)


@pytest.fixture(scope="module")
def strange(tmp_path_factory):
    """Run folders of another person, by what they name: an environment or a wrapper; and a fit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path])
        made = {}
        for kind, words in (("env", ["trap:make"]), ("wrapper", [LAKE, "--wrap", "trap:W"])):
            author = Place(tmp_path_factory.mktemp("author"), patch)
            made[kind] = author.folder / author.own(*words[1:], env=words[0])
        author.forget("nobody")
        made["fit"] = _fit(made["env"].parent / "fit")
        yield made
        author.forget("nobody")


def _fit(folder, **changes):
    space = {"type": "Box", "low": 0, "high": 1, "shape": [4], "dtype": "float32"}
    experiment = {
        "encoder": {"name": "pca", "options": {}},
        "frames": {
            **{"source": "trap:make", "options": {"n": 10}, "folder": "frames/gone", "digest": "0"},
            **{"observation": space, "labels": {}, "name": ""},
        },
        "fit": {"batch_size": 4, "learning_rate": 0.1, "holdout": 0.1, "sequence_length": 2},
        **{"steps": 9, "evaluate_every": 3, "log_every": 1, "device": "cpu", "threads": 1},
        **{"seeds": [0], "trackers": []},
    } | changes
    folder.mkdir()
    _write(folder, experiment)
    return folder


def _write(folder, experiment, plain=False):
    run_id = "0" * 12 if plain else id_from_dict(experiment, 0, None)
    document = {"schema": 1, "id": run_id, "source": None, "experiment": experiment, "versions": {}}
    put(folder / "run.json", document)


def _words(words, place, strange, kind):
    """The command line on copies of a stranger's folders."""
    for name, made in (("RUN", strange[kind]), ("FIT", strange["fit"])):
        if not (place.folder / name).exists():
            shutil.copytree(made, place.folder / name)
    tune = '[search]\nnum_envs = [1, 2]\n[study]\ntrials = 1\n[agent]\nname = "random"\n[env]\nid = "FrozenLake-v1"\n'
    sweep = '[[grid]]\nagent = ["random"]\nenv = ["FrozenLake-v1"]\n'
    tables = tune if words[0] == "tune" else sweep
    Path("FILE").write_text(f'start = "RUN"\nsteps = 5\ntrackers = []\n{tables}')
    return words


@pytest.fixture
def hidden(monkeypatch):
    """Windows that nobody sees, and that close at once."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    viewer = pytest.importorskip("arena_viewer.window")
    monkeypatch.setattr(viewer.Window, "run", lambda window: window.close())
    monkeypatch.setattr("arena.environments.display.require_display", lambda remedy: None)


def test_every_verb_is_tried():
    verbs = {*VERBS, *get_plugins().commands}
    assert verbs == {*VERBS_ON_RUNS}, "add the verb to VERBS_ON_RUNS, with a command line that opens a run"


@pytest.mark.parametrize(("words", "imports", "kind", "found"), CASES)
def test_no_verb_imports_what_a_file_names(
    place, strange, hidden, capsys, monkeypatch, words, imports, kind, found
):
    if found == "path":
        monkeypatch.syspath_prepend(str(place.folder))
    words = _words(words, place, strange, kind)
    status = main(words)
    out, err = capsys.readouterr()
    assert not place.sprung, "the file's code ran"
    assert "Traceback" not in out + err
    if imports:
        lines = [line for line in err.splitlines() if line.startswith("arena:") and "--trust" in line]
        assert status == 2 and len(lines) == 1, err
        assert "run.json names 'trap:" in lines[0]
    if imports is None:
        return
    main([*words, "--trust"])
    assert "--trust" not in capsys.readouterr().err
    assert not imports or trust._entries
    if imports and "FIT" not in words:  # the environment of a fit is needed for collecting its frames again
        assert place.sprung


def test_a_trusted_file_is_remembered_by_its_content(place, strange, capsys):
    _words([""], place, strange, "wrapper")
    assert main(["eval", "RUN", "--trust"]) == 0
    place.forget()
    assert main(["eval", "RUN"]) == 0 and place.sprung
    shutil.copytree("RUN", "elsewhere")
    place.forget()
    assert main(["eval", "elsewhere"]) == 0
    path = place.folder / "RUN" / "run.json"
    document = json.loads(path.read_text())
    document["experiment"]["log_every"] = 2  # which is no part of the id
    put(path, document)
    place.forget()
    assert main(["eval", "RUN"]) == 2 and not place.sprung
    assert "--trust" in capsys.readouterr().err


def test_nobody_is_asked_about_own_runs(place, monkeypatch, capsys):
    run = place.own()
    place.forget()
    assert main(["eval", str(run)]) == 0
    place.forget()
    assert main(["resume", str(run), "--steps", "10", "--quiet"]) == 0  # which writes another run.json
    place.forget()
    assert main(["eval", str(run)]) == 0
    # From another folder, the module is found where the run was made.
    (place.folder / "other").mkdir()
    monkeypatch.chdir(place.folder / "other")
    place.forget()
    assert main(["eval", f"../{run}"]) == 0 and place.sprung
    # A module of the same name in another working directory is not the one of the run.
    shutil.copy("../trap.py", ".")
    place.forget()
    assert main(["eval", f"../{run}"]) == 0 and place.sprung and not Path("trap.sprung").exists()
    place.forget()
    Path("../trap.py").unlink()
    capsys.readouterr()
    assert main(["eval", f"../{run}"]) == 2 and not Path("trap.sprung").exists()
    assert "--trust" in capsys.readouterr().err


def test_training_again_notes_an_own_run_that_was_not(place):
    run = place.own()
    place.forget("new")
    written = (run / "run.json").stat().st_ino
    assert place.own() == run
    assert (run / "run.json").stat().st_ino == written  # not written again
    place.forget("new")
    assert main(["eval", str(run)]) == 0


@pytest.mark.parametrize("flat", [False, True])
def test_training_replaces_what_only_the_file_names(place, flat):
    """A planted folder with the name of a run that this user trains, but with other code in it."""
    mine = place.own(env=LAKE)
    before = (mine / "run.json").read_bytes()
    document = json.loads(before)
    (document["experiment"] if flat else document["experiment"]["env"])["wrappers"] = ["trap:W"]
    if not flat:
        document["id"] = id_from_dict(document["experiment"], 0, None)
    put(mine / "run.json", document)
    assert main(["eval", str(mine)]) == (0 if flat else 2)  # the keys of [env] come before the others
    assert not place.sprung
    place.own(env=LAKE)
    assert (mine / "run.json").read_bytes() == before
    Run.open(mine, trusted=True)  # as a worker does
    assert not place.sprung and not trust._entries


def test_a_home_that_cannot_be_written_hinders_nothing(place, capsys):
    (place.folder / "file").write_text("")
    place.forget("file/state")
    run = place.own()
    assert main(["eval", str(run)]) == 0  # in the process that made it
    place.forget("file/state")
    assert main(["eval", str(run)]) == 2
    assert main(["eval", str(run), "--trust"]) == 0
    assert Run.open(run, trusted=True).seed == 0  # as a worker opens it


def test_python_trusts_by_an_argument(place, strange, monkeypatch):
    _words([""], place, strange, "env")
    monkeypatch.syspath_prepend(str(place.folder))
    with pytest.raises(ArenaError, match="trust=True"):
        arena.load("RUN")
    with pytest.raises(ArenaError, match="trust=True"):
        arena.train("random", LAKE, start="RUN", steps=5, progress=False)
    assert not place.sprung and not trust.is_trusting()
    assert arena.load("RUN", trust=True).steps == 5
    assert place.sprung and not trust.is_trusting()
    assert arena.load("RUN").steps == 5  # remembered


def test_the_id_comes_before_any_import(place, strange, capsys):
    """Also with `--trust`, an edited file imports nothing."""
    _words([""], place, strange, "env")
    path = place.folder / "RUN" / "run.json"
    document = json.loads(path.read_text())
    for change in (
        lambda d: d["experiment"]["env"].update(id="trap:W"),
        lambda d: d["experiment"].update(horizon=7),
        lambda d: d["experiment"]["agent"]["options"].update(epsilon=0.5),
        lambda d: d.update(source="0" * 32),
        lambda d: d.update(id="0" * 12),
    ):
        edited = json.loads(json.dumps(document))
        change(edited)
        put(path, edited)
        assert main(["eval", "RUN", "--trust"]) == 2
        assert "does not match the trained run" in capsys.readouterr().err
        assert not place.sprung


@pytest.mark.parametrize(
    "change",
    [
        {"env": "trap:make"},
        {"wrappers": ["trap:W"]},
        {"env": {"id": LAKE, "options": {}, "wrappers": [" trap:W (x=1)"]}},
        {"env": {"id": f"trap:{LAKE}", "options": {}, "wrappers": []}},
        {"env": {"id": f"arena_gridworld:trap:{LAKE}", "options": {}, "wrappers": []}},
        {"env": {"id": "trap.inner:make", "options": {}, "wrappers": []}},
        {"env": {"id": "arena_gridworld_evil:make", "options": {}, "wrappers": []}},
        {"env": {"id": LAKE, "options": {}, "wrappers": ["trap:inner:W"]}},
        {"env": {"id": LAKE, "options": {}, "wrappers": ["RecordVideo(video_folder='/tmp/x')"]}},
        {"env": {"id": "GymV26Environment-v0", "options": {"env_id": "trap:x"}, "wrappers": []}},
    ],
    ids=str,
)
def test_no_spelling_of_a_name_gets_past(place, change):
    (place.folder / "arena_gridworld_evil.py").write_text(TRAP)
    values = json.loads(json.dumps(resolve_experiment("random", LAKE).to_dict() | change))
    Path("RUN").mkdir()
    _write(Path("RUN"), values, plain="env" in change and isinstance(change["env"], str))
    sys.path.append(str(place.folder))
    with pytest.raises(ArenaError):
        Run.open(Path("RUN"))
    assert not [*Path().glob("*.sprung")]


@pytest.mark.parametrize(
    "name", ["arena_gridworld:arena/Grid-v0", "gymnasium.wrappers:TimeLimit", "arena/Grid-v0", "TimeLimit"]
)
def test_names_of_plugins_need_no_trust(name):
    assert trust._strange([name]) == []


def test_what_a_nested_file_names_is_not_imported(place, strange):
    """Frames that were deleted are collected again, by the policy of a run."""
    _words([""], place, strange, "env")
    data = DataReference(LAKE, {"n": 20, "policy": "RUN"}, "frames/gone", "0", None, {})
    with pytest.raises(ArenaError, match="--trust"):
        open_data(data)
    assert not place.sprung


def test_the_file_is_private_bounded_and_never_believed_when_another_could_write_it(place, monkeypatch):
    monkeypatch.setattr(trust, "MOST", 3)
    path = place.folder / "state" / "arena" / "trusted.json"
    for number in range(5):
        trust.note({"number": number}, ["trap:make"])
    with trust.noting_together():
        trust.note({"number": 5}, ["trap:make"])
        assert len(json.loads(path.read_text())["trusted"]) == 3
        trust.note({"number": 6}, ["plain-v0"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    kept = json.loads(path.read_text())["trusted"]
    assert len(kept) == 3 and kept[-1][0] == trust._digest({"number": 5})
    assert {entry.name for entry in path.parent.iterdir()} <= {"trusted.json", "trusted.lock"}
    assert len(trust._read()) == 3
    path.chmod(0o622)
    assert not trust._read()
    for text in ("{", '{"trusted": 3}', '{"trusted": [["x"]]}', "[" * 50_000, "\0"):
        path.write_text(text)
        path.chmod(0o600)
        assert not trust._read()
    trust._entries.clear()
    trust.note({"number": 5}, ["trap:make"])
    assert len(trust._read()) == 1


def test_a_file_in_the_working_directory_replaces_no_module(place):
    """`python -m` puts the working directory first on the path."""
    for name in ("pluggy", "gymnasium", "rich", "json", "arena_report"):
        (place.folder / f"{name}.py").write_text(TRAP)
    done = subprocess.run([sys.executable, "-m", "arena", "list", "plugins"], capture_output=True, text=True)
    assert done.returncode == 0 and not [*place.folder.glob("*.sprung")], done.stderr
    assert os.getcwd() == str(place.folder)


def test_a_file_named_by_a_person_imports_from_the_path_but_not_from_the_working_directory(
    place, monkeypatch, capsys
):
    """A sweep's file on the command line is a person's own words; only the working directory needs `--trust`."""
    Path("FILE").write_text('[[grid]]\nagent = ["random"]\nenv = ["trap:make"]\n')
    assert main(["sweep", "FILE", "--dry-run"]) == 2
    assert "add --trust to import it from the working directory" in capsys.readouterr().err
    assert not place.sprung
    assert main(["sweep", "FILE", "--dry-run", "--trust"]) == 0 and place.sprung
    place.forget()
    monkeypatch.syspath_prepend(str(place.folder))
    assert main(["sweep", "FILE", "--dry-run"]) == 0 and place.sprung


@pytest.mark.slow
def test_workers_need_not_ask_again(place, monkeypatch):
    (place.folder / "file").write_text("")
    place.forget("file/state")
    words = ["train", "random", LAKE, "--wrap", "trap:W", "--seeds", "2", "--workers", "2", "--steps", "5"]
    assert main([*words, "--quiet", "--track", "none"]) == 0
    assert len([*Path("runs").glob("*/result.json")]) == 2
