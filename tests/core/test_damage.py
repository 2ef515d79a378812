"""Damage to a run folder is either without effect or reported: no command uses other content without a word."""

from __future__ import annotations

import json
import random
import shutil

import pytest

from arena.cli import main
from arena.runs.integrity import verify_run
from arena.runs.listener import Listener
from arena.runs.resolve import resolve_experiment
from arena.runs.run import Run
from arena.training import session
from arena.training.runner import execute

#: What differs between two equal runs.
TIMES = ("seconds", "modified", "time", "path", "folder")

COMMANDS = {
    "list": ("list", "runs", "{out}", "--json"),
    "best": ("eval", "{run}", "--at", "best", "--episodes", "1", "--json"),
    "step": ("eval", "{run}", "--at", "200", "--episodes", "1", "--json"),
    "report": ("report", "{out}", "--partial", "--json"),
    "resume": ("resume", "{run}", "--json", "--quiet"),
}

#: Words of the messages about damage.
REPORTED = ("damage", "bytes instead of", "digest", "truncated", "cannot be read", "left out", "no snapshot")


class Stop(Listener):
    """Stops a run after some steps, as Ctrl-C does."""

    def __init__(self, at):
        self.at, self.steps = at, 0

    def progressed(self, run, progress, evaluation):
        self.steps = progress.steps

    def stopping(self):
        return self.steps >= self.at


@pytest.fixture(scope="module", params=[None, 300], ids=["finished", "stopped"])
def whole(request, tmp_path_factory):
    """A run of five evaluations with two checkpoints, in a folder of its own."""
    out = tmp_path_factory.mktemp("damage") / "runs"
    settings = {"steps": 500, "evaluate_every": 100, "log_every": 50, "episodes": 1, "trackers": []}
    experiment = resolve_experiment("q-learning", "arena/CliffWalk-v0", seeds=[0], **settings)
    run = Run.prepare(experiment, 0, out)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "CHECKPOINT_SECONDS", 0.0)
        patch.setattr(session, "PACE_SECONDS", 0.0)
        if request.param is None:
            execute(run)
        else:
            with pytest.raises(Exception, match="stopped"):
                execute(run, Stop(request.param))
    shutil.copytree(out, out.with_name("copy"))
    return run.folder


def plain(value):
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items() if name not in TIMES}
    return [plain(item) for item in value] if isinstance(value, list) else value


def outcomes(folder, capsys):
    """For each command its exit status, its JSON without times, and all that it printed."""
    found = {}
    for name, words in COMMANDS.items():
        capsys.readouterr()
        status = main([word.format(run=folder, out=folder.parent) for word in words])
        seen = capsys.readouterr()
        try:
            values = plain(json.loads(seen.out))
        except ValueError:
            values = None
        if name == "resume":  # whose files are what counts
            paths = [folder / "metrics.jsonl", folder / "result.json"]
            values = [path.read_bytes() for path in paths if path.exists()]
        found[name] = (status, values, seen.out + seen.err)
    return found


def restored(folder):
    shutil.rmtree(folder.parent)
    shutil.copytree(folder.parent.with_name("copy"), folder.parent)


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "lock")


def mutate(folder, draw):
    """Damages one file or two, and says how."""
    paths = files_of(folder)
    path = draw.choice(paths)
    data = path.read_bytes()
    place = draw.randrange(max(1, len(data)))
    kind = draw.choice(["truncate", "flip", "zero", "delete", "swap", "duplicate", "lines"])
    if kind == "truncate":
        path.write_bytes(data[:place])
    elif kind == "flip":
        path.write_bytes(data[:place] + bytes([data[place] ^ 1 << draw.randrange(8)]) + data[place + 1 :])
    elif kind == "zero":
        length = draw.randrange(1, 64)
        path.write_bytes((data[:place] + bytes(length) + data[place + length :])[: len(data)])
    elif kind == "delete":
        path.unlink()
    elif kind == "swap":
        other = draw.choice([one for one in paths if one.name == path.name])
        path.write_bytes(other.read_bytes())
        other.write_bytes(data)
    elif kind == "duplicate":
        path.write_bytes(draw.choice(paths).read_bytes())
    else:
        lines = data.splitlines(keepends=True)
        del lines[draw.randrange(len(lines)) :]
        path.write_bytes(b"".join(lines))
    return f"{kind} {path.relative_to(folder)} at {place}"


