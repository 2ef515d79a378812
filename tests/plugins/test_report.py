"""Reports of run folders in whatever state: read, grouped, compared, and written without a word of theirs obeyed."""

from __future__ import annotations

import csv
import html.parser
import io
import json
import re

import numpy as np
import pytest
from markupsafe import escape

from arena.cli import main
from arena.errors import ArenaError
from arena.statistics.summary import bootstrap_ci, iqm
from arena.testing import imports_lightly
from arena_report import RunRecord, comparison, read_runs
from arena_report.csv_table import table
from arena_report.formatting import decimals
from arena_report.page import page, templates
from run_files import put, put_logs

VERSIONS = {"python": "3.11.7", "arena-rl": "0.1.0", "numpy": "2.4.6"}


def write_run(
    folder,
    agent="q-learning",
    env="Lake-v0",
    seed=0,
    mean=1.0,
    *,
    options=None,
    env_options=None,
    wrappers=(),
    optimum=2.0,
    policy_value=None,
    steps=100,
    total=None,
    curve=None,
    finished=True,
    horizon=50,
    versions=VERSIONS,
    **settings,
):
    """A run folder as the runner leaves it, without checkpoints; returns its path."""
    total = steps if total is None else total
    path = folder / f"run{len([*folder.iterdir()]) if folder.exists() else 0:04d}"
    path.mkdir(parents=True)
    experiment = {
        "agent": {"name": agent, "options": options or {}},
        "env": {"id": env, "options": env_options or {}, "wrappers": list(wrappers)},
        "num_envs": 1,
        "steps": total,
        "seeds": [seed],
        "horizon": horizon,
        "episodes": 20,
        "evaluate_every": 10,
        "log_every": 5,
        "device": "cpu",
        **settings,
    }
    document = {"schema": 1, "id": path.name, "experiment": experiment, "versions": versions}
    put(path / "run.json", document)
    curve = [(steps // 2, mean), (steps, mean)] if curve is None else curve
    lines = [{"step": step, "episodes": 1, "evaluation": value} for step, value in curve]
    timing = {"step": steps, "seconds": 1.5, "time": 1.7e9}
    noted = put_logs(path, [{"step": 1, "episodes": 0, "td_error": 0.5}, *lines], [timing])
    if finished:
        result = {
            "schema": 1,
            "seed": seed,
            "steps": steps,
            "episodes": 9,
            "converged": False,
            "evaluation": {"returns": [mean], "mean": mean},
            "optimum": optimum,
            "policy_value": policy_value,
            "metrics": noted,
        }
        put(path / "result.json", result)
    return path


def compared(folder, **settings):
    return comparison(read_runs([folder]), **settings)


def labels(document):
    return sorted({row["label"] for row in document["groups"]})


def only(rows, **wanted):
    [row] = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    return row


def test_one_run(tmp_path):
    write_run(tmp_path, mean=1.5, optimum=2.0, policy_value=1.75)
    document = compared(tmp_path)
    [row] = document["groups"]
    assert (row["label"], row["env"], row["seeds"], row["steps"]) == ("q-learning", "Lake-v0", [0], [100])
    assert (row["mean"], row["iqm"], row["ci95"], row["iqm_ci95"]) == (1.5, 1.5, None, None)
    assert (row["optimum"], row["policy_value"], row["gap"]) == (2.0, 1.75, 0.25)
    assert document["aggregate"] == [] and document["improvement"] == []
    assert document["curves"][0]["steps"] == [50, 100] and document["curves"][0]["low"] is None
    assert "one seed" in " ".join(document["warnings"])
    assert "<h1>q-learning on Lake-v0</h1>" in page(document, tmp_path)


def test_numbers_are_those_of_the_statistics(tmp_path):
    means = [0.2, 0.9, 0.5, 0.7, 0.4]
    for seed, mean in enumerate(means):
        write_run(tmp_path, seed=seed, mean=mean, optimum=1.0, policy_value=mean + 0.01)
        write_run(tmp_path, agent="random", seed=seed, mean=0.1 * seed, optimum=1.0)
    document = compared(tmp_path)
    row = only(document["groups"], label="q-learning")
    assert row["mean"] == pytest.approx(np.mean(means)) and row["iqm"] == iqm(means)
    assert row["ci95"] == bootstrap_ci(means, "mean") and row["iqm_ci95"] == bootstrap_ci(means)
    assert row["gap"] == pytest.approx(1 - np.mean(means) - 0.01)
    assert row["normalized"] == pytest.approx(np.mean(means))  # 0 is the lowest run: random's 0.0
    assert only(document["groups"], label="random")["gap"] == pytest.approx(0.8)
    [pair] = document["improvement"]
    assert (pair["x"], pair["y"], pair["environments"]) == ("q-learning", "random", 1)
    wins = np.mean([[(x > y) + (x == y) / 2 for y in np.arange(5) * 0.1] for x in means])
    assert pair["probability"] == pytest.approx(wins)
    [profile] = [one for one in document["profiles"]["curves"] if one["label"] == "q-learning"]
    taus = document["profiles"]["taus"]
    assert profile["fraction"] == [np.mean([mean > tau for mean in means]) for tau in taus]
    curve = only(document["curves"], label="q-learning")
    assert curve["iqm"] == pytest.approx([iqm(means)] * 2, rel=1e-5)
    assert json.loads(json.dumps(document, allow_nan=False))["groups"][0]["mean"] == row["mean"]


def test_environments_are_aggregated_where_all_algorithms_ran(tmp_path):
    for agent, env in [("a", "X"), ("a", "Y"), ("a", "Z"), ("b", "X"), ("b", "Y")]:
        for seed in range(3):
            write_run(tmp_path, agent, env, seed, mean=seed + (agent == "a"), optimum=3.0)
    document = compared(tmp_path)
    assert [row["environments"] for row in document["aggregate"]] == [["X", "Y"]] * 2
    row = only(document["aggregate"], label="a")
    assert (row["runs"], row["mean"], row["iqm"]) == (6, pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert row["iqm_ci95"][0] < row["iqm"] < row["iqm_ci95"][1]
    assert any("2 of 3 environments" in text for text in document["warnings"])


def test_only_complete_algorithms_are_aggregated_where_few_environments_are_shared(tmp_path):
    for agent, env in [("a", "X"), ("a", "Y"), ("b", "X")]:
        write_run(tmp_path, agent, env)
    document = compared(tmp_path)
    assert [row["label"] for row in document["aggregate"]] == ["a"]
    assert any("1 of 2 algorithms" in text for text in document["warnings"])
    assert document["improvement"][0]["environments"] == 1


def test_nothing_is_aggregated_where_nothing_is_shared(tmp_path):
    write_run(tmp_path, "a", "X")
    write_run(tmp_path, "b", "Y")
    document = compared(tmp_path)
    assert document["aggregate"] == [] and document["profiles"]["curves"] == []
    assert document["improvement"] == []
    assert "so there are no profiles" in page(document, tmp_path)


def test_the_scale_without_an_optimum_ends_at_the_best_run(tmp_path):
    for seed, mean in enumerate([1.0, 2.0, 5.0]):
        write_run(tmp_path, seed=seed, mean=mean, optimum=None)
    document = compared(tmp_path)
    [row], [place] = document["groups"], document["environments"]
    assert (row["optimum"], row["gap"], place["optimum"]) == (None, None, None)
    assert (place["zero"], place["one"]) == (1, 5)
    assert row["normalized"] == pytest.approx(5 / 12)


def test_an_optimum_that_is_the_lowest_score_is_reached(tmp_path):
    for seed in range(3):
        write_run(tmp_path, seed=seed, mean=-13.0, optimum=-13.0)
    assert compared(tmp_path)["groups"][0]["normalized"] == 1


def test_runs_that_differ_only_in_seed_steps_and_cadences_are_one_group(tmp_path):
    write_run(tmp_path, seed=0, options={"learning_rate": 1, "schedule": {"a": 1, "b": 2}})
    write_run(
        tmp_path, seed=1, options={"schedule": {"b": 2, "a": 1.0}, "learning_rate": 1.0}, evaluate_every=7
    )
    write_run(tmp_path, seed=2, options={"learning_rate": 1, "schedule": {"a": 1, "b": 2}}, steps=300)
    document = compared(tmp_path)
    assert labels(document) == ["q-learning"] and document["groups"][0]["seeds"] == [0, 1, 2]
    assert any("100 to 300" in text for text in document["warnings"])


def test_labels_say_only_what_sets_apart(tmp_path):
    for size in (0.1, 0.5):
        write_run(tmp_path, options={"learning_rate": size, "discount": 1.0, "schedule": None})
    write_run(tmp_path, "sarsa", options={"learning_rate": 0.3})
    assert labels(compared(tmp_path)) == [
        "q-learning learning_rate=0.1",
        "q-learning learning_rate=0.5",
        "sarsa",
    ]


def test_presets_of_environments_make_no_second_algorithm(tmp_path):
    write_run(tmp_path, env="X", options={"learning_rate": 0.1})
    write_run(tmp_path, env="Y", options={"learning_rate": 0.5})
    document = compared(tmp_path)
    assert labels(document) == ["q-learning"] and len(document["aggregate"]) == 1
    write_run(tmp_path, env="X", options={"learning_rate": 0.5})
    assert labels(compared(tmp_path)) == ["q-learning learning_rate=0.1", "q-learning learning_rate=0.5"]


def test_settings_and_wrappers_and_horizons_set_apart_too(tmp_path):
    write_run(tmp_path)
    write_run(tmp_path, num_envs=8)
    write_run(tmp_path, env="W", env_options={"slip": 0.1})
    write_run(tmp_path, env="W", env_options={"slip": 0.2}, wrappers=["TimeLimit(max_episode_steps=9)"])
    write_run(tmp_path, env="H", horizon=5)
    write_run(tmp_path, env="H", horizon=7)
    document = compared(tmp_path)
    assert labels(document) == ["q-learning envs=1", "q-learning envs=8"]
    assert sorted(place["label"] for place in document["environments"]) == [
        "H horizon=5",
        "H horizon=7",
        "Lake-v0",
        "W slip=0.1 wrappers=none",
        "W slip=0.2 wrappers=TimeLimit(max_episode_steps=9)",
    ]


def test_long_values_are_cut_and_stay_apart(tmp_path):
    for end in "ab":
        write_run(tmp_path, options={"map": "#" * 250 + end + "#" * 250})
    short = f"{'#' * 20}…{'#' * 19}"
    assert labels(compared(tmp_path)) == [f"q-learning map={short}", f"q-learning map={short} (2)"]


def test_a_seed_counts_once(tmp_path):
    write_run(tmp_path, steps=100, mean=1.0)
    write_run(tmp_path, steps=200, mean=2.0)
    further = write_run(tmp_path, steps=300, mean=3.0, finished=False)
    document = compared(tmp_path, partial=True)
    assert [run["path"] for run in document["runs"]] == [str(further)]
    assert [row["status"] for row in document["skipped"]] == ["duplicate", "duplicate"]
    twice = comparison(read_runs([tmp_path, further, tmp_path / ".." / tmp_path.name]))
    assert twice["groups"] == compared(tmp_path)["groups"]


def test_unfinished_runs_are_left_out_or_counted_and_said_so(tmp_path):
    write_run(tmp_path, seed=0, mean=1.0)
    write_run(
        tmp_path, seed=1, finished=False, steps=40, total=100, curve=[(20, 0.1), (40, 0.5)], optimum=None
    )
    write_run(tmp_path, seed=2, finished=False, steps=3, total=100, curve=[])
    document = compared(tmp_path)
    assert document["groups"][0]["seeds"] == [0]
    assert {row["reason"] for row in document["skipped"]} == {
        "40 of 100 steps trained",
        "has no evaluation yet",
    }
    assert "2 runs are left out: 2 unfinished" in document["warnings"][0]
    document = compared(tmp_path, partial=True)
    assert (document["groups"][0]["seeds"], document["groups"][0]["mean"]) == ([0, 1], 0.75)
    assert any("1 run is unfinished and counted" in text for text in document["warnings"])
    assert [run["status"] for run in document["runs"]] == ["finished", "unfinished"]


def test_a_finished_run_that_trains_on_is_unfinished(tmp_path):
    path = write_run(tmp_path, seed=0, steps=100)
    document = json.loads((path / "run.json").read_text())
    document["experiment"]["steps"] = 500
    put(path / "run.json", document)
    [run] = read_runs([tmp_path])
    assert isinstance(run, RunRecord) and not run.finished


DAMAGE = {
    "truncated": ("run.json", '{"schema": 1, "exp'),
    "empty": ("run.json", ""),
    "list": ("run.json", "[1, 2]"),
    "deep": ("run.json", "[" * 100_000),
    "no experiment": ("run.json", '{"schema": 1}'),
    "newer": ("run.json", '{"schema": 99}'),
    "binary": ("run.json", "\x00\xff"),
    "result truncated": ("result.json", '{"evalua'),
    "result of another shape": ("result.json", '{"evaluation": 3, "converged": false, "steps": 100}'),
    "mean is a text": ("result.json", '{"evaluation": {"mean": "1"}, "converged": false, "steps": 100}'),
    "mean is null": ("result.json", '{"evaluation": {"mean": null}, "converged": false, "steps": 100}'),
    "mean is NaN": ("result.json", '{"evaluation": {"mean": NaN}, "converged": false, "steps": 100}'),
    "mean is huge": ("result.json", '{"evaluation": {"mean": 1e999}, "converged": false, "steps": 100}'),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_run_is_a_row_and_stops_nothing(tmp_path, damage):
    write_run(tmp_path, seed=0)
    broken = write_run(tmp_path, seed=1)
    name, content = DAMAGE[damage]
    (broken / name).write_text(content, encoding="latin-1")
    if (name == "result.json" and content.endswith("}") and "1e999" not in content) or damage == "newer":
        put(broken / name, json.loads(content))
    document = compared(tmp_path)
    assert [run["seed"] for run in document["runs"]] == [0]
    [row] = document["skipped"]
    assert (row["path"], row["status"]) == (str(broken), "newer" if damage == "newer" else "damaged")
    text = page(document, tmp_path)
    assert row["reason"] in text and f"./{broken.name}/" in text
    assert "1 run is left out" in text


@pytest.mark.parametrize("name", ["metrics.jsonl", "timing.jsonl"])
@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\n", b'{"step": 5, "evaluation": 1'])
def test_broken_logs_are_damage(tmp_path, name, content):
    write_run(tmp_path, seed=1)
    path = write_run(tmp_path)
    (path / name).unlink() if content is None else (path / name).write_bytes(content)
    document = compared(tmp_path)
    [row] = document["skipped"]
    assert row["path"] == str(path) and row["status"] == "damaged"
    assert "jsonl" in row["reason"] or "malformed" in row["reason"]


def test_evaluations_that_are_not_numbers_are_left_out_of_curves(tmp_path):
    write_run(tmp_path, seed=0, curve=[(10, 0.0), (20, 1.0), (30, 2.0), (40, 3.0)])
    path = write_run(
        tmp_path, seed=1, curve=[(10, None), (20, 3.0), (30, float("nan")), (40, 5.0), (60, 7.0)]
    )
    with (path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 40, "evaluat')  # torn
    curve = compared(tmp_path)["curves"][0]
    assert (curve["steps"], curve["iqm"]) == ([20, 40], [2, 4])


def test_names_in_any_script(tmp_path):
    write_run(tmp_path, "агент-学習-🎲", "環境/Ä-v0", options={"größe": "ß"})
    write_run(tmp_path, "агент-学習-🎲", "環境/Ä-v0", options={"größe": "ö"})
    broken = write_run(tmp_path, "half")
    put(broken / "run.json", json.loads((broken / "run.json").read_text().replace("half", "half-\\ud800")))
    document = compared(tmp_path)
    assert labels(document) == ["half-?", "агент-学習-🎲 größe=ß", "агент-学習-🎲 größe=ö"]
    assert "агент-学習-🎲 größe=ö" in page(document, tmp_path)
    assert "größe" in table(document)


def test_no_runs(tmp_path):
    with pytest.raises(ArenaError, match="there are no runs in these folders; name a folder"):
        compared(tmp_path)
    with pytest.raises(ArenaError, match="there is no folder"):
        read_runs([tmp_path / "absent"])
    write_run(tmp_path, finished=False, total=200)
    with pytest.raises(ArenaError, match="none of 1 run has finished and can be read; .* --partial"):
        compared(tmp_path)
    (tmp_path / "run0000" / "run.json").write_text("")
    with pytest.raises(ArenaError, match="see `arena list runs"):
        compared(tmp_path)


def test_what_is_inside_a_run_is_its_own(tmp_path):
    path = write_run(tmp_path)
    write_run(path / "checkpoint")
    assert len(read_runs([tmp_path])) == 1


def test_versions_and_optima_that_differ_are_said(tmp_path):
    write_run(tmp_path, seed=0, optimum=2.0)
    write_run(tmp_path, seed=1, optimum=2.0, versions={**VERSIONS, "numpy": "1.26"})
    write_run(tmp_path, seed=2, optimum=3.0)
    document = compared(tmp_path)
    assert document["versions"]["numpy"] == {"2.4.6": 2, "1.26": 1}
    assert document["groups"][0]["optimum"] == 2
    warnings = " ".join(document["warnings"])
    assert "different versions of numpy" in warnings and "different optima for Lake-v0 (2, 3)" in warnings
    assert "2.4.6 (2 runs), 1.26 (1 run)" in page(document, tmp_path)


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)><!--\"'&{{data}}\u202e"


def hostile_runs(folder):
    for seed in range(2):
        for agent in (HOSTILE, "<a href='javascript:alert(3)'>x</a>"):
            write_run(
                folder,
                agent,
                HOSTILE + "-v0",
                seed,
                options={HOSTILE: HOSTILE},
                env_options={"map": HOSTILE},
                wrappers=[HOSTILE],
                versions={HOSTILE: HOSTILE},
                device=HOSTILE,
                horizon=HOSTILE,
            )
    (write_run(folder, seed=9) / "result.json").write_text("{")
    (folder / "run0004").rename(folder / '" onclick="alert(4)" <b>')


class Elements(html.parser.HTMLParser):
    """The elements of a page and their attributes, as a browser sees them."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def test_a_strangers_names_are_text(tmp_path):
    hostile_runs(tmp_path)
    text = page(compared(tmp_path), tmp_path)
    parser = Elements()
    parser.feed(text)
    tags = [tag for tag, _ in parser.found]
    assert tags.count("script") == 3 and not {"img", "iframe", "object", "form", "base"} & {*tags}
    assert not [name for _, attributes in parser.found for name in attributes if name.startswith("on")]
    links = [attributes["href"] for tag, attributes in parser.found if tag == "a"]
    assert len(links) == 5 and all(re.fullmatch(r"\./[\w.%-]+/", link) for link in links)
    assert text.count(escape(HOSTILE.replace("\u202e", ""))) > 5 and "\u202e" not in text
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert HOSTILE in [one["label"] for one in data["algorithms"]]


def test_json_cannot_leave_its_element():
    value = {"</script><!--&": ["\u2028", 1.5]}
    text = templates().from_string("{{ value|tojson }}").render(value=value)
    assert not set("<>&\u2028") & set(text) and json.loads(text) == value


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([-13.0, -200, 0], ["−13", "−200", "0"]),
        ([0.728, 0.7, None], ["0.728", "0.700", "–"]),
        ([7.896, 7.9, 7.9, -217.91], ["7.90", "7.90", "7.90", "−217.91"]),
        ([12345.678, 20000.5], ["12,345.7", "20,000.5"]),
        ([1e-16, 0.0], ["0", "0"]),
        ([1.5e9, -2.25e8], ["1.5e+09", "−2.25e+08"]),
        ([0.0001, -0.00001], ["0.0001", "−1e−05"]),
        ([0.5, -0.00001], ["0.5000", "0.0000"]),
        ([], []),
    ],
)
def test_numbers_of_a_column_align(values, texts):
    write = decimals(values)
    assert [write(value) for value in values] == texts


def test_digits_of_a_gap_are_those_of_the_returns():
    assert decimals([-13.0, -15.0], also=[2.5, None])(2.5) == "2.5"
    assert decimals([0.75, 0.5], also=[0.0041])(0.0041) == "0.004"


def test_the_table_has_a_row_for_each_run(tmp_path):
    write_run(tmp_path, seed=0, options={"learning_rate": 0.5, "schedule": None, "nested": {"a": True}})
    write_run(tmp_path, "random", seed=3, mean=0.25, env_options={"slip": 0.1}, optimum=None, total=100)
    rows = sorted(csv.DictReader(io.StringIO(table(compared(tmp_path)))), key=lambda row: row["seed"])
    assert [row["agent"] for row in rows] == ["q-learning", "random"]
    assert (rows[0]["agent.learning_rate"], rows[0]["agent.nested"], rows[0]["agent.schedule"]) == (
        "0.5",
        '{"a": true}',
        "",
    )
    assert (rows[1]["seed"], rows[1]["mean"], rows[1]["optimum"], rows[1]["env.slip"]) == (
        "3",
        "0.25",
        "",
        "0.1",
    )


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for seed in range(3):
        write_run(tmp_path / "runs", seed=seed, mean=float(seed))
    assert main(["report"]) == 0
    assert "3 runs → report.html" in capsys.readouterr().out
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and 'href="./runs/run0000/"' in text
    (tmp_path / "report.html").unlink()

    assert main(["report", "runs", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["groups"][0]["mean"] == 1 and not (tmp_path / "report.html").exists()

    assert main(["report", "runs/run0000", "runs/run0001", "--csv", "runs.csv"]) == 0
    assert "2 runs → runs.csv" in capsys.readouterr().out and not (tmp_path / "report.html").exists()
    assert (tmp_path / "runs.csv").read_text().count("\n") == 3

    (tmp_path / "deep" / "er").mkdir(parents=True)
    assert main(["report", "--out", "deep/er/page.html"]) == 0
    assert 'href="./../../runs/run0000/"' in (tmp_path / "deep" / "er" / "page.html").read_text("utf-8")
    assert main(["report", "--out", "no/where.html"]) == 2
    assert "cannot write no/where.html" in capsys.readouterr().err
    assert main(["report", "nothing"]) == 2
    assert "there is no folder nothing" in capsys.readouterr().err


def test_the_same_runs_are_the_same_page(tmp_path):
    for seed in range(3):
        write_run(tmp_path, seed=seed, mean=float(seed))
        write_run(tmp_path, "random", seed=seed, mean=seed / 2)
    assert page(compared(tmp_path), tmp_path) == page(compared(tmp_path), tmp_path)


def test_the_page_needs_nothing_from_the_net(tmp_path):
    write_run(tmp_path)
    text = page(compared(tmp_path), tmp_path)
    head = text[: text.index("plotly.js v")]
    assert "default-src 'none'" in html.unescape(head)
    assert not re.findall(r"https?://|@import|url\(", head)


def test_reading_runs_imports_nothing_that_they_name(tmp_path):
    write_run(tmp_path)
    code = (
        "from pathlib import Path; from arena_report import *; from arena_report.page import page; "
        f"page(comparison(read_runs([Path({str(tmp_path)!r})])), Path({str(tmp_path)!r}))"
    )
    imports_lightly(code, ("gymnasium", "numba", "scipy", "torch"))


def test_planners_count_sweeps(tmp_path):
    write_run(tmp_path, "value-iteration", steps=7)
    write_run(tmp_path, "q-learning", steps=1000)
    document = compared(tmp_path)
    assert only(document["curves"], label="value-iteration")["unit"] == "sweep"
    assert "7 sweeps" in page(document, tmp_path)
    assert not any("numbers of steps" in text for text in document["warnings"])


def test_a_thousand_algorithms_are_compared_as_far_as_anyone_reads(tmp_path):
    for i in range(60):
        write_run(tmp_path, options={"i": i}, mean=float(i))
    document = compared(tmp_path)
    assert len(document["groups"]) == 60 and len(document["improvement"]) == 50 * 49 / 2
    assert document["algorithms"][0]["label"] == "q-learning i=59"
    text = page(document, tmp_path)
    assert "The best 24 of 60 algorithms are shown." in text
    data = re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1]
    assert len(json.loads(data)["shown"]["curves"][0]) == 8 and len(json.loads(data)["algorithms"]) == 60


def test_many_algorithms_are_thinned_on_the_page_which_says_so(tmp_path, monkeypatch):
    for i in range(6):
        write_run(tmp_path, options={"epsilon": i / 10})
    document = compared(tmp_path)
    whole = page(document, tmp_path)
    monkeypatch.setattr("arena_report.page.MOST_DRAWN", 2)
    monkeypatch.setattr("arena_report.page.MOST_LISTED", 3)
    thinned = page(document, tmp_path)
    assert "Of 6 algorithms, tables have the best 3 and figures the best 2 of each environment" in thinned
    assert "of each environment" not in whole
    assert thinned.count('class="key"') == 2 * whole.count('class="key"') // 6
    assert all(f"/run{i:04d}/" in thinned for i in range(6)), "every run is listed"
