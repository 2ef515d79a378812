"""Presets solve their tasks; the full runs are slow, and their record is docs/results.md."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import arena

STUDY = Path(__file__).parents[2] / "docs/studies/deep.toml"

#: The mean return over five seeds that each should reach; of LQR, as a share of what costs least.
LEAST = {
    ("dqn", "CartPole-v1"): 475.0,
    ("actor-critic", "CartPole-v1"): 475.0,
    ("ppo", "CartPole-v1"): 475.0,
    ("reinforce", "CartPole-v1"): 400.0,
    ("dqn", "Acrobot-v1"): -90.0,
    ("actor-critic", "Acrobot-v1"): -90.0,
    ("ppo", "Acrobot-v1"): -90.0,
    ("actor-critic", "Pendulum-v1"): -250.0,
    ("ppo", "Pendulum-v1"): -250.0,
    ("actor-critic", "arena/LQR-v0"): 1.05,
    ("ppo", "arena/LQR-v0"): 1.1,
    ("dqn", "arena/FourRooms-v0"): 0.98,
}


@pytest.mark.slow
def test_every_agent_solves_its_tasks_on_seeds_that_nothing_was_chosen_on(tmp_path):
    found = {}
    for results in arena.sweep(STUDY, out=tmp_path):
        one = results.spec
        mean = np.mean([run["evaluation"]["mean"] for run in results.runs])
        found[one.agent, one.env] = mean / results.runs[0]["optimum"] if "LQR" in one.env else mean
    assert found.keys() == LEAST.keys()
    for task, least in LEAST.items():
        assert found[task] <= least if "LQR" in task[1] else found[task] >= least, (task, found[task])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("agent", "steps"),
    [("reinforce", 16_000), ("ppo", 16_000), ("actor-critic", 60_000), ("dqn", 16_000)],
)
def test_each_learns_to_balance(agent, steps, tmp_path):
    """Far from solved, far from chance (22): what breaks learning would show."""
    results = arena.train(agent, "CartPole-v1", steps=steps, seeds=5, out=tmp_path)
    assert np.mean([run["evaluation"]["mean"] for run in results.runs]) > 100