def check_mutations(folder, capsys, seeds):
    restored(folder)
    expected = outcomes(folder, capsys)
    assert all(status == 0 for status, _, _ in expected.values())
    silent = []
    for seed in seeds:
        restored(folder)
        what = mutate(folder, random.Random(seed))
        for name, (status, values, text) in outcomes(folder, capsys).items():
            assert "unexpected" not in text and "Traceback" not in text, (seed, what, name, text)
            same = (status, values) == expected[name][:2]
            if not same and not (status or any(word in text for word in REPORTED)):
                silent.append((seed, what, name, text[-300:]))
    assert not silent, f"{len(silent)} silently different, such as {silent[0]}"


def test_damage_is_reported_or_without_effect(whole, capsys):
    check_mutations(whole, capsys, range(25))


@pytest.mark.slow
def test_a_thousand_damages_are_reported_or_without_effect(whole, capsys):
    check_mutations(whole, capsys, range(1000, 1500))


def test_the_law_catches_a_reader_that_does_not_verify(whole, capsys, monkeypatch):
    monkeypatch.setattr("arena.runs.records.refuse_changed", lambda values, name: values.pop("check", None))
    monkeypatch.setattr("arena.storage.manifest.digest", lambda data: "0")
    with pytest.raises(AssertionError):
        check_mutations(whole, capsys, range(60))


def test_a_sound_run_verifies_and_every_damaged_file_is_found(whole):
    restored(whole)
    assert [part for part in verify_run(whole) if part.problem is not None] == []
    for path in files_of(whole):
        data = path.read_bytes()
        middle = len(data) // 2
        path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
        assert any(part.problem for part in verify_run(whole)), path
        path.write_bytes(data)


def test_check_names_the_file_and_repair_writes_it_again(whole, capsys):
    restored(whole)
    assert main(["resume", str(whole), "--quiet"]) == 0  # to its end
    expected = {path: path.read_bytes() for path in files_of(whole) if path.name != "timing.jsonl"}
    victim = whole / "snapshots" / "000000000200" / "arrays.safetensors"
    victim.write_bytes(victim.read_bytes()[:-1] + b"\x01")
    capsys.readouterr()
    assert main(["check", str(whole)]) == 1
    assert "✗ snapshots/000000000200" in capsys.readouterr().out
    assert main(["eval", str(whole), "--at", "200"]) == 2
    assert "arrays.safetensors does not match its digest; use another snapshot" in capsys.readouterr().err
    assert main(["resume", str(whole), "--repair", "--quiet"]) == 0
    assert (
        "000000000200 is damaged: arrays.safetensors does not match its digest; it is written again"
        in capsys.readouterr().err
    )
    for path, data in expected.items():
        if "checkpoint" not in path.parts:
            assert path.read_bytes() == data, path
    assert main(["check", str(whole)]) == 0


def test_an_exchanged_snapshot_is_not_used_by_another_run(whole, capsys, tmp_path):
    restored(whole)
    one, other = (whole / "snapshots" / f"{step:012d}" for step in (100, 200))
    one.rename(tmp_path / "one")
    other.rename(one)
    (tmp_path / "one").rename(other)
    words = ["train", "q-learning", "arena/CliffWalk-v0", "--steps", "50", "--out", str(tmp_path / "runs")]
    assert main([*words, "--from", f"{whole}@100", "--quiet"]) == 2
    assert "000000000100 is damaged: it belongs to another run or step" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_best_is_not_the_last_without_metrics(whole, capsys):
    restored(whole)
    (whole / "metrics.jsonl").unlink()
    assert main(["eval", str(whole), "--at", "best"]) == 2
    assert "metrics.jsonl has 0 bytes instead of" in capsys.readouterr().err
