"""What a report counts, calls by name, puts in order and leaves out; and files that are none."""

from __future__ import annotations

import json
import os
import re

import pytest
from test_report import compared, labels, only, write_run

from arena.cli import main
from arena.errors import ArenaError
from arena_report import comparison, read_runs
from arena_report.page import page
from run_files import put, put_logs


def start(run="runs/first", step=2000, digest="ab12"):
    return {"run": run, "step": step, "digest": digest}


def figures(document, folder):
    return json.loads(re.search(r'id="data">(.*?)</script>', page(document, folder), re.DOTALL)[1])


def test_runs_with_other_threads_are_another_algorithm(tmp_path):
    write_run(tmp_path)  # from before there were threads: one
    write_run(tmp_path, seed=1, threads=1)
    write_run(tmp_path, threads=8, mean=1.5)
    document = compared(tmp_path)
    assert labels(document) == ["q-learning threads=1", "q-learning threads=8"]
    assert only(document["groups"], threads=1)["seeds"] == [0, 1] and document["skipped"] == []
    assert "<code>threads</code>" in page(document, tmp_path)


def test_runs_that_began_elsewhere_are_another_algorithm(tmp_path):
    write_run(tmp_path, start=None)
    write_run(tmp_path, start=start())
    write_run(tmp_path, seed=1, start=start(run="/else/where/first"))  # the same snapshot, moved
    write_run(tmp_path, start=start(digest="cd34"))  # another one, at the same place
    write_run(tmp_path, start=start(run="runs/" + "deep/" * 20 + "first", digest="ef56"))
    document = compared(tmp_path)
    assert labels(document) == [
        "q-learning start=none",
        "q-learning start=runs/first@2000",
        "q-learning start=runs/first@2000 (2)",
        "q-learning start=…eep/deep/deep/deep/deep/deep/first@2000",
    ]
    group = only(document["groups"], label="q-learning start=runs/first@2000")
    assert group["seeds"] == [0, 1] and group["start"] == start()
    assert document["skipped"] == [] and "runs/first@2000</td>" in page(document, tmp_path)


def test_options_named_like_settings_hide_none(tmp_path):
    for threads in (1, 2):
        write_run(tmp_path, options={"threads": 5, "start": "x"}, threads=threads)
    assert labels(compared(tmp_path)) == ["q-learning run.threads=1", "q-learning run.threads=2"]


@pytest.mark.parametrize("broken", ["text", {"run": "x"}, {"run": "x", "step": -1, "digest": "y"}])
def test_a_start_that_is_none_is_damage(tmp_path, broken):
    write_run(tmp_path)
    write_run(tmp_path, seed=1, start=broken)
    assert [row["status"] for row in compared(tmp_path)["skipped"]] == ["damaged"]


def test_runs_above_the_optimum_are_told_apart(tmp_path):
    for seed, mean in enumerate([0.80, 0.81, 0.82, 0.83, 0.84]):
        write_run(tmp_path, "a", seed=seed, mean=mean, optimum=0.74)
        write_run(tmp_path, "b", seed=seed, mean=0.75, optimum=0.74)
    document = compared(tmp_path)
    [pair], [place] = document["improvement"], document["environments"]
    assert (pair["x"], pair["y"], pair["probability"], pair["ci95"]) == ("a", "b", 1, (1, 1))
    assert (place["optimum"], place["zero"], place["one"]) == (0.74, 0.75, 0.84)
    assert only(document["groups"], label="a")["normalized"] == pytest.approx(7 / 9)
    assert any("Every run exceeds the optimal expected return in Lake-v0" in w for w in document["warnings"])


def test_the_rounding_of_a_sum_is_a_tie(tmp_path):
    write_run(tmp_path, "a", mean=-13.0, optimum=-13.0)
    write_run(tmp_path, "b", mean=-13.000000000000002, optimum=-13.0)
    document = compared(tmp_path)
    assert document["improvement"][0]["probability"] == 0.5
    assert not any("exceeds" in text for text in document["warnings"])


