"""Encoders in a report: which runs are of one algorithm, and how encoders compare."""

from __future__ import annotations

import csv
import io
import re

import pytest
from test_report import compared, labels, only, write_run

from arena.statistics.summary import bootstrap_ci, iqm
from arena_report.csv_table import table
from arena_report.page import page


def encoder(name="vae", fit="a", mode="frozen", loss_weight=1.0, **options):
    start = fit and {"run": f"runs/{fit}", "step": 100, "digest": fit * 8}
    return {
        "name": name,
        "options": options,
        "mode": mode,
        "loss_weight": loss_weight,
        "labels": {},
        "start": start,
    }


def test_an_encoder_makes_another_algorithm_of_an_agent(tmp_path):
    for chosen in (None, encoder(), encoder(mode="joint"), encoder("pca", latent=4)):
        write_run(tmp_path, "dqn", encoder=chosen)
    write_run(tmp_path, "dqn", seed=1)  # from before there were encoders
    assert labels(compared(tmp_path)) == ["dqn", "dqn · pca", "dqn · vae", "dqn · vae (joint)"]
    assert only(compared(tmp_path)["groups"], label="dqn")["seeds"] == [0, 1]


def test_labels_say_only_what_sets_encoders_apart(tmp_path):
    write_run(tmp_path, "dqn", encoder=encoder(latent=4, hidden_sizes=[8]), options={"learning_rate": 0.1})
    write_run(tmp_path, "dqn", encoder=encoder(latent=8, hidden_sizes=[8]), options={"learning_rate": 0.5})
    write_run(tmp_path, "dqn", encoder=encoder(mode="joint", loss_weight=2, latent=8, hidden_sizes=[8]))
    write_run(
        tmp_path, "dqn", encoder=encoder(mode="joint", loss_weight=0.5, fit=None, latent=8, hidden_sizes=[8])
    )
    assert labels(compared(tmp_path)) == [
        "dqn learning_rate=0.1 · vae latent=4",
        "dqn learning_rate=0.5 · vae latent=8",
        "dqn · vae (joint) latent=8 loss_weight=0.5 fit=none",
        "dqn · vae (joint) latent=8 loss_weight=2 fit=runs/a@100",
    ]


def test_what_nothing_weighs_is_no_difference(tmp_path):
    for seed, weight in enumerate((1.0, 2.0)):
        write_run(tmp_path, "dqn", seed=seed, encoder=encoder(loss_weight=weight))
    assert labels(compared(tmp_path)) == ["dqn · vae"]


def test_a_fit_of_its_own_for_every_seed_is_a_replication(tmp_path):
    for seed, fit in enumerate("abc"):
        write_run(tmp_path, "dqn", seed=seed, encoder=encoder(fit=fit))
    document = compared(tmp_path)
    [row] = document["groups"]
    assert (row["label"], row["seeds"]) == ("dqn · vae", [0, 1, 2])
    assert [fit["run"] for fit in row["encoder"]["fits"]] == ["runs/a", "runs/b", "runs/c"]
    assert (
        "Each seed of dqn · vae has its own fit of the encoder: the fits count as replications."
        in document["warnings"]
    )


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param("a0 a1 b0 b1", id="both fits with both seeds"),
        pytest.param("a0 b0", id="one seed with two fits"),
        pytest.param("a0 a1 b2 b3", id="seeds that share a fit"),
    ],
)
def test_other_fits_are_other_algorithms(tmp_path, runs):
    for fit, seed in runs.split():
        write_run(tmp_path, "dqn", seed=int(seed), encoder=encoder(fit=fit))
    document = compared(tmp_path)
    assert labels(document) == ["dqn · vae fit=runs/a@100", "dqn · vae fit=runs/b@100"]
    assert document["skipped"] == [] and not any("replications" in text for text in document["warnings"])


