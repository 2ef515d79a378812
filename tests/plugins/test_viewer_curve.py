"""How training went, read from a run's folder."""

import json

import pytest

import arena_viewer.curve as curve_module
from arena.errors import ArenaError
from arena.runs import records
from arena.runs.layout import snapshot_folders
from arena.runs.run import Run
from arena.storage.manifest import sealed
from arena_viewer.curve import EvaluationCurve
from run_files import noted, put_logs

GOOD = {"step": 10, "evaluation": -3.5}, {"step": 20, "evaluation": 4}

BAD = {
    "words": {"step": 1, "evaluation": "x"},
    "steps that are words": {"step": "many", "evaluation": 1},
    "no step": {"evaluation": 1},
    "torn": b'{"step": 15, "evaluation": \n',
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_line_that_arena_did_not_write_is_damage(tmp_path, bad):
    put_logs(tmp_path, [GOOD[0], bad, GOOD[1]], [{"step": 20}])
    with pytest.raises(ArenaError, match=f"{tmp_path}: .*; restore it from a copy"):
        EvaluationCurve().read(Run(tmp_path, None))


def test_evaluations_that_are_not_finite_and_other_lines_are_left_out(tmp_path):
    other = [
        {"step": 15, "loss": 1},
        {"step": 16, "evaluation": None},
        {"step": 17, "evaluation": float("inf")},
    ]
    put_logs(tmp_path, [GOOD[0], *other, GOOD[1]], [{"step": 20}])
    curve = EvaluationCurve(at=19)
    curve.read(Run(tmp_path, None))
    assert (list(curve.steps), list(curve.returns)) == ([10, 20], [-3.5, 4.0])
    assert curve.place == 1 and curve.at_hand == 4.0 and curve.share == 1.0


def test_only_folders_that_are_steps_with_a_manifest_are_snapshots(tmp_path):
    steps = ["000000000005", "000000000020"]
    for name in ("5-old", "5", "backup", ".5", "x7", "-3", *steps):
        (tmp_path / "snapshots" / name).mkdir(parents=True)
        (tmp_path / "snapshots" / name / "manifest.json").touch()
    (tmp_path / "snapshots" / "000000000009").mkdir()  # unfinished
    expected = {int(name): tmp_path / "snapshots" / name for name in steps}
    assert list(snapshot_folders(tmp_path).items()) == list(expected.items())


def written(folder, steps, mode="wb"):
    path = folder / "metrics.jsonl"
    with path.open(mode) as file:
        for step in steps:
            file.write(b'{"step": %d, "loss": 1.5, "evaluation": %r}\n' % (step, (step * 37 % 101) / 4))
    timing = sealed({"step": 1, "seconds": 1.0, "time": 0.0, "metrics": noted(path.read_bytes())})
    (folder / "timing.jsonl").write_text(json.dumps(timing) + "\n")


def test_only_new_lines_are_read(tmp_path, monkeypatch):
    run, parsed = Run(tmp_path, None), []
    read = records._evaluation
    monkeypatch.setattr(records, "_evaluation", lambda line: parsed.append(line) or read(line))
    curve = EvaluationCurve()
    for end in range(100, 600, 100):
        written(tmp_path, range(end - 100, end), "ab")
        curve.read(run)
        assert list(curve.steps) == [*range(end)]
    assert len(parsed) == 500
    written(tmp_path, range(50))  # another, shorter file
    curve.read(run)
    assert list(curve.steps) == [*range(50)]


def test_a_last_line_without_its_end_is_read_when_it_is_complete(tmp_path):
    run, curve = Run(tmp_path, None), EvaluationCurve()
    put_logs(tmp_path, GOOD[:1], [{"step": 10}])
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 20, "eval')
    curve.read(run)
    assert list(curve.steps) == [10]
    put_logs(tmp_path, GOOD, [{"step": 20}])
    curve.read(run)
    assert (list(curve.steps), list(curve.returns)) == ([10, 20], [-3.5, 4.0])


def test_a_long_curve_keeps_a_bounded_number_and_the_extremes(tmp_path, monkeypatch):
    monkeypatch.setattr(curve_module, "MOST", 64)
    monkeypatch.setattr(curve_module, "DRAWN", 32)
    monkeypatch.setattr(curve_module, "BLOCK", 16)
    written(tmp_path, range(5000))
    curve = EvaluationCurve(at=4999)
    curve.read(Run(tmp_path, None))
    assert len(curve.steps) == len(curve.returns) < 64 + 5000 // 16
    assert list(curve.steps) == sorted({*curve.steps})
    assert all(value == (step * 37 % 101) / 4 for step, value in zip(curve.steps, curve.returns, strict=True))
    assert min(curve.returns) == 0 and max(curve.returns) == 25
    assert len(curve.drawn) <= 33 and (min(curve.drawn), max(curve.drawn)) == (0, 25)
    assert curve.steps[curve.place] == max(curve.steps) and curve.drawn is curve.drawn


def test_a_short_curve_is_drawn_whole():
    curve = EvaluationCurve([1, 2, 3], [5.0, 4.0, 6.0], at=2)
    assert list(curve.drawn) == [5, 4, 6] and curve.at_hand == 4