@pytest.mark.parametrize("name", ["run.json", "result.json", "metrics.jsonl", "timing.jsonl"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_plain_file_is_damage_and_does_not_hang(tmp_path, name, kind):
    write_run(tmp_path)
    path = write_run(tmp_path, seed=1) / name
    path.unlink()
    {"pipe": os.mkfifo, "device": lambda p: p.symlink_to("/dev/zero"), "folder": os.mkdir}[kind](path)
    document = compared(tmp_path)
    [row] = document["skipped"]
    assert (row["status"], row["reason"]) == ("damaged", f"cannot be read: {name} is not a regular file")
    assert [run["seed"] for run in document["runs"]] == [0]


def test_files_and_lines_without_end_are_damage(tmp_path):
    for seed, name in enumerate(["run.json", "metrics.jsonl", "metrics.jsonl", "timing.jsonl"]):
        path = write_run(tmp_path, seed=seed) / name
        if seed == 2:
            put_logs(path.parent, [{"step": 1, "note": "x" * (2 << 20)}], [{"step": 100}])
        else:
            os.truncate(path, 1 << 40)  # a hole, which takes no room
    write_run(tmp_path, seed=4)
    reasons = [row["reason"] for row in compared(tmp_path)["skipped"]]
    assert reasons == [
        "cannot be read: run.json is larger than 64 MiB",
        "cannot be read: metrics.jsonl is larger than 4,096 MiB",
        "cannot be read: metrics.jsonl has a line of more than 1 MiB",
        "cannot be read: timing.jsonl is larger than 4,096 MiB",
    ]


def timed(path, time):
    put(path / "timing.jsonl", {**json.loads((path / "timing.jsonl").read_text()), "time": time}, end="\n")
    return path


def test_an_unfinished_run_that_trained_further_counts_where_unfinished_ones_do(tmp_path):
    done = write_run(tmp_path, steps=1000)
    further = write_run(tmp_path, steps=5000, total=10_000, finished=False)
    assert [run["path"] for run in compared(tmp_path, partial=True)["runs"]] == [str(further)]
    assert [run["path"] for run in compared(tmp_path)["runs"]] == [str(done)]


def test_of_runs_that_trained_as_far_the_later_counts(tmp_path):
    paths = [timed(write_run(tmp_path, mean=float(t)), t) for t in (2e9, 3e9, 1e9)]
    document = compared(tmp_path)
    assert [run["path"] for run in document["runs"]] == [str(paths[1])]
    assert [row["path"] for row in document["skipped"]] == [str(paths[0]), str(paths[2])]
    text = "2 runs are left out: 2 duplicates (same options and seed as a run that trained further)."
    assert text in document["warnings"][0]


def test_one_duplicate_and_one_group_of_one_seed_are_said_in_the_singular(tmp_path):
    write_run(tmp_path)
    write_run(tmp_path)
    for seed in range(2):
        write_run(tmp_path, "sarsa", seed=seed)
    warnings = " ".join(compared(tmp_path)["warnings"])
    assert "1 run is left out: 1 duplicate (same" in warnings and "1 of 2 groups has one seed" in warnings
    write_run(tmp_path, "random")
    assert "2 of 3 groups have one seed" in " ".join(compared(tmp_path)["warnings"])


def test_a_figure_begins_with_algorithms_that_have_a_curve_in_it(tmp_path):
    for i in range(20):  # the better half, and so the first eight, ran elsewhere
        write_run(tmp_path, f"agent-{i:02}", "X" if i < 10 else "Y", mean=float(i), optimum=20.0)
        write_run(tmp_path, f"agent-{i:02}", "Z", mean=float(i), optimum=20.0)
    document = compared(tmp_path)
    shown, curves = (figures(document, tmp_path)[key] for key in ("shown", "curves"))
    assert [len(keys) for keys in shown["curves"]] == [10, 10, 8]
    for keys, rows in zip(shown["curves"], curves, strict=True):
        assert keys == [row["key"] for row in rows][: len(keys)]


def test_labels_keep_the_order_of_the_options_and_say_true_and_false(tmp_path):
    for i, flag in enumerate((True, False)):
        write_run(tmp_path, options={"z": flag, "a": i, "m": 3}, num_envs=2 + i)
    assert labels(compared(tmp_path)) == ["q-learning z=false a=1 envs=3", "q-learning z=true a=0 envs=2"]


def test_numbers_in_labels_are_short_where_they_stay_apart(tmp_path):
    for size in (0.1439416370477771, 12345.678, 1.25e-07):
        write_run(tmp_path, options={"learning_rate": size, "x": 0.12345 if size < 1 else 0.12346})
    document = compared(tmp_path)
    assert labels(document) == [
        "q-learning learning_rate=0.1439 x=0.12345",
        "q-learning learning_rate=1.25e-07 x=0.12345",
        "q-learning learning_rate=12346 x=0.12346",
    ]
    assert ">0.1439416370477771</td>" in page(document, tmp_path)


def test_a_table_of_returns_has_the_best_of_its_environment_first(tmp_path):
    for agent, there, here in (("a", 9.0, 1.0), ("b", 5.0, 2.0)):
        write_run(tmp_path, agent, "X", mean=there, optimum=10.0)
        write_run(tmp_path, agent, "Y", mean=here, optimum=10.0)
    text = page(compared(tmp_path), tmp_path)
    tables = re.findall(r'data-place="\d">(<h3>.*?</table>)', text, re.DOTALL)
    assert [re.findall(r'title="(\w)"', table) for table in tables] == [["a", "b"], ["b", "a"]]
    assert text.count("Algorithms are sorted by the IQM of their normalized scores over 2 environments.") == 2


def test_an_algorithm_of_one_environment_is_no_winner_over_several(tmp_path):
    write_run(tmp_path, "a", "X", mean=10.0)
    for env in ("Y", "Z"):
        write_run(tmp_path, "b", env, mean=1.0)
        write_run(tmp_path, "c", env, mean=2.0)
    document = compared(tmp_path)
    assert [one["label"] for one in document["algorithms"]] == ["c", "b", "a"]
    assert "so the order is not a ranking" in page(document, tmp_path)
    write_run(tmp_path, "b", "X", mean=0.0)
    document = compared(tmp_path)
    assert document["algorithms"][0]["label"] == "b"
    assert "2 algorithms that did not run in all of them follow, unranked" in page(document, tmp_path)
    write_run(tmp_path, "c", "X", mean=0.0)
    assert "1 algorithm that did not run in all of them follows, unranked" in page(
        compared(tmp_path), tmp_path
    )


def test_where_a_curve_ends_before_its_seeds_do_it_is_said(tmp_path):
    points = [(step, 1.0) for step in range(1000, 11_000, 1000)]
    write_run(tmp_path, seed=0, steps=10_000, curve=points)
    write_run(tmp_path, "sarsa", seed=0, steps=10_000, curve=points)
    text = page(compared(tmp_path), tmp_path)
    assert "Curves that end at" not in text
    write_run(tmp_path, seed=1, steps=4000, curve=points[:4])
    document = compared(tmp_path)
    assert only(document["curves"], label="q-learning")["longest"] == 10_000
    text = "Curves that end at the last step at which all seeds have evaluations: q-learning to 4,000 steps.<"
    assert text in page(document, tmp_path)


@pytest.mark.parametrize("name", ["study.json", "study.db"])
def test_trials_of_a_study_count_where_it_is_named(tmp_path, name, capsys):
    study = tmp_path / "runs" / "tune-x"
    for i in range(3):
        trial = write_run(study, mean=float(i), options={"i": i})
    (study / name).write_text("")
    with pytest.raises(ArenaError, match="only runs of tuning studies .* name one: `arena report .*tune-x`"):
        compared(tmp_path / "runs")
    write_run(tmp_path / "runs", "sarsa")
    document = compared(tmp_path / "runs")
    assert labels(document) == ["sarsa"]
    [row] = document["skipped"]
    assert (row["path"], row["status"]) == (str(study), "study")
    assert row["reason"] == "3 runs of a tuning study: name this folder to compare them"
    [warning] = [text for text in document["warnings"] if "tuning" in text]
    assert warning.startswith(f"3 runs are left out as trials of a tuning study ({study}): name")
    assert "3 runs of a tuning study" in page(document, tmp_path)
    assert len(labels(compared(study))) == 3 and labels(compared(trial)) == ["q-learning"]
    both = comparison(read_runs([tmp_path / "runs", trial]))
    assert labels(both) == ["q-learning", "sarsa"] and both["skipped"][0]["reason"].startswith("2 runs")
    assert main(["report", str(tmp_path / "runs"), "--json"]) == 0
    assert "tuning study" in capsys.readouterr().out