def test_a_run_that_was_copied_shares_its_seed_and_its_fit(tmp_path):
    for seed, fit in enumerate("aab"):
        write_run(tmp_path, "dqn", seed=seed // 2, encoder=encoder(fit=fit))
        write_run(tmp_path, "dqn", seed=seed // 2, encoder=encoder(fit=fit))
    document = compared(tmp_path)
    assert labels(document) == ["dqn · vae"] and len(document["skipped"]) == 4


def test_a_bonus_makes_another_algorithm(tmp_path):
    curious = {**encoder(fit=None, latent=2), "scale": 0.1, "learning_rate": 0.001, "batch_size": 64}
    del curious["mode"], curious["loss_weight"]
    write_run(tmp_path, "dqn", novelty=None)
    write_run(tmp_path, "dqn", novelty=curious)
    write_run(tmp_path, "dqn", novelty={**curious, "scale": 0.5})
    write_run(tmp_path, "dqn", novelty=curious, encoder=encoder("pca"))
    document = compared(tmp_path)
    assert labels(document) == [
        "dqn",
        "dqn · pca · vae (novelty) scale=0.1",
        "dqn · vae (novelty) scale=0.1",
        "dqn · vae (novelty) scale=0.5",
    ]
    seen = only(document["encoders"], label="dqn · pca · vae (novelty) scale=0.1")
    assert seen["improvement"] == 0.5  # over the same bonus without an encoder
    assert "novelty.scale" in page(document, tmp_path) and "novelty.scale" in table(document)


def test_the_area_is_the_mean_return_over_the_steps_that_all_have(tmp_path):
    write_run(tmp_path, "dqn", curve=[(0, 0.0), (100, 1.0)], steps=100)  # cut at 10: from 0.1 to 1
    write_run(tmp_path, "dqn", encoder=encoder(), curve=[(10, 1.0), (20, 3.0), (100, 3.0)], steps=100)
    write_run(tmp_path, "dqn", encoder=encoder("pca"), curve=[(10, 0), (100, 2), (200, 9)], steps=200)
    rows = compared(tmp_path)["encoders"]
    assert [(row["label"], row["encoder"], row["mode"]) for row in rows] == [
        ("dqn", None, None),
        ("dqn · vae", "vae", "frozen"),
        ("dqn · pca", "pca", "frozen"),
    ]
    assert [row["span"] for row in rows] == [[10, 100]] * 3
    assert [row["auc"] for row in rows] == [
        pytest.approx((0.1 + 1) / 2),
        pytest.approx((10 * 2 + 80 * 3) / 90),
        pytest.approx(1.0),
    ]
    assert rows[0]["auc_ci95"] is None and rows[0]["improvement"] is None


def test_areas_and_final_returns_have_intervals_over_seeds(tmp_path):
    finals = [0.2, 0.9, 0.5, 0.7]
    for seed, mean in enumerate(finals):
        curve = [(50, 0.0), (100, mean)]
        write_run(tmp_path, "dqn", seed=seed, mean=mean, curve=curve, encoder=encoder())
        write_run(tmp_path, "dqn", seed=seed, mean=0.5, curve=[(50, 0.5), (100, 0.5)])
    document = compared(tmp_path)
    bare, seen = document["encoders"]
    areas = [mean / 2 for mean in finals]
    assert seen["aucs"] == areas and seen["auc"] == iqm(areas) and seen["auc_ci95"] == bootstrap_ci(areas)
    assert (seen["iqm"], seen["iqm_ci95"]) == (iqm(finals), bootstrap_ci(finals))
    assert seen["improvement"] == (2 + 0.5) / 4 and seen["improvement_ci95"][0] < seen["improvement"]
    assert bare["auc"] == 0.5 and bare["seeds"] == [0, 1, 2, 3]


def test_only_the_same_agent_without_an_encoder_is_a_measure(tmp_path):
    write_run(tmp_path, "dqn", options={"learning_rate": 0.1})
    write_run(tmp_path, "dqn", options={"learning_rate": 0.5}, encoder=encoder())
    write_run(tmp_path, "ppo", encoder=encoder())
    write_run(tmp_path, "random")
    rows = compared(tmp_path)["encoders"]
    assert [row["agent"] for row in rows] == ["dqn", "dqn", "ppo"]
    assert all(row["improvement"] is None for row in rows)


def test_a_run_with_one_evaluation_has_no_area(tmp_path):
    write_run(tmp_path, "dqn", curve=[(100, 1.0)])
    write_run(tmp_path, "dqn", encoder=encoder())
    bare, seen = compared(tmp_path)["encoders"]
    assert (bare["auc"], bare["aucs"]) == (None, [None]) and seen["auc"] == 1
    assert page(compared(tmp_path), tmp_path)


def test_the_page_and_the_table_have_encoders_where_there_are_any(tmp_path):
    write_run(tmp_path, "dqn", env="X")
    assert 'id="encoders"' not in page(compared(tmp_path), tmp_path)
    assert "auc" not in table(compared(tmp_path)).splitlines()[0].split(",")
    write_run(tmp_path, "dqn", env="X", encoder=encoder(mode="joint", latent=4))
    write_run(tmp_path, "dqn", env="Y")
    text = page(compared(tmp_path), tmp_path)
    section = text[text.index('id="encoders"') : text.index('id="profiles-section"')]
    assert (
        "Areas from step 50 to 100." in section and "No agent used an encoder in this environment." in section
    )
    assert re.search(r"dqn · vae \(joint\)", section)
    assert "<code>encoder.latent</code>" not in text  # which does not differ
    assert "encoder.latent = 4" in text
    rows = {
        row["label"]: row
        for row in csv.DictReader(io.StringIO(table(compared(tmp_path))))
        if row["env"] == "X"
    }
    seen = rows["dqn · vae (joint)"]
    assert (seen["encoder"], seen["encoder.mode"], seen["encoder.latent"]) == ("vae", "joint", "4")
    assert (seen["encoder.fit"], seen["auc"], rows["dqn"]["encoder"]) == ("runs/a@100", "1.0", "")


@pytest.mark.parametrize("broken", ["text", {"name": "vae"}, {**encoder(), "start": {"run": "x"}}])
def test_an_encoder_that_is_none_is_damage(tmp_path, broken):
    write_run(tmp_path, "dqn")
    write_run(tmp_path, "dqn", seed=1, encoder=broken)
    assert [row["status"] for row in compared(tmp_path)["skipped"]] == ["damaged"]
