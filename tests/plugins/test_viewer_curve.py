"""How training went, read from whatever lies in a run's folder."""

from types import SimpleNamespace

import pytest

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
