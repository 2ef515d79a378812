"""How training went, read from whatever lies in a run's folder."""

from types import SimpleNamespace

import pytest

import arena_viewer.curve as curve_module
from arena.runs import records
from arena_viewer.curve import EvaluationCurve
from arena_viewer.roles import snapshot_folders

GOOD = '{"step": 10, "evaluation": -3.5}\n', '{"step": 20, "evaluation": 4}\n'

BAD = {
    "words": '{"step": 1, "evaluation": "x"}',
    "steps that are words": '{"step": "many", "evaluation": 1}',
    "steps without end": '{"step": Infinity, "evaluation": 1}',
    "steps that are none": '{"step": NaN, "evaluation": 1}',
    "a list": "[1, 2]",
    "lists in it": '{"step": [1], "evaluation": [2]}',
    "a number": "7",
    "nothing": "null",
    "no step": '{"evaluation": 1}',
    "no evaluation": '{"step": 15, "loss": 1}',
    "torn": '{"step": 15, "evalu',
    "empty": "",
    "no text": "\xff\xfe\x00",
    "too large": '{"step": 15, "evaluation": 1' + "0" * 400 + "}",
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_line_that_is_none_is_left_out_and_the_others_count(tmp_path, bad):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes((GOOD[0] + bad + "\n" + GOOD[1]).encode("latin-1"))
    curve = EvaluationCurve(at=19)
    curve.read(SimpleNamespace(folder=tmp_path))
    assert (list(curve.steps), list(curve.returns)) == ([10, 20], [-3.5, 4.0])
    assert curve.place == 1 and curve.at_hand == 4.0 and curve.share == 1.0


def test_an_infinite_return_is_left_out(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(GOOD[0] + '{"step": 20, "evaluation": Infinity}\n')
    curve = EvaluationCurve()
    curve.read(SimpleNamespace(folder=tmp_path))
    assert (list(curve.steps), list(curve.returns)) == ([10], [-3.5])


def test_only_folders_that_are_numbers_are_snapshots(tmp_path):
    for name in ("5-old", "5", "20", "backup", ".5", "x7", "-3"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "state.json").touch()
    (tmp_path / "9").mkdir()  # without a state it is none
    found = snapshot_folders(SimpleNamespace(snapshots=tmp_path))
    assert list(found.items()) == [(5, tmp_path / "5"), (20, tmp_path / "20")]


def written(folder, steps, mode="wb"):
    with (folder / "metrics.jsonl").open(mode) as file:
        for step in steps:
            file.write(b'{"step": %d, "loss": 1.5, "evaluation": %r}\n' % (step, (step * 37 % 101) / 4))


def test_only_new_lines_are_read(tmp_path, monkeypatch):
    run, parsed = SimpleNamespace(folder=tmp_path), []
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


def test_a_last_line_without_its_end_counts_once(tmp_path):
    run, curve = SimpleNamespace(folder=tmp_path), EvaluationCurve()
    path = tmp_path / "metrics.jsonl"
    for data in (GOOD[0], GOOD[0] + GOOD[1][:9], (GOOD[0] + GOOD[1]).rstrip(), GOOD[0] + GOOD[1]):
        with path.open("r+" if path.exists() else "w") as file:  # the writer appends to the same file
            file.write(data)
        curve.read(run)
    assert (list(curve.steps), list(curve.returns)) == ([10, 20], [-3.5, 4.0])


def test_a_long_curve_keeps_a_bounded_number_and_the_extremes(tmp_path, monkeypatch):
    monkeypatch.setattr(curve_module, "MOST", 64)
    monkeypatch.setattr(curve_module, "DRAWN", 32)
    monkeypatch.setattr(curve_module, "BLOCK", 16)
    written(tmp_path, range(5000))
    curve = EvaluationCurve(at=4999)
    curve.read(SimpleNamespace(folder=tmp_path))
    assert len(curve.steps) == len(curve.returns) < 64 + 5000 // 16
    assert list(curve.steps) == sorted({*curve.steps})
    assert all(value == (step * 37 % 101) / 4 for step, value in zip(curve.steps, curve.returns, strict=True))
    assert min(curve.returns) == 0 and max(curve.returns) == 25
    assert len(curve.drawn) <= 33 and (min(curve.drawn), max(curve.drawn)) == (0, 25)
    assert curve.steps[curve.place] == max(curve.steps) and curve.drawn is curve.drawn


def test_a_short_curve_is_drawn_whole():
    curve = EvaluationCurve([1, 2, 3], [5.0, 4.0, 6.0], at=2)
    assert list(curve.drawn) == [5, 4, 6] and curve.at_hand == 4
