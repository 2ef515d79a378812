"""Ids of runs: everything that decides the outcome is in them, and nothing else."""

from __future__ import annotations

import pytest
from test_runner import CLIFF, experiment, prepared

import arena

BASE = {"agent_options": {"discount": 0.9}, "env_options": {"slip": 0.1}, "steps": 100}
OTHERS = [
    {"agent_options": {"discount": 0.8}},
    {"agent_options": {"discount": 0.9, "initial_value": 1.0}},
    {"env_options": {"slip": 0.2}},
    {"num_envs": 2},
    {"horizon": 51},
    {"episodes": 6},
    {"wrappers": ["TimeLimit(max_episode_steps=9)"]},
    {"wrappers": ["TimeLimit(max_episode_steps=8)"]},
    {"agent": "sarsa"},
    {"env": "arena/Grid-v0"},
    {"threads": 2},
]
SAMES = [
    {"steps": 200},
    {"evaluate_every": 3},
    {"log_every": 3},
    {"seeds": [0, 1, 2]},
    {"agent_options": {"discount": 0.90, "initial_value": 0}},
    {"env_options": {"slip": 0.1, "step_reward": -1}},
]


def test_whatever_decides_the_outcome_is_in_the_id():
    base = experiment(**BASE).id(0)
    ids = [experiment(**{**BASE, **other}).id(0) for other in OTHERS]
    assert len({base, experiment(**BASE).id(1), *ids}) == 2 + len(OTHERS)


@pytest.mark.parametrize("same", SAMES, ids=str)
def test_what_does_not_decide_it_is_not(same):
    assert experiment(**{**BASE, **same}).id(0) == experiment(**BASE).id(0)


def test_a_whole_number_is_the_same_discount():
    one, other = (experiment(agent_options={"discount": discount}) for discount in (1, 1.0))
    assert one.id(0) == other.id(0)
    assert one == other


def test_maps_count_by_their_content(tmp_path):
    ids = []
    for name, text in (("a", "S.G"), ("b", "S.G\n"), ("a", "S..G")):
        path = tmp_path / f"{name}.txt"
        path.write_text(text)
        ids.append(experiment(env="arena/Grid-v0", env_options={"map": str(path)}).id(0))
    assert ids[0] == ids[1] == experiment(env="arena/Grid-v0", env_options={"map": "S.G"}).id(0)
    assert ids[2] != ids[0]


def test_a_new_revision_is_another_run(monkeypatch):
    before = experiment()
    ids = {before.id(0)}
    for spec in (before.plugin, arena.plugins.discovery.get_plugins().environments[CLIFF]):
        object.__setattr__(spec, "revision", 2)
        ids.add(experiment().id(0))
        object.__setattr__(spec, "revision", 1)
    assert len(ids) == 3
    assert experiment().id(0) == before.id(0)


def test_the_out_folder_is_not_in_the_id(tmp_path):
    names = {prepared(tmp_path / out).folder.name for out in "ab"}
    assert len(names) == 1
